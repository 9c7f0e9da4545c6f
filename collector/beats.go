package collector

import (
	"math"
	"slices"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

// MostBeats is how many beats are remembered.
const MostBeats = 100

// Outcome is what a beat came to on a node.
type Outcome uint8

// The outcomes.
const (
	// OutcomeNone: the node was not looked at as a replica, or there was no beat.
	OutcomeNone Outcome = iota
	// OutcomeSynced: the node showed the beat in time.
	OutcomeSynced
	// OutcomeLate: it did not.
	OutcomeLate
	// OutcomeUnknown: nobody can say.
	OutcomeUnknown
)

// String is the outcome in a word; "" for none.
func (o Outcome) String() string {
	return [...]string{"", outcomeSynced, outcomeLate, outcomeUnknown}[o]
}

// Beat is one of the last canary writes.
type Beat struct {
	// At is when it was acknowledged or, where it was not, sent.
	At time.Time
	// Written is true where it was acknowledged.
	Written bool
}

// Mark is what became of a beat on one node.
type Mark struct {
	Outcome Outcome
	// Delay is how long after the acknowledgement the node showed the beat; below 0 where it did not yet, or nobody saw when.
	Delay time.Duration
}

// beats are the last canary writes, and what became of them, in the order in which they were made. What is kept of a
// node takes half a kilobyte: a process may have thousands of them.
type beats struct {
	at      []int64 // nanoseconds since 1970
	written []bool
	nodes   map[string]*marks
}

// marks are those of one node, at the places of the beats.
type marks struct {
	outcomes [MostBeats]Outcome
	delays   [MostBeats]float32 // seconds; NaN for not known
}

// record keeps what a result says of its beat. The order of results is that of their beats, but a replica may have told of
// one that is later.
func (b *beats) record(r *probe.Result) {
	at, written := r.Attempted, r.Write != nil
	if written {
		at = r.Write.Acknowledged
	}
	if at.IsZero() {
		return // Nothing was sent.
	}
	place := b.place(at)
	if place < 0 {
		return
	}
	b.written[place] = written
	for i := range r.Nodes {
		replica := r.Nodes[i].Replica
		if !written || replica == nil || !replica.IsOne() {
			continue
		}
		m := b.of(r.Nodes[i].Name)
		m.outcomes[place] = outcomes[outcomeOf(replica.Synced)]
		if replica.Visibility != nil {
			m.delays[place] = float32(replica.Visibility.Seconds())
		}
	}
}

var outcomes = map[string]Outcome{outcomeSynced: OutcomeSynced, outcomeLate: OutcomeLate, outcomeUnknown: OutcomeUnknown}

// show keeps how long after its acknowledgement a node showed a beat. Its result may come later.
func (b *beats) show(node string, acknowledged time.Time, delay time.Duration) {
	if acknowledged.IsZero() {
		return
	}
	if place := b.place(acknowledged); place >= 0 {
		b.of(node).delays[place] = float32(delay.Seconds())
	}
}

// place returns where the beat of a moment is, and makes room where it is new; below 0 for one that is too old.
func (b *beats) place(at time.Time) int {
	nanos := at.UnixNano()
	place, found := slices.BinarySearch(b.at, nanos)
	if found {
		return place
	}
	if len(b.at) == MostBeats {
		if place == 0 {
			return -1
		}
		b.at, b.written = slices.Delete(b.at, 0, 1), slices.Delete(b.written, 0, 1)
		for _, m := range b.nodes {
			m.remove()
		}
		place--
	}
	if b.at == nil {
		b.at, b.written = make([]int64, 0, MostBeats), make([]bool, 0, MostBeats)
	}
	b.at, b.written = slices.Insert(b.at, place, nanos), slices.Insert(b.written, place, false)
	for _, m := range b.nodes {
		m.insert(place)
	}
	return place
}

// of returns the marks of a node.
func (b *beats) of(node string) *marks {
	if b.nodes == nil {
		b.nodes = map[string]*marks{}
	}
	m := b.nodes[node]
	if m == nil {
		m = new(marks)
		for i := range m.delays {
			m.delays[i] = unseen
		}
		b.nodes[node] = m
	}
	return m
}

var unseen = float32(math.NaN())

// remove forgets the oldest beat.
func (m *marks) remove() {
	copy(m.outcomes[:], m.outcomes[1:])
	copy(m.delays[:], m.delays[1:])
	m.outcomes[MostBeats-1], m.delays[MostBeats-1] = OutcomeNone, unseen
}

// insert makes room for a beat.
func (m *marks) insert(place int) {
	copy(m.outcomes[place+1:], m.outcomes[place:])
	copy(m.delays[place+1:], m.delays[place:])
	m.outcomes[place], m.delays[place] = OutcomeNone, unseen
}

// forget ends what is remembered of nodes.
func (b *beats) forget(nodes []string) {
	for _, name := range nodes {
		delete(b.nodes, name)
	}
}

// list returns the beats, the oldest first.
func (b *beats) list() []Beat {
	list := make([]Beat, len(b.at))
	for i := range list {
		list[i] = Beat{time.Unix(0, b.at[i]), b.written[i]}
	}
	return list
}

// marksOf returns what became of the beats on a node, at the same places; nil where it was never a replica.
func (b *beats) marksOf(node string) []Mark {
	m := b.nodes[node]
	if m == nil {
		return nil
	}
	list := make([]Mark, len(b.at))
	for i := range list {
		list[i] = Mark{m.outcomes[i], -1}
		if seconds := float64(m.delays[i]); !math.IsNaN(seconds) {
			list[i].Delay = time.Duration(seconds * float64(time.Second))
		}
	}
	return list
}
