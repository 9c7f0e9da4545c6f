// Package collector is the Prometheus side of the exporter: it runs a probe for
// a scrape, counts and logs what it saw, and turns it into metrics.
package collector

import (
	"context"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
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
	// MinInterval is how long after its start a probe that has ended still
	// serves further scrapes, so that no client can cause more than one commit
	// in this time. With 0, scrapes share a probe only while it runs. It is set
	// before the first probe.
	MinInterval time.Duration

	prober  Prober
	totals  *totals
	journal *journal
	events  *events
	flight  singleflight.Group
	running sync.WaitGroup
	latest  *probe.Result // of the last probe that ended; only flight uses it
	began   time.Time     // when latest started, by the monotonic clock; only flight uses it
}

// New returns the collector of a cluster. It logs when a node's condition changes.
func New(prober Prober, logger log.Logger) *Collector {
	return &Collector{prober: prober, totals: newTotals(prober.Names()), journal: newJournal(logger), events: newEvents()}
}

// Probe returns the result of a probe that it starts, or of the one that is
// running, or of one that started less than MinInterval ago. A probe that it
// starts ends within the timeout, and continues when ctx is cancelled, because
// others may wait for it. The error is ctx's.
func (c *Collector) Probe(ctx context.Context, timeout time.Duration) (*probe.Result, error) {
	c.running.Add(1)
	results := c.flight.DoChan("", func() (any, error) {
		if c.latest == nil || time.Since(c.began) >= c.MinInterval {
			c.began = time.Now()
			c.latest = c.probeOnce(context.WithoutCancel(ctx), timeout)
		}
		return c.latest, nil
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

// probeOnce runs one probe, and counts and logs what it saw.
func (c *Collector) probeOnce(ctx context.Context, timeout time.Duration) *probe.Result {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	result := c.prober.Probe(ctx)
	c.totals.countProbe(result)
	c.journal.logProbe(result)
	c.events.record(result)
	return result
}

// Events returns the last things that happened in the cluster, the newest first.
func (c *Collector) Events() []Event { return c.events.list() }

// Snapshot returns the metrics of a result, and the totals of all probes.
func (c *Collector) Snapshot(r *probe.Result) prometheus.Collector { return snapshot{r, c.totals} }

// Wait returns when no probe is running. Do not start a new one meanwhile.
func (c *Collector) Wait() { c.running.Wait() }
