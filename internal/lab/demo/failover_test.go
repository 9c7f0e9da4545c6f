//go:build unix

package demo

import (
	"testing"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/exporter"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

func TestStillBehind(t *testing.T) {
	standbys := []*pgcluster.Server{{Name: "db1"}, {Name: "db3"}}
	states := func(db1, db3 string) map[string]exporter.Samples {
		return map[string]exporter.Samples{"db1": {State: db1}, "db3": {State: db3}}
	}
	for name, test := range map[string]struct {
		up, changes float64
		nodes       map[string]exporter.Samples
		want        string
	}{
		"both synced":                       {1, 8, states("synced", "synced"), ""},
		"one is not":                        {1, 8, states("synced", "replaying"), "db3"},
		"one is unknown":                    {1, 8, map[string]exporter.Samples{"db3": {State: "synced"}}, "db1"},
		"with the primary before":           {1, 7, states("synced", "synced"), "db1, db3"},
		"the new primary cannot be written": {0, 8, states("synced", "synced"), "db1, db3"},
	} {
		before, now := sample(1, 7), sample(test.up, test.changes)
		now.Nodes = test.nodes
		if got := namesOf(stillBehind(standbys, before, now)); got != test.want {
			t.Errorf("%s: %q are behind, want %q", name, got, test.want)
		}
	}
}

func sample(up, changes float64) exporter.Samples {
	return exporter.Samples{Values: map[string]*float64{"pg_canary_up": &up, "pg_canary_primary_changes_total": &changes}}
}

// TestCost: what is said is by how much the counters have grown.
func TestCost(t *testing.T) {
	counters := func(outage, lost float64) exporter.Samples {
		return exporter.Samples{Values: map[string]*float64{
			"pg_canary_write_outage_seconds_total": &outage, "pg_canary_lost_writes_total": &lost,
		}}
	}
	const want = "Nobody could write for 5.25 s (pg_canary_write_outage_seconds_total). Acknowledged commits lost: 2 (pg_canary_lost_writes_total)."
	if got := cost(counters(10, 1), counters(15.25, 3)); got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
}
