package server

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// fakeGate answers as a test says.
type fakeGate struct {
	answer probe.GateAnswer
	hang   chan struct{} // closed when it may answer; nil for at once
	came   chan struct{}

	mu    sync.Mutex
	asked []probe.GateAsk
	kinds []string
}

var _ Gate = (*fakeGate)(nil)

func (f *fakeGate) Names() []string         { return []string{"db-a", "db-b"} }
func (f *fakeGate) LeastMax() time.Duration { return 200 * time.Millisecond }
func (f *fakeGate) Fresh(_ context.Context, ask probe.GateAsk) (probe.GateAnswer, error) {
	return f.tell("fresh", ask)
}

func (f *fakeGate) Writable(_ context.Context, ask probe.GateAsk) (probe.GateAnswer, error) {
	return f.tell("writable", ask)
}

func (f *fakeGate) tell(kind string, ask probe.GateAsk) (probe.GateAnswer, error) {
	f.mu.Lock()
	f.asked, f.kinds = append(f.asked, ask), append(f.kinds, kind)
	f.mu.Unlock()
	if f.hang != nil {
		f.came <- struct{}{}
		<-f.hang
	}
	if ask.Node != "db-a" && ask.Node != "db-b" {
		return probe.GateAnswer{}, probe.ErrNoNode
	}
	return f.answer, nil
}

func openGate(state verdict.GateState, lag time.Duration) probe.GateAnswer {
	return probe.GateAnswer{GateVerdict: verdict.GateVerdict{Open: true, State: state, Lag: &lag}, Primary: "db-a"}
}

// gated is the handler of an exporter whose cluster orders has a gate.
func gated(t testing.TB, gate *fakeGate, limits Limits) http.Handler {
	t.Helper()
	orders := named("orders", &fakeCluster{})
	orders.Gate = gate
	config := fleetConfig(named("billing", &fakeCluster{}), orders)
	config.Limits = limits
	handler, err := routes(config, new(atomic.Bool))
	must(t, err)
	return handler
}

// TestGateRefusesWhatItDoesNotUnderstand, and says what to ask for: no check is let through by mistake, not even by a redirection,
// which health checks take for a yes.
func TestGateRefusesWhatItDoesNotUnderstand(t *testing.T) {
	gate := &fakeGate{answer: openGate(verdict.GateFresh, time.Millisecond)}
	handler := gated(t, gate, Limits{})
	for _, test := range []struct {
		path   string
		status int
		text   string
	}{
		{"/fresh/orders/db-b", 400, "max=500ms"},
		{"/fresh/orders/db-b?max=", 400, "max=500ms"},
		{"/fresh/orders/db-b?max=500", 400, "max=2s"},
		{"/fresh/orders/db-b?max=soon", 400, "max=2s"},
		{"/fresh/orders/db-b?max=199ms", 400, "Ask for max=200ms or more, or lower --probe.min-interval"},
		{"/fresh/orders/db-b?max=-1s", 400, "too small"},
		{"/fresh/orders/db-b?max=0s", 400, "too small"},
		{"/fresh/orders/db-b?max=9999999h", 400, "no time"},
		{"/fresh/orders/db-b?max=1s&max=2s", 400, "several times"},
		{"/fresh/orders/db-b?Max=1s", 400, "no parameter"},
		{"/fresh/orders/db-b?max=1s&primary_down=keep", 400, "primary-down"},
		{"/fresh/orders/db-b?max=1s&primary-down=refuse", 400, "leave it out"},
		{"/fresh/orders/db-b?max=1s&timeout=0s", 400, "timeout=300ms"},
		{"/fresh/orders/db-b?max=1s&timeout=1h", 400, "up to 5s"},
		{"/fresh/orders/db-b?max=1s&x=<script>", 400, "no parameter"},
		{"/fresh/orders/db-c?max=1s", 404, "Is it db-a, or db-b?"},
		{"/fresh/orders/zzzzzzzz?max=1s", 404, "There is db-a, db-b."},
		{"/fresh/order/db-b?max=1s", 404, "Is it orders?"},
		{"/fresh/zzzzzzzz/db-b?max=1s", 404, "There is billing, orders."},
		{"/fresh/orders/?max=1s", 404, "/fresh/CLUSTER/NODE"},
		{"/fresh/orders?max=1s", 404, "/fresh/CLUSTER/NODE"},
		{"/fresh/?max=1s", 404, "/fresh/CLUSTER/NODE"},
		{"/fresh?max=1s", 404, "/fresh/CLUSTER/NODE"},
		{"//fresh/orders/db-b?max=1s", 404, "/fresh/CLUSTER/NODE"},
		{"/fresh//orders/db-b?max=1s", 404, "/fresh/CLUSTER/NODE"},
		{"/fresh/orders//db-b?max=1s", 404, "no node"},
		{"/fresh/orders/./db-b?max=1s", 404, "no node"},
		{"/fresh/orders/x/../db-b?max=1s", 404, "no node"},
		{"/x/../fresh/orders/db-b?max=1s", 404, "/fresh/CLUSTER/NODE"},
		{"/writable?x", 404, "/writable/CLUSTER/NODE"},
		{"/writable/orders/db-a?primary-down=keep", 400, "no parameter"},
		{"/writable/orders/db-a?max=100ms", 400, "too small"},
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			recorder := httptest.NewRecorder()
			handler.ServeHTTP(recorder, httptest.NewRequest(method, "http://exporter"+test.path, nil))
			if recorder.Code != test.status || method == http.MethodGet && !strings.Contains(recorder.Body.String(), test.text) {
				t.Errorf("%s %s answers %d, %s; want %d, %q", method, test.path, recorder.Code, recorder.Body, test.status, test.text)
			}
			if kind := recorder.Header().Get("Content-Type"); !strings.HasPrefix(kind, "text/plain") || recorder.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %v", test.path, recorder.Header())
			}
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodOptions, http.MethodPut, "BREW"} {
		if status, _ := ask(handler, method, "/fresh/orders/db-b?max=1s"); status != http.StatusMethodNotAllowed {
			t.Errorf("%s answers %d", method, status)
		}
	}
}

