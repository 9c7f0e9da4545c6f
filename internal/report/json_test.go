package report

import (
	"bytes"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector"
	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
	"github.com/pg-canary/pg_canary_exporter/internal/golden"
	"github.com/pg-canary/pg_canary_exporter/internal/status"
)

// everything is a result in which every field has a value somewhere.
func everything() *probe.Result {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	after := at.Add
	delay, lag := time.Minute, 16*time.Second
	return &probe.Result{
		Scraped: true, Started: at, Duration: 1100 * time.Millisecond, Primary: "a",
		Write: &probe.Write{
			Row: verdict.Row{Found: true, Capacity: 42, Timeline: 3}, LSN: 0x3000148, Sent: after(time.Millisecond), Acknowledged: after(3 * time.Millisecond),
		},
		Nodes: []probe.NodeResult{
			{
				Name: "a", Up: true, Version: "17.6", Since: after(-time.Hour),
				Member: verdict.Member{Answered: true, Server: verdict.Server{System: 1, Started: at}, State: verdict.State{Timeline: 3}},
			},
			{
				Name: "b", Up: true, Version: "17.6", Since: after(-time.Minute),
				Member: verdict.Member{Answered: true, State: verdict.State{InRecovery: true, Timeline: 3}},
				Replica: &probe.ReplicaResult{
					Verdict: verdict.Verdict{State: verdict.StatePaused, Synced: new(false), Lag: &lag, LagBytes: new(uint64(328))},
					First:   &probe.Read{State: verdict.State{ReplayLSN: 0x3000000, ReceiveLSN: 0x3000148, Timeline: 3, ApplyDelay: &delay}},
					Last:    verdict.Row{Found: true, Capacity: 30},
				},
			},
			{
				Name:     "c",
				Failures: []error{&probe.Error{Reason: probe.ReasonConnect, Err: errors.New("dial tcp 10.20.0.11:5432: connect: connection refused")}},
				Replica:  &probe.ReplicaResult{Verdict: verdict.Verdict{State: verdict.StateUnreachable}},
			},
		},
	}
}

// TestJSON is what programs rely on; see docs/api.md. `make golden` writes it.
func TestJSON(t *testing.T) {
	r := everything()
	known := collector.Known{Nodes: []string{"a", "b", "c"}, Last: r, Close: r, By: collector.ByScrape}
	c := &status.Cluster{Name: "orders", Known: known, Now: known.At().Add(8 * time.Second)}
	document := NewDocument(c, false)
	document.AddBeats([]collector.Beat{{At: r.Started.Add(-time.Second), Written: true}, {At: r.Started}, {At: r.Started, Written: true}, {At: r.Started, Written: true}},
		map[string][]collector.Mark{
			"b": {
				{Outcome: collector.OutcomeSynced, Delay: 1500 * time.Microsecond},
				{Delay: -1},
				{Outcome: collector.OutcomeLate, Delay: -1},
				{Outcome: collector.OutcomeNone, Delay: -1},
			},
		})
	holds(t, "testdata/cluster.json", document)
}

// TestDocsShowIt: the page on the API has it as it is.
func TestDocsShowIt(t *testing.T) {
	page, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/cluster.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(page, append([]byte("```json\n"), want...)) {
		t.Error("docs/api.md does not show testdata/cluster.json as it is")
	}
}

// TestJSONOfWhatIsNotKnown: a cluster that nobody has asked for has its nodes' names.
func TestJSONOfWhatIsNotKnown(t *testing.T) {
	c := &status.Cluster{Name: "orders", Known: collector.Known{Nodes: []string{"a", "b"}}}
	holds(t, "testdata/never.json", NewDocument(c, false))
}

func holds(t *testing.T, file string, document any) {
	t.Helper()
	var got bytes.Buffer
	if err := JSON(&got, document); err != nil {
		t.Fatal(err)
	}
	golden.File(t, file, got.String())
}
