package collector

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
	"github.com/pg-canary/pg_canary_exporter/internal/golden"
)

// fakeProber stands in for a cluster where a test needs a certain result or moment.
type fakeProber struct {
	names    []string
	probe    func(ctx context.Context) *probe.Result
	observer probe.Observer
}

var _ Prober = (*fakeProber)(nil)

func (f *fakeProber) Names() []string          { return f.names }
func (f *fakeProber) Observe(o probe.Observer) { f.observer = o }
func (f *fakeProber) Probe(ctx context.Context) *probe.Result {
	r := f.probe(ctx)
	f.observer.Ended(r)
	for _, node := range r.Replicas() {
		if delay := node.Replica.Visibility; delay != nil {
			f.observer.Shown(node.Name, verdict.Sighting{}, *delay)
		}
	}
	return r
}

// TestHEADRunsNoProbe: it must change nothing.
func TestHEADRunsNoProbe(t *testing.T) {
	t.Parallel()
	c := New(&fakeProber{names: []string{"a:5432"}, probe: func(context.Context) *probe.Result {
		t.Error("HEAD began a probe")
		return result()
	}}, log.NewNopLogger())
	recorder := httptest.NewRecorder()
	(&Handler{Collector: c, Timeout: time.Second}).ServeHTTP(recorder, httptest.NewRequest(http.MethodHead, "/metrics", nil))
	if recorder.Code != http.StatusOK || recorder.Header().Get("Content-Type") == "" || recorder.Body.Len() != 0 {
		t.Errorf("HEAD got %d, %v, %q", recorder.Code, recorder.Header(), recorder.Body)
	}
}

// TestPulseCountsLess: what only a probe looks at it alone counts.
func TestPulseCountsLess(t *testing.T) {
	t.Parallel()
	r := result()
	r.Scraped = false
	c := New(&fakeProber{names: []string{"a:5432", "b:5432"}, probe: func(context.Context) *probe.Result { return r }}, log.NewNopLogger())
	c.Ended(r)
	for what, counted := range map[string][2]float64{
		"probes":      {testutil.ToFloat64(c.totals.probes), 0},
		"reads":       {testutil.ToFloat64(c.totals.reads), 0},
		"stale reads": {testutil.ToFloat64(c.totals.stale), 0},
		"verdicts":    {testutil.ToFloat64(c.totals.verdicts.WithLabelValues("b:5432", outcomeSynced)), 1},
		"commits":     {float64(testutil.CollectAndCount(c.totals.commitDuration)), 1},
	} {
		if counted[0] != counted[1] {
			t.Errorf("%s: %v, want %v", what, counted[0], counted[1])
		}
	}
	if events := c.Events(); len(events) != 0 {
		t.Errorf("events of its nodes: %v", events)
	}
}

func ptr[T any](v T) *T { return &v }

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// result is a probe of a primary and a replica that shows the canary after 2 ms.
func result() *probe.Result {
	written := verdict.Row{Found: true, Capacity: 42, Timeline: 1}
	return &probe.Result{
		Scraped: true, Started: start, Duration: 3 * time.Millisecond, Primary: "a:5432",
		Write: &probe.Write{
			Row: written, Sent: start, Acknowledged: start.Add(time.Millisecond), LSN: 0x3000148,
		},
		Acknowledged: start.Add(time.Millisecond),
		Nodes: []probe.NodeResult{
			{Name: "a:5432", Up: true, Servers: 1, Member: verdict.Member{Answered: true}},
			{Name: "b:5432", Up: true, Servers: 1, Member: verdict.Member{Answered: true, State: verdict.State{InRecovery: true}}, Replica: &probe.ReplicaResult{
				First: &probe.Read{
					State: verdict.State{
						InRecovery: true, ReplayLSN: 0x30000C8, ReceiveLSN: 0x3000148, Timeline: 1,
						ApplyDelay: ptr(time.Duration(0)), Receiver: "streaming", Detailed: true,
					},
					Row:  verdict.Row{Found: true, Capacity: 41, Timeline: 1},
					Sent: start.Add(time.Millisecond), Received: start.Add(1500 * time.Microsecond),
				},
				Stale: true, Last: written,
				Verdict: verdict.Verdict{
					LagBytes: ptr(uint64(128)), Synced: ptr(true), State: verdict.StateSynced,
					Visibility: ptr(2 * time.Millisecond), Lag: ptr(2 * time.Millisecond),
					StalenessBound: ptr(3 * time.Millisecond), Unseen: ptr(int64(0)),
				},
			}},
		},
	}
}

// broken is a probe without a primary, whose replica tells nothing but its role.
func broken() *probe.Result {
	refused := &probe.Error{Reason: probe.ReasonConnect, Err: errors.New("connection refused")}
	return &probe.Result{
		Scraped: true, Started: start, Duration: time.Second, Primary: "a:5432",
		Acknowledged: start.Add(-time.Second), Outage: probe.Outage{Began: start, Node: "a:5432", Err: refused, All: time.Second},
		Nodes: []probe.NodeResult{
			{Name: "a:5432", Failures: []error{refused}},
			{Name: "b:5432", Up: true, Member: verdict.Member{Answered: true, State: verdict.State{InRecovery: true}}, Replica: &probe.ReplicaResult{
				First: &probe.Read{State: verdict.State{InRecovery: true}, Sent: start, Received: start.Add(time.Millisecond)},
			}},
			{Name: "c:5432", Failures: []error{refused}, Replica: &probe.ReplicaResult{Verdict: verdict.Verdict{State: verdict.StateUnreachable}}},
		},
	}
}