// TestGateAsks for what the client wants.
func TestGateAsks(t *testing.T) {
	gate := &fakeGate{answer: openGate(verdict.GateFresh, 213*time.Millisecond)}
	handler := gated(t, gate, Limits{})
	for _, test := range []struct {
		path, kind string
		want       probe.GateAsk
	}{
		{"/fresh/orders/db-b?max=500ms", "fresh", probe.GateAsk{Node: "db-b", Max: 500 * time.Millisecond}},
		{"/fresh/orders/db-b?max=200ms&timeout=1.5s&primary-down=keep", "fresh", probe.GateAsk{
			Node: "db-b", Max: 200 * time.Millisecond, Timeout: 1500 * time.Millisecond, KeepDown: true,
		}},
		{"/writable/orders/db-a", "writable", probe.GateAsk{Node: "db-a", Max: time.Second}},
		{"/writable/orders/db-a?max=3s", "writable", probe.GateAsk{Node: "db-a", Max: 3 * time.Second}},
	} {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, test.path, nil))
		last := len(gate.asked) - 1
		if recorder.Code != http.StatusOK || last < 0 || gate.asked[last] != test.want || gate.kinds[last] != test.kind {
			t.Errorf("%s answers %d, and asks for %+v", test.path, recorder.Code, gate.asked)
		}
		if header := recorder.Header(); header.Get(stateHeader) != "fresh" || header.Get(lagHeader) != "0.213" {
			t.Errorf("%s: %v", test.path, header)
		}
	}
}

// TestGateExplains every answer in a sentence, and no state is left out.
func TestGateExplains(t *testing.T) {
	lag, keep := 16*time.Second+213456*time.Microsecond, probe.GateAsk{Node: "db-b", Max: 500 * time.Millisecond}
	told := func(state verdict.GateState) probe.GateAnswer {
		return probe.GateAnswer{GateVerdict: verdict.GateVerdict{State: state, Lag: &lag}, Primary: "db-a"}
	}
	with := func(a probe.GateAnswer, change func(*probe.GateAnswer)) probe.GateAnswer {
		change(&a)
		return a
	}
	for _, test := range []struct {
		answer probe.GateAnswer
		text   string
	}{
		{openGate(verdict.GateFresh, lag), "misses nothing that was acknowledged more than 16.213s ago"},
		{openGate(verdict.GatePrimary, lag), "misses nothing"},
		{with(openGate(verdict.GateKept, lag), func(a *probe.GateAnswer) { a.Reason = probe.ReasonTimeout }), "cannot be asked (timeout). Up to the last beat"},
		{openGate(verdict.GateWritable, lag), "db-b acknowledged the last beat"},
		{told(verdict.GateStale), "within the last 16.213s, and 500ms were asked for."},
		{told("paused"), "500ms were asked for: paused."},
		{told(verdict.GateUnknown), "proves how fresh it is"},
		{with(told(verdict.GateUnknown), func(a *probe.GateAnswer) { a.Primary = "" }), "No beat has been acknowledged yet"},
		{with(told(verdict.GateUnknown), func(a *probe.GateAnswer) { a.Unwritten = true }), "give it a pulse"},
		{with(told(verdict.GateUnreachable), func(a *probe.GateAnswer) { a.Reason = probe.ReasonConnect }), "db-b cannot be read (connect)"},
		{told(verdict.GatePooled), "the server's own address"},
		{told(verdict.GateBalanced), "a node for each server"},
		{told(verdict.GateForeign), "another cluster"},
		{told(verdict.GateDiverged), "another history than the server that acknowledged the last beat (db-a)"},
		{with(told(verdict.GateSplit), func(a *probe.GateAnswer) { a.Rivals = []string{"db-a", "db-c"} }), "Two servers take writes (db-a, db-c)"},
		{told(verdict.GateNoPrimary), "whether any server takes writes"},
		{with(told(verdict.GateNoPrimary), func(a *probe.GateAnswer) { a.Reason = probe.ReasonSyncWait }), "cannot be asked (sync_wait)"},
		{with(told(verdict.GateNoPrimary), func(a *probe.GateAnswer) { a.Rivals = []string{"db-c"} }), "db-c takes writes"},
		{told(verdict.GateNotPrimary), "acknowledged by db-a, and not by db-b"},
	} {
		gate := &fakeGate{answer: test.answer}
		recorder := httptest.NewRecorder()
		gated(t, gate, Limits{}).ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/fresh/orders/db-b?max=500ms", nil))
		status := http.StatusServiceUnavailable
		if test.answer.Open {
			status = http.StatusOK
		}
		text := recorder.Body.String()
		if recorder.Code != status || recorder.Header().Get(stateHeader) != string(test.answer.State) || !strings.Contains(text, test.text) ||
			strings.Count(text, "\n") != 1 || !strings.HasSuffix(text, ".\n") {
			t.Errorf("%s: %d %v\n%s; want %q", test.answer.State, recorder.Code, recorder.Header(), text, test.text)
		}
		if got := explain(&keep, &test.answer); got+"\n" != text {
			t.Errorf("%q is not %q", got, text)
		}
	}
}

