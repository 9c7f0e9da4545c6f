package drill

import (
	"errors"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

func TestBeatsOfAResult(t *testing.T) {
	at := noon.Add
	failed := []probe.NodeResult{{Name: "a", Failures: []error{failure(probe.ReasonShuttingDown)}}}
	row := verdict.Row{Found: true, Capacity: 5}
	acknowledged := &probe.Write{Row: row, LSN: 9, Sent: at(40 * ms), Acknowledged: at(43 * ms)}
	for name, test := range map[string]struct {
		result probe.Result
		want   []beat
	}{
		"acknowledged": {
			probe.Result{Started: at(40 * ms), Attempted: at(40 * ms), Duration: 60 * ms, Primary: "a", Write: acknowledged},
			[]beat{{sent: at(40 * ms), ended: at(43 * ms), acknowledged: true, node: "a", row: row, lsn: 9}},
		},
		"acknowledged, after its connection was waited for": {
			probe.Result{Started: at(10 * ms), Attempted: at(40 * ms), Duration: 60 * ms, Primary: "a", Write: acknowledged},
			[]beat{{sent: at(10 * ms), ended: at(43 * ms), acknowledged: true, node: "a", row: row, lsn: 9}},
		},
		"a scrape, after the nodes were asked who they are": {
			probe.Result{Scraped: true, Started: at(10 * ms), Attempted: at(40 * ms), Duration: 60 * ms, Primary: "a", Write: acknowledged},
			[]beat{{sent: at(40 * ms), ended: at(43 * ms), acknowledged: true, node: "a", row: row, lsn: 9}},
		},
		"refused": {
			probe.Result{Started: at(0), Attempted: at(0), Duration: 4 * ms, Primary: "a", Nodes: failed},
			[]beat{{sent: at(0), ended: at(4 * ms), node: "a", reason: probe.ReasonShuttingDown}},
		},
		"no connection": {
			probe.Result{Started: at(0), Attempted: at(900 * ms), Duration: time.Second, Primary: "a", Nodes: []probe.NodeResult{{Name: "a"}}},
			[]beat{{sent: at(0), ended: at(time.Second), node: "a", reason: reasonConnecting}},
		},
		"never sent": {
			probe.Result{Scraped: true, Started: at(0), Duration: time.Second, Primary: "a", Nodes: []probe.NodeResult{{Name: "a"}}},
			[]beat{{sent: at(0), ended: at(time.Second), node: "a", reason: reasonConnecting}},
		},
		"refused, and another primary was found": {
			probe.Result{
				Started: at(20 * ms), Attempted: at(40 * ms), Duration: 60 * ms, Primary: "b", Write: acknowledged,
				Takeovers: []probe.Takeover{{From: "a", To: "b"}},
				Outage:    probe.Outage{Began: at(20 * ms), Node: "a", Err: failure(probe.ReasonReadOnly), Ended: 23 * ms},
			},
			[]beat{
				{sent: at(20 * ms), ended: at(40 * ms), node: "a", reason: probe.ReasonReadOnly},
				{sent: at(40 * ms), ended: at(43 * ms), acknowledged: true, node: "b", row: row, lsn: 9},
			},
		},
		"the same, in an outage that lasted already": {
			probe.Result{
				Started: at(20 * ms), Attempted: at(40 * ms), Duration: 60 * ms, Primary: "b", Write: acknowledged,
				Takeovers: []probe.Takeover{{From: "a", To: "b"}}, Outage: probe.Outage{Ended: time.Second},
			},
			[]beat{{sent: at(40 * ms), ended: at(43 * ms), acknowledged: true, node: "b", row: row, lsn: 9}},
		},
		"acknowledged so late that it was an outage": {
			probe.Result{
				Started: at(40 * ms), Attempted: at(40 * ms), Duration: 60 * ms, Primary: "a", Write: acknowledged,
				Outage: probe.Outage{Began: at(40 * ms), Node: "a", Ended: 3 * ms},
			},
			[]beat{{sent: at(40 * ms), ended: at(43 * ms), acknowledged: true, node: "a", row: row, lsn: 9}},
		},
		"a failure without a reason": {
			probe.Result{Started: at(0), Attempted: at(0), Primary: "a", Nodes: []probe.NodeResult{{Name: "a", Failures: []error{errors.New("odd")}}}},
			[]beat{{sent: at(0), ended: at(0), node: "a", reason: probe.ReasonOther}},
		},
	} {
		got := beatsOf(&test.result)
		if len(got) != len(test.want) {
			t.Errorf("%s: %d beats, want %d", name, len(got), len(test.want))
			continue
		}
		for i := range got {
			if g, w := got[i], test.want[i]; !g.sent.Equal(w.sent) || !g.ended.Equal(w.ended) || g.acknowledged != w.acknowledged ||
				g.position() != w.position() || g.reason != w.reason {
				t.Errorf("%s: beat %d is %+v, want %+v", name, i, g, w)
			}
		}
	}
}
