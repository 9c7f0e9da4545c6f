// Package collector is the Prometheus side of the exporter: it runs a probe for
// a scrape, counts and logs what it saw, and turns it into metrics.
package collector

import (
	"context"
	"slices"
	"time"

	"github.com/go-kit/log"
	dto "github.com/prometheus/client_model/go"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// Prober is a cluster that can be probed; [probe.Cluster] is the real one.
type Prober interface {
	// Names returns the names of the nodes, the primary as far as known first.
	Names() []string
	// Observe has an observer told what happens.
	Observe(o probe.Observer)
	// Probe runs one probe, or shares one, and returns what is known when ctx ends.
	Probe(ctx context.Context) *probe.Result
}

// Collector counts and logs what happens in one cluster.
type Collector struct {
	prober    Prober
	totals    *totals
	snapshots *snapshots
	journal   *journal
	events    *events
	memory    memory
}

var _ probe.Observer = (*Collector)(nil)

// New returns the collector of a cluster that has not been probed yet. It logs when a
// node's condition changes.
func New(prober Prober, logger log.Logger) *Collector {
	c := &Collector{prober: prober, totals: newTotals(prober.Names()), journal: newJournal(logger), events: newEvents()}
	c.snapshots, c.memory.began = newSnapshots(c.totals), time.Now()
	prober.Observe(c)
	return c
}

// Probe returns the result of a probe, or what is known of it when ctx ends.
func (c *Collector) Probe(ctx context.Context) *probe.Result { return c.prober.Probe(ctx) }

// Ended counts and logs what a beat and its reads showed.
func (c *Collector) Ended(r *probe.Result) {
	c.totals.countBeat(r)
	c.journal.logBeat(r)
	c.events.record(r)
	c.memory.record(r)
}

// Shown counts and logs that a replica shows a beat.
func (c *Collector) Shown(replica string, beat verdict.Sighting, delay time.Duration) {
	c.totals.countShown(replica, delay)
	c.journal.logShown(replica, beat, delay)
	c.memory.show(replica, beat.Acknowledged, delay)
}

// SetNodes says which nodes the cluster has from now on: what is published, logged and counted of others ends. It is
// called while no beat is under way.
func (c *Collector) SetNodes(names []string) {
	joined, left := difference(names, c.totals.nodes), difference(c.totals.nodes, names)
	c.totals.setNodes(names)
	c.journal.logMembers(joined, left)
	c.events.recordMembers(joined, left)
	c.memory.forget(left)
}

// difference returns the names that are among some, and not among others.
func difference(some, others []string) []string {
	return slices.DeleteFunc(slices.Clone(some), func(name string) bool { return slices.Contains(others, name) })
}

// Reloaded records that another configuration of the cluster is in force.
func (c *Collector) Reloaded() {
	c.events.add(Event{At: time.Now().Round(0), Kind: EventReload})
	c.memory.touch()
}

// Events returns the last things that happened in the cluster, the newest first.
func (c *Collector) Events() []Event { return c.events.list() }

// EventsOf returns those of a kind among the last things that happened, the newest first.
func (c *Collector) EventsOf(kind EventKind) []Event { return c.events.of(kind) }

// Gather returns the metrics of a result, and the totals of all beats.
func (c *Collector) Gather(r *probe.Result) ([]*dto.MetricFamily, error) {
	c.totals.countOutageTime(r.Outage.All)
	return c.snapshots.gather(r)
}
