package faults_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// expectation is what a scrape has to publish, as the table says it.
type expectation struct {
	text   string
	values map[string]float64   // by the metric's name, without the namespace
	nodes  map[string]condition // by the node's name in the scene
}

// condition is what is published of one node.
type condition struct {
	words   []string // one of them
	reasons []string // one of them, and no other, is counted in failures_total
}

// The words for a node, beside the states of a replica. Each of the first four
// goes without a state.
const (
	wordUp      = "up"      // it answers
	wordDown    = "down"    // it does not
	wordLeads   = "leads"   // it is out of recovery
	wordFollows = "follows" // it is in recovery
)

// parseExpectation reads what the table says, such as
//
//	up 0, primaries 0, primary down (connect), replica disconnected
//
// where up and primaries are metrics, and primary and replica are nodes: each
// with a word, or some of which one has to fit, and the reason by which an operation on it failed.
func (s *scene) parseExpectation(text string) expectation {
	s.t.Helper()
	e := expectation{text, map[string]float64{}, map[string]condition{}}
	for item := range strings.SplitSeq(text, ", ") {
		name, rest, _ := strings.Cut(item, " ")
		word, reason, _ := strings.Cut(strings.TrimSuffix(rest, ")"), " (")
		if value, err := strconv.ParseFloat(rest, 64); err == nil {
			e.values[name] = value
			continue
		}
		words := []string{wordUp, wordDown, wordLeads, wordFollows}
		for _, state := range verdict.ReplicaStates() {
			words = append(words, string(state))
		}
		c := condition{words: strings.Split(word, " or ")}
		for _, word := range c.words {
			if !slices.Contains(words, word) || s.label(name) == "" {
				s.t.Fatalf("%q in %q is neither a metric's value nor a node's condition", item, text)
			}
		}
		if reason != "" {
			c.reasons = strings.Split(reason, " or ")
		}
		e.nodes[name] = c
	}
	for _, node := range s.nodes {
		if _, ok := e.nodes[node.name]; !ok {
			s.t.Fatalf("%q does not say what is published of the node %s", text, node.name)
		}
	}
	return e
}

// differs says what a scrape publishes otherwise, given the one before it.
func (s *scene) differs(e expectation, m, last samples) []string {
	var wrong []string
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	for name, value := range e.values {
		got, ok := m["pg_canary_"+name]
		if name == "lost_writes_total" && got > value && s.config.probe.Pulse > 0 && (value > 0 || got <= s.killed) {
			continue // Those of the pulse are lost too, be it one that was acknowledged at the very moment of the kill.
		}
		if !ok || got != value {
			complain("%s is %v (there: %v), want %v", name, got, ok, value)
		}
	}
	for _, node := range s.nodes {
		want := e.nodes[node.name]
		word := m.word(node.label, want.words[0])
		if word == string(verdict.StateReplaying) && want.words[0] == wordUp && s.config.probe.Pulse > 0 {
			word = wordUp // A beat that is not acknowledged arrives all the same.
		}
		if !slices.Contains(want.words, word) {
			complain("the node %s is %q, want %q", node.name, word, want.words)
		}
		grown := m.grownReasons(node.label, last)
		for _, reason := range grown {
			// Under the pulse other operations fail beside a scrape's, and for other reasons.
			if !slices.Contains(want.reasons, reason) && s.config.probe.Pulse == 0 {
				complain("the node %s failed by %s, want %q", node.name, reason, want.reasons)
			}
		}
		if len(grown) == 0 && len(want.reasons) > 0 {
			complain("the node %s did not fail, want %q", node.name, want.reasons)
		}
	}
	return wrong
}

// word returns what is published of a node: a state, or the wanted one of the
// words that go without, if it fits.
func (m samples) word(label, wanted string) string {
	if states := m.states(label); len(states) > 0 {
		return strings.Join(states, "+")
	}
	leads, known := m[fmt.Sprintf("pg_canary_node_is_primary{node=%q}", label)]
	fits := map[string]bool{
		wordUp:      m.nodeUp(label) == 1 && known,
		wordDown:    m.nodeUp(label) == 0 && !known,
		wordLeads:   known && leads == 1,
		wordFollows: known && leads == 0,
	}
	if fits[wanted] {
		return wanted
	}
	return fmt.Sprintf("up=%v leads=%v", m.nodeUp(label), leads)
}

func (m samples) states(label string) []string {
	var states []string
	for _, state := range verdict.ReplicaStates() {
		if m[fmt.Sprintf("pg_canary_replica_state{replica=%q,state=%q}", label, state)] == 1 {
			states = append(states, string(state))
		}
	}
	return states
}

func (m samples) nodeUp(label string) float64 {
	return m[fmt.Sprintf("pg_canary_node_up{node=%q}", label)]
}

