package server

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pg-canary/pg_canary_exporter/collector"
)

// TestEventsDocument is what programs rely on; see docs/api.md.
func TestEventsDocument(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
	for name, test := range map[string]struct {
		events []collector.Event
		want   string
	}{
		"none": {nil, `{"events":[]}` + "\n"},
		"of every kind": {
			[]collector.Event{
				{At: at, Kind: collector.EventState, Node: "b", From: "synced", To: "disconnected", Seconds: 12.5},
				{At: at, Kind: collector.EventConnected, Node: "b"},
				{At: at, Kind: collector.EventLost, Node: "b", Commits: 3},
				{At: at, Kind: collector.EventOutageEnded, Node: "b", Seconds: 6, Timeline: 2},
				{At: at, Kind: collector.EventOutageBegan, Node: "a", Reason: "connect"},
				{At: at, Kind: collector.EventTakeover, Node: "b", From: "a", To: "b", Timeline: 2},
			},
			`{"events":[` +
				`{"cluster":"orders","at":"2026-01-02T03:04:05.678Z","kind":"state","node":"b","from":"synced","to":"disconnected","seconds":12.5},` +
				`{"cluster":"orders","at":"2026-01-02T03:04:05.678Z","kind":"connected","node":"b"},` +
				`{"cluster":"orders","at":"2026-01-02T03:04:05.678Z","kind":"lost","node":"b","commits":3},` +
				`{"cluster":"orders","at":"2026-01-02T03:04:05.678Z","kind":"outage_ended","node":"b","seconds":6,"timeline":2},` +
				`{"cluster":"orders","at":"2026-01-02T03:04:05.678Z","kind":"outage_began","node":"a","reason":"connect"},` +
				`{"cluster":"orders","at":"2026-01-02T03:04:05.678Z","kind":"takeover","node":"b","from":"a","to":"b","timeline":2}` +
				"]}\n",
		},
	} {
		recorder := httptest.NewRecorder()
		all := []clusterEvent{}
		for _, e := range test.events {
			all = append(all, clusterEvent{"orders", e})
		}
		writeJSON(recorder, newestFirst(all))
		if diff := cmp.Diff(test.want, recorder.Body.String()); diff != "" || recorder.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: %v\n%s", name, recorder.Header(), diff)
		}
	}
}

// TestEventsAreServed without a probe: to look changes nothing.
func TestEventsAreServed(t *testing.T) {
	cluster := &fakeCluster{}
	config := testConfig(cluster)
	handler, err := routes(config, new(atomic.Bool))
	if err != nil {
		t.Fatal(err)
	}
	ask := func(path string) string {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
		if recorder.Code != http.StatusOK {
			t.Errorf("%s answers %d", path, recorder.Code)
		}
		return recorder.Body.String()
	}
	if got := ask(eventsPath); got != `{"events":[]}`+"\n" || cluster.probes.Load() != 0 {
		t.Errorf("%d probes, and %s", cluster.probes.Load(), got)
	}
	ask("/metrics")
	if got := ask(eventsPath); got == `{"events":[]}`+"\n" || cluster.probes.Load() != 1 {
		t.Errorf("%d probes, and %s", cluster.probes.Load(), got)
	}
}
