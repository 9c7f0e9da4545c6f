//go:build unix

package soak

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/exporter"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
)

// scraper runs exporters on three servers and writes down what they say.
type scraper struct {
	pace

	program  *exporter.Program
	rig      *rig.Rig
	recorder *recorder
	number   atomic.Int64 // of scrapes
	steady   atomic.Int64 // of these those of the exporter that runs all the time
	beats    atomic.Int64 // of the pulse of that one
}

// running is one run of one exporter.
type running struct {
	*exporter.Exporter
	teller
}

// start starts an exporter on servers, of which it takes the first for the primary.
func (s *scraper) start(ctx context.Context, source history.Source, servers []*pgcluster.Server) (*running, error) {
	r := &running{teller: teller{source: source, clock: s.recorder.clock, nodes: map[string]string{}}}
	var dsns []string
	for _, server := range servers {
		dsns = append(dsns, s.rig.DSN(server))
		r.nodes[server.Addr()] = server.Name
	}
	var err error
	r.Exporter, err = s.pace.start(ctx, s.program, dsns)
	return r, err
}

// always scrapes an exporter that runs until ctx ends.
func (s *scraper) always(ctx context.Context, r *running, random *rand.Rand) error {
	pause := func() time.Duration { return s.pause(random, 0) }
	return errors.Join(s.scrapeFor(ctx, r, 0, pause), s.end(r))
}

// end ends an exporter, which has told all then.
func (s *scraper) end(r *running) error { return errors.Join(r.Stop(), s.tell(r)) }

// tell writes down what an exporter counted since the last call.
func (s *scraper) tell(r *running) error {
	for _, line := range r.told(r.Exporter) {
		if err := s.recorder.write(line); err != nil {
			return err
		}
		if line.Beat != nil && !line.Beat.Scraped && r.source.Exporter == steady {
			s.beats.Add(1)
		}
	}
	return nil
}

// onAndOff runs an exporter on all servers or on two of them, for a while each time.
func (s *scraper) onAndOff(ctx context.Context, name string, random *rand.Rand, longest time.Duration) error {
	upTo := func(longest time.Duration) time.Duration { return time.Duration(random.Int64N(int64(longest))) }
	servers := s.rig.Servers.Servers()
	for run := 1; ctx.Err() == nil; run++ {
		random.Shuffle(len(servers), func(i, j int) { servers[i], servers[j] = servers[j], servers[i] })
		r, err := s.start(ctx, history.Source{Exporter: name, Run: run}, servers[:2+random.IntN(len(servers)-1)])
		if err != nil {
			return err
		}
		pause := upTo(50 * time.Millisecond)
		err = s.scrapeFor(ctx, r, longest+upTo(20*longest), func() time.Duration { return s.pause(random, pause) })
		if err := errors.Join(err, s.end(r)); err != nil {
			return err
		}
		_ = lab.Sleep(ctx, upTo(2*longest)) // An end shows in the loop.
	}
	return nil
}

// scrapeFor scrapes until ctx ends, or for a time that is not 0.
func (s *scraper) scrapeFor(ctx context.Context, r *running, length time.Duration, pause func() time.Duration) error {
	for began := time.Now(); ctx.Err() == nil && (length == 0 || time.Since(began) < length); {
		scrape, err := s.scrape(ctx, r)
		if err != nil {
			return lab.Ended(ctx, fmt.Errorf("the exporter %s: %w", r.source.Exporter, err))
		}
		if err := errors.Join(s.recorder.write(history.Line{Scrape: scrape}), s.tell(r)); err != nil {
			return err
		}
		if length == 0 {
			s.steady.Add(1)
		}
		_ = lab.Sleep(ctx, max(pause(), restBetween))
	}
	return nil
}

// restBetween leaves the processor to the servers.
const restBetween = 2 * time.Millisecond

func (s *scraper) scrape(ctx context.Context, r *running) (*history.Scrape, error) {
	said, err := r.once(ctx, r.Exporter)
	if err != nil {
		return nil, err
	}
	samples := said.samples
	h := &history.Scrape{
		Source: r.source, Number: int(s.number.Add(1)), Began: said.from, Ended: said.to, Totals: said.totals,
		Up:       samples.Value("pg_canary_up") == 1,
		Capacity: samples.Integer("pg_canary_primary_capacity"), LSN: samples.Integer("pg_canary_primary_lsn"),
		Timeline: samples.Integer("pg_canary_primary_timeline"), Primaries: samples.Integer("pg_canary_primaries"),
		Changes: total(samples, "pg_canary_primary_changes_total"), Lost: total(samples, "pg_canary_lost_writes_total"),
		Nodes: map[string]history.NodeSaid{},
	}
	for name, server := range r.nodes {
		h.Nodes[server] = saidOf(samples.Nodes[name])
	}
	moments := said.moments
	if moments == nil {
		return h, nil
	}
	h.Written, h.Sent, h.Acknowledged = r.node(moments.Primary), r.clock.Known(moments.Sent), r.clock.Known(moments.Acknowledged)
	for _, reads := range moments.Reads {
		n := h.Nodes[r.node(reads.Node)]
		n.Reads = r.reads(reads)
		h.Nodes[r.node(reads.Node)] = n
	}
	return h, nil
}

// saidOf is what a scrape says of a node.
func saidOf(of exporter.Samples) history.NodeSaid {
	n := history.NodeSaid{
		Up: of.Value("pg_canary_node_up") == 1, State: of.State, Capacity: of.Integer("pg_canary_replica_capacity"),
		LagSeconds: of.Values["pg_canary_lag_seconds"], Bound: of.Values["pg_canary_staleness_bound_seconds"],
	}
	if synced := of.Values["pg_canary_synced"]; synced != nil {
		n.Synced = new(*synced == 1)
	}
	return n
}
