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
	program  *exporter.Program
	rig      *rig.Rig
	recorder *recorder
	wait     time.Duration
	number   atomic.Int64 // of scrapes
	steady   atomic.Int64 // of these those of the exporter that runs all the time
}

// running is one run of one exporter.
type running struct {
	*exporter.Exporter
	name  string
	run   int
	nodes map[string]string // servers by the names of their nodes
}

// start starts an exporter on servers, of which it takes the first for the primary.
func (s *scraper) start(ctx context.Context, name string, run int, servers []*pgcluster.Server) (*running, error) {
	r := &running{name: name, run: run, nodes: map[string]string{}}
	var dsns []string
	for _, server := range servers {
		dsns = append(dsns, s.rig.DSN(server))
		r.nodes[server.Addr()] = server.Name
	}
	var err error
	r.Exporter, err = startOn(ctx, s.program, dsns, s.wait)
	return r, err
}

// always scrapes an exporter that runs until ctx ends.
func (s *scraper) always(ctx context.Context, r *running) error {
	return errors.Join(s.scrapeFor(ctx, r, 0, 0), r.Stop())
}

// onAndOff runs an exporter on all servers or on two of them, for a while each time.
func (s *scraper) onAndOff(ctx context.Context, name string, random *rand.Rand, longest time.Duration) error {
	upTo := func(longest time.Duration) time.Duration { return time.Duration(random.Int64N(int64(longest))) }
	servers := s.rig.Servers.Servers()
	for run := 1; ctx.Err() == nil; run++ {
		random.Shuffle(len(servers), func(i, j int) { servers[i], servers[j] = servers[j], servers[i] })
		r, err := s.start(ctx, name, run, servers[:2+random.IntN(len(servers)-1)])
		if err != nil {
			return err
		}
		if err := errors.Join(s.scrapeFor(ctx, r, longest+upTo(20*longest), upTo(50*time.Millisecond)), r.Stop()); err != nil {
			return err
		}
		_ = lab.Sleep(ctx, upTo(2*longest)) // An end shows in the loop.
	}
	return nil
}

// scrapeFor scrapes until ctx ends, or for a time that is not 0.
func (s *scraper) scrapeFor(ctx context.Context, r *running, length, pause time.Duration) error {
	for began := time.Now(); ctx.Err() == nil && (length == 0 || time.Since(began) < length); {
		scrape, err := s.scrape(ctx, r)
		if err != nil {
			return lab.Ended(ctx, fmt.Errorf("the exporter %s: %w", r.name, err))
		}
		if err := s.recorder.write(history.Line{Scrape: scrape}); err != nil {
			return err
		}
		if length == 0 {
			s.steady.Add(1)
		}
		_ = lab.Sleep(ctx, max(pause, restBetween))
	}
	return nil
}

// restBetween leaves the processor to the servers.
const restBetween = 2 * time.Millisecond

func (s *scraper) scrape(ctx context.Context, r *running) (*history.Scrape, error) {
	clock, began := s.recorder.clock, time.Now()
	samples, moments, err := r.Probe(ctx)
	if err != nil {
		return nil, err
	}
	h := &history.Scrape{
		Exporter: r.name, Run: r.run, Number: int(s.number.Add(1)), Began: clock.Moment(began), Ended: clock.Moment(time.Now()),
		Up:       samples.Value("pg_canary_up") == 1,
		Capacity: samples.Integer("pg_canary_primary_capacity"), LSN: samples.Integer("pg_canary_primary_lsn"),
		Timeline: samples.Integer("pg_canary_primary_timeline"), Primaries: samples.Integer("pg_canary_primaries"),
		Changes: int64(samples.Value("pg_canary_primary_changes_total")), Lost: int64(samples.Value("pg_canary_lost_writes_total")),
		Nodes: map[string]history.NodeSaid{},
	}
	for _, n := range r.Notices() {
		h.Notices = append(h.Notices, history.Notice{Kind: noticeKinds[n.Message], Commits: n.Commits})
	}
	for name, server := range r.nodes {
		h.Nodes[server] = said(samples.Nodes[name])
	}
	if moments == nil {
		return h, nil
	}
	h.Written, h.Sent, h.Acknowledged = r.nodes[moments.Primary], clock.Known(moments.Sent), clock.Known(moments.Acknowledged)
	for _, reads := range moments.Reads {
		n := h.Nodes[r.nodes[reads.Node]]
		n.FirstSent, n.FirstReceived, n.FirstFresh = clock.Known(reads.FirstSent), clock.Known(reads.FirstReceived), clock.Known(reads.FirstFresh)
		h.Nodes[r.nodes[reads.Node]] = n
	}
	return h, nil
}

var noticeKinds = map[string]string{
	exporter.TookOver: history.TookOver, exporter.Lost: history.Lost,
	exporter.AtRisk: history.AtRisk, exporter.SafeAgain: history.SafeAgain,
}

// said is what a scrape says of a node.
func said(of exporter.Samples) history.NodeSaid {
	n := history.NodeSaid{
		Up: of.Value("pg_canary_node_up") == 1, State: of.State, Capacity: of.Integer("pg_canary_replica_capacity"),
	}
	if synced := of.Values["pg_canary_synced"]; synced != nil {
		n.Synced = new(*synced == 1)
	}
	return n
}
