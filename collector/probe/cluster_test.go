package probe

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// fakeNode is a server whose answers a test makes up: what no real one says at will.
type fakeNode struct {
	name   string
	server verdict.Server
	write  func() (Write, error)
	read   func(n int) (Read, error) // n counts all reads
	reads  int
}

var _ Node = (*fakeNode)(nil)

func (f *fakeNode) Name() string                  { return f.name }
func (f *fakeNode) Connected() bool               { return true }
func (f *fakeNode) Identity() verdict.Server      { return f.server }
func (f *fakeNode) Pooled() bool                  { return false }
func (f *fakeNode) Connect(context.Context) error { return nil }
func (f *fakeNode) Close(context.Context) error   { return nil }

func (f *fakeNode) Write(context.Context) (Write, error)  { return f.write() }
func (f *fakeNode) Read(context.Context) (Read, error)    { return f.answer() }
func (f *fakeNode) Inspect(context.Context) (Read, error) { return f.answer() }
func (f *fakeNode) Poll(context.Context) (Read, error)    { return f.answer() }

// answer takes a moment of synctest's time, which stands still otherwise.
func (f *fakeNode) answer() (Read, error) {
	f.reads++
	time.Sleep(time.Millisecond)
	return f.read(f.reads)
}

func server(started int64) verdict.Server {
	return verdict.Server{System: 1, Started: time.Unix(started, 0)}
}

// row is a row of one era, which the first beat begins.
func row(capacity int64) verdict.Row {
	r := verdict.Row{Found: true, Capacity: capacity, Mark: capacity, Born: 1}
	if capacity > 0 {
		r.Timeline, r.Eras = 1, []verdict.Era{{ID: 1, From: 0}}
	}
	return r
}

// fakePrimary acknowledges one value after the other, from the one after capacity on.
func fakePrimary(capacity int64) *fakeNode {
	f := &fakeNode{name: "primary", server: server(1)}
	f.write = func() (Write, error) {
		capacity++
		now := time.Now()
		return Write{Row: row(capacity), Sent: now, Acknowledged: now, LSN: verdict.LSN(100 * capacity)}, nil
	}
	f.read = func(int) (Read, error) { return read(verdict.State{Detailed: true, Timeline: 1}, row(capacity)), nil }
	return f
}

func read(state verdict.State, row verdict.Row) Read {
	now := time.Now()
	return Read{State: state, Row: row, Sent: now, Received: now}
}

func standby(replayed verdict.LSN) verdict.State {
	return verdict.State{InRecovery: true, Detailed: true, Timeline: 1, Receiver: "streaming", ReplayLSN: replayed}
}

// probeOnce runs one probe of a primary and a replica, which reads answer.
func probeOnce(t *testing.T, capacity int64, answer func(n int) (Read, error)) (*fakeNode, *NodeResult) {
	replica := &fakeNode{name: "replica", server: server(2), read: answer}
	c := New(Config{Wait: time.Second, SyncedWithin: 100 * time.Millisecond}, fakePrimary(capacity), replica)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	return replica, &c.Probe(ctx).Nodes[1]
}

// TestReadsThatFailAreMadeAgain: what may pass says nothing about the canary.
func TestReadsThatFailAreMadeAgain(t *testing.T) {
	for _, test := range []struct {
		situation string
		err       *Error
		again     bool
	}{
		{"a recovery conflict", &Error{Reason: ReasonConflict, Answered: true}, true},
		{"a statement that was cancelled", &Error{Reason: ReasonTimeout, Answered: true}, true},
		{"a lock", &Error{Reason: ReasonLockTimeout, Answered: true}, true},
		{"a network that does not answer", &Error{Reason: ReasonTimeout}, false},
		{"a right that is missing", &Error{Reason: ReasonPermission, Answered: true}, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			test.err.Err = errors.New(test.situation)
			replica, result := probeOnce(t, 0, func(n int) (Read, error) {
				if n > 1 { // The first is the look around before the first write.
					return Read{}, test.err
				}
				return read(standby(50), row(0)), nil
			})
			if again := replica.reads > 3; again != test.again {
				t.Errorf("%s: %d reads", test.situation, replica.reads)
			}
			if len(result.Failures) != 1 {
				t.Errorf("%s: failures %v, want one", test.situation, result.Failures)
			}
			if r := result.Replica; r.Synced != nil || r.Visibility != nil || r.Lag != nil {
				t.Errorf("%s: something was observed: %+v", test.situation, r.Verdict)
			}
		})
		synctest.Test(t, func(t *testing.T) {
			_, result := probeOnce(t, 0, func(n int) (Read, error) {
				if n == 2 || n == 3 {
					return Read{}, test.err
				}
				return read(standby(100), row(1)), nil
			})
			if synced := result.Replica.Synced; test.again && (synced == nil || !*synced) {
				t.Errorf("%s that passes: %+v, want synced", test.situation, result.Replica.Verdict)
			}
		})
	}
}

// TestPromotionInTheMiddleOfAProbe: beside the primary that was written there is another one.
func TestPromotionInTheMiddleOfAProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		replica := &fakeNode{name: "replica", server: server(2)}
		replica.read = func(n int) (Read, error) {
			if n < 20 {
				return read(standby(50), row(0)), nil
			}
			return read(verdict.State{Detailed: true, Timeline: 2}, row(0)), nil
		}
		// A node of its own follows the primary, so that this stays.
		third := &fakeNode{name: "third", server: server(3)}
		third.read = func(n int) (Read, error) { return read(standby(100), row(1)), nil }
		c := New(Config{Wait: time.Second, SyncedWithin: 100 * time.Millisecond}, fakePrimary(0), replica, third)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		r := c.Probe(ctx)
		if primaries, _ := r.Primaries(); primaries != 2 || r.Nodes[1].Replica.State != verdict.StateDiverged {
			t.Errorf("%d primaries, the promoted one is %q", primaries, r.Nodes[1].Replica.State)
		}
		if r.Primary != "primary" || r.Nodes[2].Replica.State != verdict.StateSynced {
			t.Errorf("%s was written, the third is %q", r.Primary, r.Nodes[2].Replica.State)
		}
	})
}

// TestStepsBackAreCountedOnce, each however long it lasts.
func TestStepsBackAreCountedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		values := []int64{0, 5, 3, 3, 3, 4, 2}
		_, result := probeOnce(t, 9, func(n int) (Read, error) {
			return read(standby(50), row(values[min(n, len(values))-1])), nil
		})
		if result.Replica.StepsBack != 2 {
			t.Errorf("%d steps back, want 2", result.Replica.StepsBack)
		}
	})
}
