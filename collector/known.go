package collector

import (
	"context"
	"sync"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

// Asker says on whose behalf a beat was made.
type Asker string

// Who asks for beats.
const (
	// ByScrape: a scrape asked, or several that shared it.
	ByScrape Asker = "scrape"
	// ByPulse: nobody asked; it is one between the scrapes.
	ByPulse Asker = "pulse"
	// ByHand: somebody asked, on a page or in a terminal.
	ByHand Asker = "hand"
)

// Known is what is known of a cluster at a moment. What it points to is not changed any more.
type Known struct {
	// Nodes are the names of the nodes.
	Nodes []string
	// Last is the newest result; nil where there has been none. By says who asked for it.
	Last *probe.Result
	By   Asker
	// Close is the newest one that looked at the nodes closely, as a beat of the pulse does not; nil for none.
	Close *probe.Result
	// Gap is how long after the one before the newest began; 0 where there was none.
	Gap time.Duration
	// Version is another one whenever something else is known, events and marks included.
	Version uint64
	// Began is since when the collector has been there.
	Began time.Time
}

// At is when the newest result was known; zero where there is none.
func (k *Known) At() time.Time {
	if k.Last == nil {
		return time.Time{}
	}
	return k.Last.Started.Add(k.Last.Duration)
}

// memory is what the last beats left behind.
type memory struct {
	mu      sync.Mutex
	last    *probe.Result
	looked  *probe.Result
	gap     time.Duration
	by      Asker
	version uint64
	beats   beats
	began   time.Time
}

// record keeps a result.
func (m *memory) record(r *probe.Result) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.version++
	if m.last != nil {
		m.gap = r.Started.Sub(m.last.Started)
	}
	m.last, m.by = r, ByPulse
	if r.Scraped {
		m.looked, m.by = r, ByScrape
	}
	m.beats.record(r)
}

// show keeps that a replica shows a beat.
func (m *memory) show(replica string, acknowledged time.Time, delay time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.version++
	m.beats.show(replica, acknowledged, delay)
}

// forget ends what is remembered of nodes that are none any more.
func (m *memory) forget(left []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.version++
	m.beats.forget(left)
}

// touch says that there is something new to look at.
func (m *memory) touch() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.version++
}

// ProbeNow probes for somebody who looks at a page, and shares what scrapes have begun within the least interval. The result is
// what is known when ctx ends.
func (c *Collector) ProbeNow(ctx context.Context) *probe.Result {
	r := c.prober.Probe(ctx)
	c.memory.mu.Lock()
	defer c.memory.mu.Unlock()
	if c.memory.last == r {
		c.memory.by = ByHand
		c.memory.version++
	}
	return r
}

// Known returns what is known of the cluster, without asking anybody.
func (c *Collector) Known() Known {
	names := c.prober.Names()
	m := &c.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	return Known{Nodes: names, Last: m.last, By: m.by, Close: m.looked, Gap: m.gap, Version: m.version, Began: m.began}
}

// Marks returns the last beats with what became of them on each node that was a replica, at the same places.
func (c *Collector) Marks() ([]Beat, map[string][]Mark) {
	c.memory.mu.Lock()
	defer c.memory.mu.Unlock()
	b := &c.memory.beats
	all := make(map[string][]Mark, len(b.nodes))
	for node := range b.nodes {
		all[node] = b.marksOf(node)
	}
	return b.list(), all
}
