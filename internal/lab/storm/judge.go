//go:build unix

package storm

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// answer is a complete one to a scrape.
type answer struct {
	began, ended time.Time
	witnessed    int // when it began
	samples      []sample
}

// sample is one series' value.
type sample struct {
	name    string
	labels  map[string]string
	value   float64
	counter bool
}

// node returns the name of the node that it is about; "" for none.
func (s sample) node() string { return s.labels["node"] + s.labels["replica"] }

// key tells series apart.
func (s sample) key() string { return s.name + fmt.Sprint(s.labels) }

// of returns the value of a metric that is no node's.
func (a answer) of(name string) (value float64, ok bool) {
	for _, s := range a.samples {
		if s.name == name && s.node() == "" {
			return s.value, true
		}
	}
	return 0, false
}

// limits of what the clusters' settings say.
const (
	longestMinInterval  = 200 * time.Millisecond
	longestSyncedWithin = 100 * time.Millisecond
)

// judge returns what is wrong with an answer, and keeps what later ones are compared with.
func (e *entry) judge(a answer) (wrong []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var names []string
	for _, s := range a.samples {
		if s.name == "pg_canary_node_up" {
			names = append(names, strings.TrimPrefix(s.node(), e.name+"-"))
		}
	}
	slices.Sort(names)
	possible := feasible(e.specs, a.witnessed, a.ended)
	matching := slices.DeleteFunc(slices.Clone(possible), func(s spec) bool { return !slices.Equal(s.names(), names) })
	if len(matching) == 0 {
		return []string{fmt.Sprintf("it is of the nodes %q, which the cluster did not have: %v", names, possible)}
	}
	wrong = append(e.judgeBeat(a, matching), e.judgeNodes(a, possible)...)
	low := matching[0].version
	for _, s := range a.samples {
		if !s.counter {
			continue
		}
		node := strings.TrimPrefix(s.node(), e.name+"-")
		if before, fell := e.fell(s.key(), node, count{s.value, a.ended, low}, a.began); fell {
			wrong = append(wrong, fmt.Sprintf("%s fell from %v to %v", s.key(), before, s.value))
		}
	}
	e.witnessed = max(e.witnessed, low)
	return wrong
}

// judgeNodes holds all series to nodes that the cluster had.
func (e *entry) judgeNodes(a answer, possible []spec) (wrong []string) {
	for _, s := range a.samples {
		node := s.node()
		if node == "" {
			continue
		}
		own, ours := strings.CutPrefix(node, e.name+"-")
		if !ours || !slices.ContainsFunc(possible, func(s spec) bool { _, has := s.leads(own); return has }) {
			wrong = append(wrong, fmt.Sprintf("%s is of a node that the cluster did not have", s.key()))
		}
	}
	return wrong
}

// judgeBeat holds the beat, and what is said of the replicas, to what the servers did.
func (e *entry) judgeBeat(a answer, matching []spec) (wrong []string) {
	up, _ := a.of("pg_canary_up")
	value, written := a.of("pg_canary_primary_capacity")
	if (up == 1) != written {
		wrong = append(wrong, fmt.Sprintf("up is %v, and a value is there: %v", up, written))
	}
	if lost, ok := a.of("pg_canary_lost_writes_total"); !ok || lost != 0 {
		wrong = append(wrong, fmt.Sprintf("%v writes are lost (published: %v), where no server ever loses one", lost, ok))
	}
	beat := int64(value)
	made, ok := e.servers[0].Reached(beat)
	seconds, _ := a.of("pg_canary_write_duration_seconds")
	took := time.Duration(seconds * float64(time.Second))
	switch {
	case !written:
	case beat <= e.from || beat >= e.from+rangeOfValues:
		wrong = append(wrong, fmt.Sprintf("the value %d is not of this cluster, which counts from %d", beat, e.from))
	case !ok:
		wrong = append(wrong, fmt.Sprintf("the value %d was never written; the newest is %d", beat, e.servers[0].Newest()))
	case beat <= e.shownBefore(a.began.Add(-longestMinInterval)):
		wrong = append(wrong, fmt.Sprintf("the value %d, written %v before the scrape, is that of an earlier one", beat, a.began.Sub(made)))
	default:
		e.shown = append(e.shown, shown{a.ended, beat})
	}
	for _, s := range a.samples {
		shows := s.name == "pg_canary_replica_capacity"
		if !shows && (s.name != "pg_canary_synced" || s.value != 1) {
			continue
		}
		node := strings.TrimPrefix(s.node(), e.name+"-")
		claims := claim{value: int64(s.value), within: patience}
		if !shows {
			claims = claim{beat, made, took + longestSyncedWithin}
		}
		if !shows && !written || !slices.ContainsFunc(matching, func(s spec) bool { return e.holds(s, node, claims) }) {
			wrong = append(wrong, fmt.Sprintf("%s %v, after the value %d (written: %v, in %v), which the servers did not show so soon", s.key(), s.value, beat, written, took))
		}
	}
	return wrong
}

// shown is that an answer showed a value when it ended.
type shown struct {
	ended time.Time
	value int64
}

// shownBefore returns the highest value that answers had shown before a moment. A probe that began later is of a beat of its
// own: a machine that is busy may take long from a beat to the scrape that waits for it, and this holds all the same.
func (e *entry) shownBefore(moment time.Time) (highest int64) {
	const memory = time.Minute
	e.shown = slices.DeleteFunc(e.shown, func(s shown) bool { return moment.Sub(s.ended) > memory })
	for _, s := range e.shown {
		if s.ended.Before(moment) {
			highest = max(highest, s.value)
		}
	}
	return highest
}

// claim is that a node showed a value, so soon after a moment.
type claim struct {
	value  int64
	after  time.Time // zero for any
	within time.Duration
}

// holds says whether a claim is true of the server that the node leads to in one configuration.
func (e *entry) holds(s spec, node string, c claim) bool {
	leads, ok := s.leads(node)
	if !ok {
		return false
	}
	if c.after.IsZero() {
		return c.value >= e.from && c.value <= e.servers[leads].Newest()
	}
	shown, ok := e.servers[leads].Reached(c.value)
	return ok && shown.Sub(c.after) <= c.within
}
