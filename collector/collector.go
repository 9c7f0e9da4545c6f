// Package collector is the Prometheus side of the exporter: it runs a probe for
// a scrape, counts and logs what it saw, and turns it into metrics.
package collector

import (
	"context"
	"sync"

	"github.com/go-kit/log"
	dto "github.com/prometheus/client_model/go"
	"golang.org/x/sync/singleflight"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

// Prober is a cluster that can be probed; [probe.Cluster] is the real one.
type Prober interface {
	// Names returns the names of the nodes, the primary as far as known first.
	Names() []string
	// Probe runs one probe and returns before ctx's deadline.
	Probe(ctx context.Context) *probe.Result
}

// Collector runs the probes of one cluster.
type Collector struct {
	prober  Prober
	totals  *totals
	journal *journal
	flight  singleflight.Group
	running sync.WaitGroup
}

// New returns the collector of a cluster. It logs when a node's condition changes.
func New(prober Prober, logger log.Logger) *Collector {
	return &Collector{prober: prober, totals: newTotals(prober.Names()), journal: newJournal(logger)}
}

// Probe returns the result of a probe that it starts, or of the one that is
// running. That ends at the deadline of the ctx that started it, and goes on
// when that ctx is cancelled, because others may wait for it. The error is ctx's.
func (c *Collector) Probe(ctx context.Context) (*probe.Result, error) {
	c.running.Add(1)
	results := c.flight.DoChan("", func() (any, error) {
		shared, cancel := detach(ctx)
		defer cancel()
		result := c.prober.Probe(shared)
		c.totals.add(result)
		c.journal.write(result)
		return result, nil
	})
	select {
	case shared := <-results:
		c.running.Done()
		return shared.Val.(*probe.Result), nil
	case <-ctx.Done():
		go func() {
			defer c.running.Done()
			<-results
		}()
		return nil, ctx.Err()
	}
}

// families returns the metrics of a result, and what all probes add up to.
func (c *Collector) families(r *probe.Result) ([]*dto.MetricFamily, error) {
	f := families{}
	f.setResult(r)
	if err := c.totals.writeTo(f); err != nil {
		return nil, err
	}
	return f.list(), nil
}

// Wait returns when no probe is running. No new one may be started meanwhile.
func (c *Collector) Wait() { c.running.Wait() }

// detach returns a ctx with the deadline of another, but not its cancellation.
func detach(ctx context.Context) (context.Context, context.CancelFunc) {
	detached := context.WithoutCancel(ctx)
	if deadline, ok := ctx.Deadline(); ok {
		return context.WithDeadline(detached, deadline)
	}
	return context.WithCancel(detached)
}