// metricNames are those of every metric of a probe.
func metricNames() []string {
	var names []string
	for _, m := range Metrics() {
		names = append(names, m.Name)
	}
	return names
}

func TestExposition(t *testing.T) {
	for name, result := range map[string]*probe.Result{"healthy": result(), "broken": broken()} {
		t.Run(name, func(t *testing.T) {
			names := make([]string, len(result.Nodes))
			for i := range result.Nodes {
				names[i] = result.Nodes[i].Name
			}
			c := New(&fakeProber{names: names, probe: func(context.Context) *probe.Result { return result }}, log.NewNopLogger())
			c.Probe(t.Context())
			snapshot := &snapshot{result, c.totals}
			text, err := testutil.CollectAndFormat(snapshot, expfmt.TypeTextPlain, metricNames()...)
			if err != nil {
				t.Fatal(err)
			}
			golden.File(t, filepath.Join("testdata", name+".txt"), string(text))
			problems, err := testutil.CollectAndLint(snapshot)
			if err != nil || len(problems) > 0 {
				t.Errorf("promlint: %v %v", problems, err)
			}
		})
	}
}

func TestHandlerAnswersBeforeTheScrapersDeadline(t *testing.T) {
	deadlines := make(chan time.Duration, 1)
	h := &Handler{
		Collector: New(&fakeProber{names: []string{"a:5432"}, probe: func(ctx context.Context) *probe.Result {
			deadline, _ := ctx.Deadline()
			deadlines <- time.Until(deadline)
			return result()
		}}, log.NewNopLogger()),
		Timeout: 5 * time.Second, TimeoutOffset: 250 * time.Millisecond,
	}
	for header, want := range map[string]time.Duration{
		"":       5 * time.Second,
		"10":     5 * time.Second,
		"3600":   5 * time.Second,
		"2":      1750 * time.Millisecond,
		"0.5":    250 * time.Millisecond,
		"0.0001": 50 * time.Microsecond,
		"-1":     5 * time.Second,
		"much":   5 * time.Second,
		"NaN":    5 * time.Second,
		"1e300":  5 * time.Second,
		"0.0000": 5 * time.Second,
	} {
		request := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		request.Header.Set(timeoutHeader, header)
		recorder := httptest.NewRecorder()
		h.ServeHTTP(recorder, request)
		const grace = 125 * time.Millisecond // Half of the offset.
		if got := <-deadlines; got > want+grace || got < (want+grace)/2 {
			t.Errorf("timeout header %q has the scrape wait for %v, want %v", header, got, want+grace)
		}
		if recorder.Code != http.StatusOK || !strings.Contains(recorder.Body.String(), "pg_canary_up 1") {
			t.Errorf("timeout header %q: answer %d %s", header, recorder.Code, recorder.Body)
		}
	}
}

func TestJournalWritesChangesOnly(t *testing.T) {
	var text bytes.Buffer
	j := newJournal(level.NewFilter(log.NewLogfmtLogger(&text), level.AllowInfo()))
	behind := result()
	behind.Nodes[1].Replica.Synced, behind.Nodes[1].Replica.State = ptr(false), verdict.StateReceiving
	replaying := result()
	replaying.Nodes[1].Replica.Synced, replaying.Nodes[1].Replica.State = ptr(false), verdict.StateReplaying
	lasts, ends := broken(), result()
	lasts.Outage.Began, ends.Outage.Ended = time.Time{}, 90*time.Second
	slow := result()
	slow.Outage = probe.Outage{Began: start, Node: "a:5432", Ended: time.Second}
	unrenewed, late := result(), result()
	unrenewed.Nodes[0].Failures = []error{&probe.Error{Reason: probe.ReasonAuth, Err: errors.New("password authentication failed")}}
	late.Write = nil
	for _, r := range []*probe.Result{result(), result(), behind, replaying, behind, broken(), lasts, ends, result(), unrenewed, unrenewed, late, slow} {
		j.logBeat(r)
	}
	want := strings.TrimLeft(`
level=info msg="node's condition changed" node=a:5432 condition="primary, writable"
level=info msg="node's condition changed" node=b:5432 condition="replica, synced" lag=2ms
level=warn msg="node's condition changed" node=b:5432 condition="replica, lagging" lag=2ms
level=error msg="no canary commit is acknowledged" primary=a:5432 reason=connect err="connection refused" since=2026-01-02T03:04:05Z
level=warn msg="node's condition changed" node=a:5432 condition="unreachable: connect" err="connection refused"
level=warn msg="node's condition changed" node=b:5432 condition="replica, not compared"
level=warn msg="a node gives less information than it could" node=b:5432 limit="the server has no replay functions or the role may not call them: no LSNs, no lag in bytes, no state but synced"
level=warn msg="node's condition changed" node=c:5432 condition="unreachable: connect" err="connection refused"
level=info msg="canary commits are acknowledged again" primary=a:5432 after=1m30s timeline=1 era=0
level=info msg="node's condition changed" node=a:5432 condition="primary, writable"
level=info msg="node's condition changed" node=b:5432 condition="replica, synced" lag=2ms
level=warn msg="node's condition changed" node=a:5432 condition="primary, writable, but failing: auth" err="password authentication failed"
level=warn msg="node's condition changed" node=a:5432 condition="not written"
level=error msg="no canary commit is acknowledged" primary=a:5432 reason="it took so long that the next one was due" since=2026-01-02T03:04:05Z
level=info msg="canary commits are acknowledged again" primary=a:5432 after=1s timeline=1 era=0
level=info msg="node's condition changed" node=a:5432 condition="primary, writable"
`, "\n")
	if diff := cmp.Diff(want, text.String()); diff != "" {
		t.Error(diff)
	}
}