// grownReasons returns the reasons by which a node failed since the last scrape.
func (m samples) grownReasons(label string, last samples) []string {
	var grown []string
	for _, reason := range probe.Reasons() {
		name := fmt.Sprintf("pg_canary_failures_total{node=%q,reason=%q}", label, reason)
		if m[name] > last[name] {
			grown = append(grown, string(reason))
		}
	}
	return grown
}

// ofReplica are the metrics of a replica that nobody can know who got no answer.
var ofReplica = []string{
	"synced", "lag_bytes", "lag_seconds", "replica_replay_lsn", "replica_receive_lsn", "replica_capacity",
	"replica_read_duration_seconds", "replica_timeline", "replica_apply_delay_seconds",
}

// ofWrite are the metrics that nobody can know who has no canary.
var ofWrite = []string{"write_duration_seconds", "primary_lsn", "primary_capacity", "primary_timeline"}

// contradictions says where a scrape cannot be true, whatever was broken.
func (s *scene) contradictions(m scrape) []string {
	var wrong []string
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	written := m.samples["pg_canary_up"] == 1
	for _, name := range ofWrite {
		if value, there := m.samples["pg_canary_"+name]; there && !written {
			complain("up is 0, but %s is %v", name, value)
		}
	}
	if _, there := m.samples["pg_canary_primary_capacity"]; written && !there {
		complain("up is 1, but nobody knows what was written")
	}
	for _, node := range s.nodes {
		get := func(name string) (float64, bool) {
			value, ok := m.samples[fmt.Sprintf("pg_canary_%s{replica=%q}", name, node.label)]
			return value, ok
		}
		states := m.samples.states(node.label)
		if len(states) > 1 {
			complain("%s is in the states %v", node.name, states)
		}
		state := strings.Join(states, "")
		for _, name := range ofReplica {
			unknown := state == "unreachable" || state == "foreign" || (!written && name[0] != 'r') ||
				(state == "diverged" && strings.HasPrefix(name, "lag_"))
			if value, there := get(name); there && unknown {
				complain("%s of %s, which is %q, is %v, but nobody observed it", name, node.name, state, value)
			}
		}
		synced, judged := get("synced")
		if (state == "synced") != (judged && synced == 1) {
			complain("%s is in the state %q, synced %v", node.name, state, synced)
		}
		if synced == 1 && s.behind[node.label] {
			complain("%s is synced, but a client that connects there reads an old value", node.name)
		}
		capacity, found := get("replica_capacity")
		if written := m.samples["pg_canary_primary_capacity"]; synced == 1 && capacity < written {
			complain("%s is synced with the value %v beside the primary's %v", node.name, capacity, written)
		}
		if bytes, ok := get("lag_bytes"); ok && bytes == 0 && (!found || capacity < m.samples["pg_canary_primary_capacity"]) {
			complain("%s has a lag of 0 bytes beside a stale read", node.name)
		}
		lag, ok := get("lag_seconds")
		if synced == 1 && node.label != s.moving {
			s.fresh[node.label] = m.began
		}
		// A scrape may share a beat of the pulse that was on its way already.
		shared := min(s.config.probe.Pulse, time.Second)
		if truth := (m.ended.Sub(s.fresh[node.label]) + shared).Seconds(); ok && lag > truth {
			complain("%s has a lag of %v s, %v s after it was last seen fresh", node.name, lag, truth)
		}
		for _, name := range []string{"lag_bytes", "lag_seconds"} {
			last, before := s.last.samples[fmt.Sprintf("pg_canary_%s{replica=%q}", name, node.label)]
			if now, ok := get(name); ok && before && now <= last && s.stuck(node.label, m.samples) {
				complain("%s is stuck at the capacity %v, but its %s goes from %v to %v", node.name, capacity, name, last, now)
			}
		}
	}
	return wrong
}

// stuck tells whether a replica that is behind is where it was at the scrape
// before, and did not catch up while the probe waited for it.
func (s *scene) stuck(label string, m samples) bool {
	same := func(name string) bool {
		name = fmt.Sprintf("pg_canary_%s{replica=%q}", name, label)
		return m[name] == s.last.samples[name]
	}
	behind := func(m samples) bool {
		synced, judged := m[fmt.Sprintf("pg_canary_synced{replica=%q}", label)]
		return judged && synced == 0
	}
	waitedFor := m[fmt.Sprintf("pg_canary_lag_seconds{replica=%q}", label)] >= s.wait.Seconds()
	return behind(m) && behind(s.last.samples) && waitedFor && same("replica_capacity") && same("replica_replay_lsn")
}

// promptly tells whether every replica that is synced was so at once: a busy
// machine makes a probe late now and then, which is no fault's doing.
func (s *scene) promptly(m samples) bool {
	for _, node := range s.nodes {
		synced := m[fmt.Sprintf("pg_canary_synced{replica=%q}", node.label)] == 1
		if synced && m[fmt.Sprintf("pg_canary_lag_seconds{replica=%q}", node.label)] > (90*time.Millisecond).Seconds() {
			return false
		}
	}
	return true
}
