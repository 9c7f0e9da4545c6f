package drill

import (
	"errors"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

const (
	every = 20 * time.Millisecond
	ms    = time.Millisecond
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// script is the results of beats, made one after the other.
type script struct {
	at      time.Duration // when the next beat is sent
	primary string
	row     verdict.Row // the last one that was acknowledged
	nodes   map[string]probe.NodeResult
	order   []string
	results []*probe.Result
}

// scripted begins with a as primary, and the others synced.
func scripted(names ...string) *script {
	s := &script{primary: names[0], order: names, nodes: map[string]probe.NodeResult{}}
	s.row = verdict.Row{Found: true, Born: 7, Timeline: 1, Eras: []verdict.Era{{ID: 11, From: 0}}}
	for _, name := range names[1:] {
		s.nodes[name] = synced(name)
	}
	return s
}

func synced(name string) probe.NodeResult {
	lag := ms
	return probe.NodeResult{
		Name: name, Up: true, Member: verdict.Member{Answered: true, State: verdict.State{InRecovery: true, Detailed: true}},
		Replica: &probe.ReplicaResult{
			Verdict: verdict.Verdict{State: verdict.StateSynced, Synced: new(true), Lag: &lag, Visibility: &lag}, First: &probe.Read{},
		},
	}
}

func behind(name string, lag time.Duration, state verdict.ReplicaState) probe.NodeResult {
	n := synced(name)
	n.Replica.Verdict = verdict.Verdict{State: state, Synced: new(false), Lag: &lag}
	n.Replica.Stale = true
	return n
}

func away(name string, reason probe.Reason) probe.NodeResult {
	return probe.NodeResult{
		Name: name, Failures: []error{failure(reason)},
		Replica: &probe.ReplicaResult{Verdict: verdict.Verdict{State: verdict.StateUnreachable}},
	}
}

// idle is a replica that was asked while there is no beat.
func idle(name string) probe.NodeResult {
	n := synced(name)
	n.Replica = &probe.ReplicaResult{}
	return n
}

// showing has a node show a row.
func showing(n probe.NodeResult, row verdict.Row) probe.NodeResult {
	n.Row = row
	return n
}

func failure(reason probe.Reason) error {
	return &probe.Error{Reason: reason, Err: errors.New("it failed")}
}

// result makes the next beat's, which takes so long.
func (s *script) result(took time.Duration) *probe.Result {
	sent := noon.Add(s.at)
	r := &probe.Result{Started: sent, Attempted: sent, Duration: took, Primary: s.primary}
	for _, name := range s.order {
		node := s.nodes[name]
		node.Name = name
		if name == s.primary {
			node.Replica = nil
		}
		r.Nodes = append(r.Nodes, node)
	}
	s.at += max(every, took)
	s.results = append(s.results, r)
	return r
}

// ok makes a beat that is acknowledged.
func (s *script) ok(took time.Duration) *probe.Result {
	s.row.Capacity++
	s.nodes[s.primary] = probe.NodeResult{Up: true, Member: verdict.Member{Answered: true, Row: s.row}}
	r := s.result(took)
	r.Write = &probe.Write{
		Row: s.row, Sent: r.Attempted, Acknowledged: r.Attempted.Add(took), LSN: 0x3000000 + verdict.LSN(100*s.row.Capacity), //nolint:gosec // It is small.
	}
	return r
}

// no makes a beat that fails.
func (s *script) no(took time.Duration, reason probe.Reason) *probe.Result {
	s.nodes[s.primary] = probe.NodeResult{Failures: []error{failure(reason)}}
	return s.result(took)
}

// until repeats a beat until a moment from the beginning.
func (s *script) until(at time.Duration, beat func()) {
	for s.at < at {
		beat()
	}
}

// promote makes another node the primary, which lacks the last so many beats.
func (s *script) promote(name string, lost int64, era int64) {
	s.primary = name
	s.row.Capacity -= lost
	s.row.Timeline++
	s.row.Fork = 0x3000000 + verdict.LSN(100*s.row.Capacity) //nolint:gosec // It is small.
	s.row.Eras = append(append([]verdict.Era(nil), s.row.Eras...), verdict.Era{ID: era, From: s.row.Capacity})
}

// recorded returns the recorder that saw all.
func (s *script) recorded() *Recorder {
	c := NewRecorder(every, 250*ms)
	for _, r := range s.results {
		c.Ended(r)
	}
	return c
}

// record returns the record that ends with the last beat.
func (s *script) record() *Record { return s.recorded().Record(noon.Add(s.at)) }

// killed is a drill in which the primary was killed, another server promoted, and the old one
// rewound.
func killed() *script {
	s := scripted("node-a", "node-b", "node-c")
	s.until(2*time.Second, func() { s.ok(3 * ms) })
	for _, name := range []string{"node-b", "node-c"} {
		s.nodes[name] = idle(name)
	}
	before := s.row
	s.until(5*time.Second, func() { s.no(ms, probe.ReasonConnect) })
	s.promote("node-b", 3, 22)
	s.nodes["node-a"] = away("node-a", probe.ReasonConnect)
	s.nodes["node-c"] = behind("node-c", 90*ms, verdict.StateDisconnected)
	r := s.ok(4 * ms)
	r.Takeovers = []probe.Takeover{{From: "node-a", To: "node-b"}}
	r.Lost = &verdict.Loss{Commits: 3, Era: 11, From: before.Capacity - 2, To: before.Capacity, FirstLSN: 0x3002648, LastLSN: 0x3002710}
	s.until(6*time.Second, func() { s.ok(3 * ms) })
	s.nodes["node-c"] = synced("node-c")
	s.until(7*time.Second, func() { s.ok(3 * ms) })
	s.nodes["node-a"] = away("node-a", probe.ReasonStartingUp)
	s.until(8*time.Second, func() { s.ok(3 * ms) })
	s.nodes["node-a"] = showing(behind("node-a", 640*ms, verdict.StateReplaying), s.row)
	s.until(9*time.Second, func() { s.ok(3 * ms) })
	s.nodes["node-a"] = showing(synced("node-a"), s.row)
	s.until(15*time.Second, func() { s.ok(3 * ms) })
	return s
}
