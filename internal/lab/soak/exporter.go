//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/go-kit/log"

	"github.com/pg-canary/pg_canary_exporter/collector"
	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
	"github.com/pg-canary/pg_canary_exporter/internal/server"
)

const scrapeTimeout = 5 * time.Second

// exporter is the exporter as it is served, scraped over HTTP. The result of
// the probe behind a scrape is kept too: the history needs moments that no
// metric tells.
type exporter struct {
	cluster *probe.Cluster
	probed  *collector.Collector
	last    atomic.Pointer[probe.Result]
	serving *http.Server
	url     string
}

func newExporter(pair *rig.Rig, wait time.Duration) (*exporter, error) {
	config := rig.Config()
	config.Wait = wait
	cluster, err := pair.Probe(config)
	if err != nil {
		return nil, err
	}
	e := &exporter{cluster: cluster}
	e.probed = collector.New(e, log.NewNopLogger())
	routes, err := server.Routes(server.Config{
		Collector: e.probed, MetricsPath: "/metrics", ProbeTimeout: scrapeTimeout, TimeoutOffset: 250 * time.Millisecond,
	})
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // It takes no time.
	if err != nil {
		return nil, err
	}
	e.url = "http://" + listener.Addr().String() + "/metrics"
	e.serving = &http.Server{Handler: routes, ReadHeaderTimeout: scrapeTimeout}
	go func() { _ = e.serving.Serve(listener) }()
	return e, nil
}

// Names and Probe make the exporter a [collector.Prober] that keeps the result.
func (e *exporter) Names() []string { return e.cluster.Names() }

// Probe runs one probe; a scrape waits for it before it looks at the result.
func (e *exporter) Probe(ctx context.Context) *probe.Result {
	result := e.cluster.Probe(ctx)
	e.last.Store(result)
	return result
}

func (e *exporter) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, scrapeTimeout)
	defer cancel()
	err := e.serving.Shutdown(ctx)
	e.probed.Wait()
	return errors.Join(err, e.cluster.Close(ctx))
}

// ready scrapes until the pair is synced.
func (e *exporter) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		samples, err := e.get(ctx)
		if err != nil {
			return err
		}
		if samples.value("pg_canary_synced") == 1 {
			return nil
		}
	}
}

// scrape makes one scrape and returns what it showed, and the account behind it.
func (e *exporter) scrape(ctx context.Context, r *recorder) (*history.Probe, error) {
	s, err := e.get(ctx)
	if err != nil {
		return nil, err
	}
	p := &history.Probe{
		Up:              s.value("pg_canary_up") == 1,
		Capacity:        s.integer("pg_canary_primary_capacity"),
		PrimaryLSN:      s.integer("pg_canary_primary_lsn"),
		ReplicaCapacity: s.integer("pg_canary_replica_capacity"),
		LagBytes:        s.integer("pg_canary_lag_bytes"),
		LagSeconds:      s.values["pg_canary_lag_seconds"],
		State:           s.state,
	}
	if synced := s.values["pg_canary_synced"]; synced != nil {
		yes := *synced == 1
		p.Synced = &yes
	}
	return p, e.account(p, r)
}

// account adds the moments of the probe behind the scrape.
func (e *exporter) account(p *history.Probe, r *recorder) error {
	result := e.last.Load()
	w := result.Write
	if p.Up != (w != nil) {
		return fmt.Errorf("up is %v, but the probe's write is %+v", p.Up, w)
	}
	if w == nil {
		return nil
	}
	p.Sent, p.Acknowledged = r.clock.Known(w.Sent), r.clock.Known(w.Acknowledged)
	p.Ended = r.clock.Known(result.Started.Add(result.Duration))
	for _, node := range result.Replicas() {
		p.LastStale, p.FirstFresh = r.clock.Known(node.Replica.LastStale), r.clock.Known(node.Replica.FirstFresh)
		if first := node.Replica.First; first != nil {
			p.FirstSent, p.FirstReceived = r.clock.Known(first.Sent), r.clock.Known(first.Received)
		}
	}
	return nil
}
