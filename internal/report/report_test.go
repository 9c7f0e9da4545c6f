package report

import (
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

func TestVerdict(t *testing.T) {
	for name, test := range map[string]struct {
		replica probe.ReplicaResult
		want    Verdict
	}{
		"in time":      {probe.ReplicaResult{Synced: new(true), FirstFresh: time.Now()}, Synced},
		"late":         {probe.ReplicaResult{Synced: new(false)}, Lagging},
		"in doubt":     {probe.ReplicaResult{FirstFresh: time.Now()}, Lagging},
		"not compared": {probe.ReplicaResult{}, Broken},
	} {
		r := &probe.Result{Write: &probe.Write{}, Nodes: []probe.NodeResult{{}, {Replica: &test.replica}}}
		if got := VerdictOn(r); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}
