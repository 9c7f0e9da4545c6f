package collector

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

func TestEvents(t *testing.T) {
	t.Parallel()
	began := time.Unix(1_000_000, 0)
	second := func(n int) time.Time { return began.Add(time.Duration(n) * time.Second) }
	// probed is a probe in the given second that wrote a node, or none, with the states of the others.
	probed := func(at int, primary string, written bool, states map[string]verdict.ReplicaState) *probe.Result {
		r := &probe.Result{Scraped: true, Started: second(at), Primary: primary, Attempted: second(at)}
		if written {
			r.Write = &probe.Write{Row: verdict.Row{Timeline: 2}, Acknowledged: second(at)}
			r.Acknowledged = second(at)
		}
		for _, name := range []string{"a", "b"} {
			node := probe.NodeResult{Name: name, Up: true}
			if state, ok := states[name]; ok {
				node.Replica = &probe.ReplicaResult{Verdict: verdict.Verdict{State: state}}
			}
			r.Nodes = append(r.Nodes, node)
		}
		return r
	}
	healthy := probed(1, "a", true, map[string]verdict.ReplicaState{"b": verdict.StateSynced})
	down := probed(11, "a", false, map[string]verdict.ReplicaState{"b": verdict.StateDisconnected})
	down.Nodes[0].Up, down.Nodes[0].Failures = false, []error{&probe.Error{Reason: probe.ReasonConnect}}
	down.Outage = probe.Outage{Began: second(8), Node: "a", Err: down.Nodes[0].Failures[0]}
	promoted := probed(21, "b", true, map[string]verdict.ReplicaState{"a": verdict.StateUnreachable})
	promoted.Takeovers = []probe.Takeover{{From: "a", To: "b"}}
	promoted.Outage = probe.Outage{Ended: 10 * time.Second}
	promoted.Lost = &verdict.Loss{Commits: 3}
	promoted.Nodes[1].Reconnected = true

	e := newEvents()
	for _, r := range []*probe.Result{healthy, healthy, down, promoted} {
		e.record(r)
	}
	want := []Event{
		{At: second(21), Kind: EventState, Node: "b", From: "disconnected", To: "primary", Seconds: 10},
		{At: second(21), Kind: EventConnected, Node: "b"},
		{At: second(21), Kind: EventLost, Node: "b", Commits: 3},
		{At: second(21), Kind: EventOutageEnded, Node: "b", Seconds: 10, Timeline: 2},
		{At: second(21), Kind: EventTakeover, Node: "b", From: "a", To: "b", Timeline: 2},
		{At: second(11), Kind: EventState, Node: "b", From: "synced", To: "disconnected", Seconds: 10},
		{At: second(11), Kind: EventState, Node: "a", From: "primary", To: "unreachable", Seconds: 10},
		{At: second(8), Kind: EventOutageBegan, Node: "a", Reason: probe.ReasonConnect},
		{At: second(1), Kind: EventState, Node: "b", To: "synced"},
		{At: second(1), Kind: EventState, Node: "a", To: "primary"},
	}
	if diff := cmp.Diff(want, e.list()); diff != "" {
		t.Errorf("other events (-want +got):\n%s", diff)
	}
}

func TestOldEventsAreForgotten(t *testing.T) {
	t.Parallel()
	e := newEvents()
	for n := range mostEvents + 10 {
		e.record(&probe.Result{Started: time.Unix(int64(n), 0), Lost: &verdict.Loss{Commits: 1}})
	}
	all := e.list()
	if len(all) != mostEvents || !all[0].At.Equal(time.Unix(mostEvents+9, 0)) || !all[mostEvents-1].At.Equal(time.Unix(10, 0)) {
		t.Errorf("%d events, from %v to %v", len(all), all[0].At, all[len(all)-1].At)
	}
}