// TestTooManyChecks are refused at once, and the exporter's own health is answered meanwhile.
func TestTooManyChecks(t *testing.T) {
	gate := &fakeGate{answer: openGate(verdict.GateFresh, 0), hang: make(chan struct{}), came: make(chan struct{}, 2)}
	handler := gated(t, gate, Limits{Checks: 2})
	ended := make(chan int, 2)
	for range 2 {
		go func() {
			status, _ := ask(handler, http.MethodGet, "/fresh/orders/db-b?max=1s")
			ended <- status
		}()
		<-gate.came
	}
	if status, text := ask(handler, http.MethodGet, "/fresh/orders/db-b?max=1s"); status != http.StatusServiceUnavailable || !strings.Contains(text, "Too many") {
		t.Errorf("the third is answered by %d %s", status, text)
	}
	if status, _ := ask(handler, http.MethodGet, "/-/healthy"); status != http.StatusOK {
		t.Errorf("its health is answered by %d", status)
	}
	close(gate.hang)
	for range 2 {
		if status := <-ended; status != http.StatusOK {
			t.Errorf("one that waited got %d", status)
		}
	}
	gate.hang = nil
	if status, _ := ask(handler, http.MethodGet, "/fresh/orders/db-b?max=1s"); status != http.StatusOK {
		t.Errorf("the next one got %d", status)
	}
}

// FuzzGatePath: nothing is let through but what names a cluster, a node and how stale a read may be, and nothing is redirected.
func FuzzGatePath(f *testing.F) {
	for _, seed := range []string{"/fresh/orders/db-b?max=1s", "//fresh/orders/db-b", "/fresh/../fresh/x", "/writable/orders/db-a", "/fresh/orders/db-b?max=1s&max=1s", "/fresh/%2f"} {
		f.Add(seed)
	}
	gate := &fakeGate{answer: openGate(verdict.GateFresh, 0)}
	handler := gated(f, gate, Limits{})
	f.Fuzz(func(t *testing.T, target string) {
		request, err := http.NewRequest(http.MethodGet, "http://exporter"+target, nil)
		if err != nil || !strings.HasPrefix(request.URL.Path, "/") {
			return
		}
		before := len(gate.asked)
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, request)
		asked := len(gate.asked) > before
		if about := strings.Contains(request.URL.Path, "fresh") || strings.Contains(request.URL.Path, "writable"); about && recorder.Code/100 == 3 {
			t.Errorf("%q is redirected to %s", target, recorder.Header().Get("Location"))
		}
		if asked && !strings.HasPrefix(request.URL.Path, "/fresh/orders/") && !strings.HasPrefix(request.URL.Path, "/writable/orders/") {
			t.Errorf("%q is asked for", target)
		}
		if !asked && recorder.Header().Get(stateHeader) != "" {
			t.Errorf("%q is answered by %s though nobody was asked", target, recorder.Header().Get(stateHeader))
		}
	})
}

// BenchmarkGate is a check's way through the server.
func BenchmarkGate(b *testing.B) {
	handler := gated(b, &fakeGate{answer: openGate(verdict.GateFresh, 213*time.Millisecond)}, Limits{})
	request := httptest.NewRequest(http.MethodGet, "/fresh/orders/db-b?max=500ms", nil)
	b.ReportAllocs()
	for b.Loop() {
		handler.ServeHTTP(httptest.NewRecorder(), request)
	}
}
