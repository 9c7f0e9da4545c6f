//go:build unix

package dashboards_test

import (
	"strings"
	"testing"
	"time"
)

// TestRecordedVerdicts compares the fleet's history, taken from what rules recorded alone, with its table, which is not.
func TestRecordedVerdicts(t *testing.T) {
	w := newWorld(t)
	r := w.readerOfAll()
	r.Range = 30 * time.Minute
	found := w.series(r, w.queryOf(fleetFile, `variable "recorded"`))
	if _, ok := found[`{recorded="yes"}`]; !ok {
		t.Fatalf("the verdicts are not recorded: %v", found)
	}
	r.Variables["recorded"] = "yes"
	history := w.series(r, w.query(fleetFile, "Verdict on the worst 20 clusters", "A"))
	if len(history) != 20 {
		t.Errorf("the history has %d clusters, want 20", len(history))
	}
	table := w.series(r, w.query(fleetFile, "Clusters, the worst first", "A"))
	for name, values := range history {
		cluster, _, _ := strings.Cut(name, " ")
		for labels, now := range table {
			if strings.Contains(labels, `cluster="`+cluster+`"`) && values[len(values)-1] != now[0] {
				t.Errorf("%s: the history ends with %v, and the table says %v", name, values[len(values)-1], now[0])
			}
		}
	}
}

// TestNotRecordedForLong takes the long formula where the rules were not there yet when the range begins.
func TestNotRecordedForLong(t *testing.T) {
	w := newWorld(t)
	r := w.readerOfAll()
	r.Range = 2 * shown
	if found := w.series(r, w.queryOf(fleetFile, `variable "recorded"`)); len(found) > 0 {
		t.Errorf("they are said to be recorded: %v", found)
	}
}