// TestJournalWritesMoments reads the account of a probe, and of a beat of the pulse, at debug
// level. What did not happen has no moment.
func TestJournalWritesMoments(t *testing.T) {
	var text bytes.Buffer
	j := newJournal(log.NewLogfmtLogger(&text))
	r := result()
	r.Attempted, r.Nodes[1].Replica.FirstFresh = start, start.Add(3*time.Millisecond)
	r.Nodes[1].Replica.Decided = r.Nodes[1].Replica.FirstFresh
	j.logMoments(r)
	j.logMoments(broken())
	r.Scraped = false
	j.logMoments(r)
	j.logShown("b:5432", verdict.Sighting{Capacity: 42, Acknowledged: start.Add(time.Millisecond)}, 2*time.Millisecond)
	want := strings.TrimLeft(`
level=debug msg=reads node=b:5432 capacity=42 first_sent=2026-01-02T03:04:05.001Z first_received=2026-01-02T03:04:05.0015Z first_fresh_received=2026-01-02T03:04:05.003Z decided=2026-01-02T03:04:05.003Z
level=debug msg=probe primary=a:5432 capacity=42 lsn=0/3000148 started=2026-01-02T03:04:05Z attempted=2026-01-02T03:04:05Z sent=2026-01-02T03:04:05Z acknowledged=2026-01-02T03:04:05.001Z ended=2026-01-02T03:04:05.003Z
level=debug msg=probe primary=a:5432 reason=connect started=2026-01-02T03:04:05Z ended=2026-01-02T03:04:06Z
level=debug msg=reads node=b:5432 capacity=42 first_sent=2026-01-02T03:04:05.001Z first_received=2026-01-02T03:04:05.0015Z first_fresh_received=2026-01-02T03:04:05.003Z decided=2026-01-02T03:04:05.003Z
level=debug msg=beat primary=a:5432 capacity=42 lsn=0/3000148 started=2026-01-02T03:04:05Z attempted=2026-01-02T03:04:05Z sent=2026-01-02T03:04:05Z acknowledged=2026-01-02T03:04:05.001Z ended=2026-01-02T03:04:05.003Z
level=debug msg=shown node=b:5432 capacity=42 acknowledged=2026-01-02T03:04:05.001Z received=2026-01-02T03:04:05.003Z
`, "\n")
	if diff := cmp.Diff(want, text.String()); diff != "" {
		t.Error(diff)
	}
}

// TestNodesComeAndGo: one that has gone has no series and no state, and one that came has its counters at 0.
func TestNodesComeAndGo(t *testing.T) {
	t.Parallel()
	var logged bytes.Buffer
	prober := &fakeProber{names: []string{"a", "b", "c"}}
	c := New(prober, log.NewLogfmtLogger(&logged))
	r := &probe.Result{Scraped: true, Primary: "a", Started: time.Unix(1_000_000, 0), Write: &probe.Write{}, Nodes: []probe.NodeResult{
		{Name: "a", Up: true}, {Name: "b", Up: true, Replica: &probe.ReplicaResult{Verdict: verdict.Verdict{State: verdict.StateSynced}}},
	}}
	c.Ended(r)
	c.Shown("b", verdict.Sighting{}, time.Second)
	c.SetNodes([]string{"a", "c", "d"})
	c.Reloaded()
	families, err := c.Gather(&probe.Result{})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				found[l.GetName()+"="+l.GetValue()] = true
			}
		}
	}
	if found["replica=b"] || found["node=b"] || !found["node=d"] || !found["node=a"] || !found["replica=c"] {
		t.Errorf("the series are of %v", found)
	}
	var kinds []string
	for _, e := range c.Events() {
		kinds = append(kinds, string(e.Kind)+" "+e.Node)
	}
	if want := []string{"reload ", "joined d", "left b"}; !slices.Equal(kinds[:3], want) {
		t.Errorf("the events are %q, want %q first", kinds, want)
	}
	if !strings.Contains(logged.String(), `msg="the cluster has other nodes" joined=d left=b`) {
		t.Errorf("the log says\n%s", &logged)
	}
}
