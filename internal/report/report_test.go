package report

import (
	"strings"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

func TestVerdict(t *testing.T) {
	judged := func(v verdict.Verdict) probe.ReplicaResult { return probe.ReplicaResult{Verdict: v} }
	inDoubt := probe.ReplicaResult{FirstFresh: time.Now()}
	synced := judged(verdict.Verdict{Synced: new(true), State: verdict.StateSynced})
	leads := verdict.Member{Answered: true, Server: verdict.Server{System: 1, Started: time.Unix(2, 0)}}
	for name, test := range map[string]struct {
		replicas  []probe.ReplicaResult
		member    verdict.Member // what the first of them told
		noReplica bool
		want      Verdict
	}{
		"in time":                       {[]probe.ReplicaResult{synced}, verdict.Member{}, false, Synced},
		"late":                          {[]probe.ReplicaResult{judged(verdict.Verdict{Synced: new(false)})}, verdict.Member{}, false, Lagging},
		"in doubt":                      {[]probe.ReplicaResult{inDoubt}, verdict.Member{}, false, Lagging},
		"one late, one not compared":    {[]probe.ReplicaResult{judged(verdict.Verdict{Synced: new(false)}), {}}, verdict.Member{}, false, Broken},
		"not compared":                  {[]probe.ReplicaResult{{}}, verdict.Member{}, false, Broken},
		"the primary under two names":   {[]probe.ReplicaResult{judged(verdict.Verdict{State: verdict.StatePrimary}), synced}, verdict.Member{}, false, Broken},
		"a replica under two names":     {[]probe.ReplicaResult{judged(verdict.Verdict{State: verdict.StateDuplicate}), synced}, verdict.Member{}, false, Broken},
		"a split brain":                 {[]probe.ReplicaResult{synced}, leads, false, Broken},
		"no replica":                    {nil, verdict.Member{}, false, Broken},
		"no replica, and none is meant": {nil, verdict.Member{}, true, Synced},
		"a replica, and none is meant":  {[]probe.ReplicaResult{judged(verdict.Verdict{Synced: new(false)})}, verdict.Member{}, true, Lagging},
	} {
		r := &probe.Result{Write: &probe.Write{}, Nodes: []probe.NodeResult{{Up: true, Member: verdict.Member{Answered: true}}}}
		for i := range test.replicas {
			r.Nodes = append(r.Nodes, probe.NodeResult{Replica: &test.replicas[i]})
		}
		if len(test.replicas) > 0 {
			r.Nodes[1].Member = test.member
		}
		if got := VerdictOn(r, test.noReplica); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestReasonsOfFarNodes(t *testing.T) {
	sent := time.Now()
	back := sent.Add(303 * time.Millisecond)
	r := &probe.Result{Write: &probe.Write{}, Nodes: []probe.NodeResult{
		{Name: "primary", Up: true},
		{Name: "far", Up: true, Replica: &probe.ReplicaResult{First: &probe.Read{Sent: sent, Received: back}, FirstFresh: back}},
		{Name: "silent", Connecting: true, Replica: &probe.ReplicaResult{Verdict: verdict.Verdict{State: verdict.StateUnreachable}}},
	}}
	var text strings.Builder
	if err := Reasons(&text, r, false); err != nil {
		t.Fatal(err)
	}
	want := "far: shows the canary, but one read takes 303ms, longer than --probe.synced-within: raise that above it\n" +
		"silent: the connection is still being made: the node is far away, or does not answer\n"
	if text.String() != want {
		t.Errorf("%q, want %q", text.String(), want)
	}
}
