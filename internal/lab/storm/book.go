//go:build unix

package storm

import (
	"slices"
	"sync"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/simulate"
)

// rangeOfValues is how many values each cluster's section has for itself.
const rangeOfValues = 1_000_000_000

// spec is what one configuration says of a cluster.
type spec struct {
	described
	version int
	// begun and done are when it began to be put into force, and when the exporter said that it is.
	begun, done time.Time
}

// witness knows what a server had when.
type witness interface {
	Reached(value int64) (time.Time, bool)
	Newest() int64
}

var _ witness = (*simulate.Server)(nil)

// entry is what is known of one cluster.
type entry struct {
	name    string
	from    int64 // its section counts from here
	servers []witness

	mu sync.Mutex
	// specs are those of the configurations that changed something of it, in their order.
	specs []spec
	// witnessed is the version of the newest configuration of which an answer showed the nodes: no scrape that begins later
	// may show those of an earlier one.
	witnessed int
	counted   map[string]count
	shown     []shown
}

// book is what is known of all clusters.
type book struct {
	entries map[string]*entry
	version int
}

func newBook(of []*simulate.Cluster) *book {
	b := &book{entries: map[string]*entry{}}
	now, first := time.Now(), firstState(of)
	for i, c := range of {
		e := &entry{name: c.Name, from: int64(i+1) * rangeOfValues, counted: map[string]count{}}
		for _, server := range c.Servers() {
			e.servers = append(e.servers, server)
		}
		c.Begin(e.from)
		e.specs = []spec{{first.each[c.Name], 0, now, now}}
		b.entries[c.Name] = e
	}
	return b
}

func (b *book) names() (names []string) {
	for name := range b.entries {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// begin notes that a configuration begins to be put into force, and returns what notes that it is.
func (b *book) begin(next state) (done func()) {
	b.version++
	var changed []*entry
	for name, e := range b.entries {
		if e.begin(next.each[name], b.version) {
			changed = append(changed, e)
		}
	}
	return func() {
		now := time.Now()
		for _, e := range changed {
			e.mu.Lock()
			e.specs[len(e.specs)-1].done = now
			e.mu.Unlock()
		}
	}
}

// begin is false where the configuration changes nothing of the cluster.
func (e *entry) begin(next described, version int) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	last := e.specs[len(e.specs)-1].described
	if slices.Equal(last.nodes, next.nodes) && last.settings == next.settings && last.team == next.team && last.option == next.option {
		return false
	}
	e.specs = append(e.specs, spec{described: next, version: version, begun: time.Now()})
	const kept = 500
	if len(e.specs) > 2*kept {
		e.specs = slices.Clone(e.specs[kept:])
	}
	return true
}

// began returns the version of which a scrape that begins now may show the nodes, at the least.
func (e *entry) began() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.witnessed
}

// inForce returns the specs that were the newest at any moment between two.
func inForce(specs []spec, from, to time.Time) (found []spec) {
	for _, s := range specs {
		switch {
		case s.begun.After(to):
		case !s.done.IsZero() && !s.done.After(from):
			found = append(found[:0], s) // Those before it were over by then.
		default:
			found = append(found, s)
		}
	}
	return found
}

// feasible returns the specs of which a scrape may show the nodes: those in force, and earlier ones down to the one that
// had been witnessed when it began, for the nodes are exchanged only when all probes have ended.
func feasible(specs []spec, witnessed int, to time.Time) (found []spec) {
	for _, s := range specs {
		if s.version >= witnessed && !s.begun.After(to) {
			found = append(found, s)
		}
	}
	return found
}

// count is a counter as an answer had it.
type count struct {
	value float64
	ended time.Time
	low   int // the version of the configuration of which the answer was, at the least
}

// fell says whether a counter went back, which only one may whose node or cluster was none in between. What is to be compared
// with later values it keeps.
func (e *entry) fell(key, node string, now count, began time.Time) (before float64, fell bool) {
	was, known := e.counted[key]
	if known && !was.ended.Before(began) {
		return 0, false // They were under way at the same time.
	}
	e.counted[key] = now
	if !known || now.value >= was.value {
		return 0, false
	}
	for _, s := range e.specs {
		if _, has := s.leads(node); s.version >= was.low && !s.begun.After(now.ended) && (!s.there() || node != "" && !has) {
			return 0, false
		}
	}
	return was.value, true
}
