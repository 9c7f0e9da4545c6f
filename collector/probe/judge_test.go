package probe

import (
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// TestInTime: a verdict needs a proof. A canary that only a read showed that came
// back after the limit may have been visible in time or not.
func TestInTime(t *testing.T) {
	const limit = 100 * time.Millisecond
	c := New(Config{Wait: time.Second, SyncedWithin: limit})
	w := &Write{Acknowledged: time.Now()}
	for name, test := range map[string]struct {
		stale, fresh time.Duration // 0: no such read
		want         *bool
	}{
		"fresh at once":                       {0, time.Millisecond, new(true)},
		"fresh at the limit":                  {limit - time.Millisecond, limit, new(true)},
		"the limit passed between two reads":  {limit - 1, limit + 1, nil},
		"stale at the limit":                  {limit, limit + 1, new(false)},
		"stale after the limit":               {2 * limit, 0, new(false)},
		"stale before the limit, then broken": {limit - 1, 0, nil},
		"fresh at once, but slow":             {0, limit + 1, nil},
	} {
		replica := &ReplicaResult{Stale: test.stale != 0}
		if test.stale != 0 {
			replica.LastStale = w.Acknowledged.Add(test.stale)
		}
		if test.fresh != 0 {
			replica.FirstFresh = w.Acknowledged.Add(test.fresh)
		}
		got := c.visibleInTime(w, replica)
		if (got == nil) != (test.want == nil) || (got != nil && *got != *test.want) {
			t.Errorf("%s: %v, want %v", name, text(got), text(test.want))
		}
		replica.Synced = got
		if want := test.want == nil && test.fresh != 0; replica.Doubtful() != want {
			t.Errorf("%s: doubtful %v, want %v", name, replica.Doubtful(), want)
		}
	}
}

// TestStateInDoubt: what was last in the way is told, and nothing where nothing was.
func TestStateInDoubt(t *testing.T) {
	const limit = 100 * time.Millisecond
	c := New(Config{Wait: time.Second, SyncedWithin: limit})
	w := &Write{Acknowledged: time.Now(), LSN: 100}
	seen := Read{State: verdict.State{InRecovery: true, Detailed: true, Receiver: "streaming", ReceiveLSN: 90, ReplayLSN: 90}}
	for _, test := range []struct {
		stale bool
		want  verdict.ReplicaState
	}{{true, verdict.StateReceiving}, {false, ""}} {
		replica := &ReplicaResult{State: verdict.StateUnreachable, Stale: test.stale, FirstFresh: w.Acknowledged.Add(2 * limit)}
		if test.stale {
			replica.LastStale = w.Acknowledged.Add(limit / 2)
		}
		c.judgeReplica(w, replica, seen)
		if replica.State != test.want || replica.Synced != nil {
			t.Errorf("stale %v: state %q, %s, want %q and no verdict", test.stale, replica.State, text(replica.Synced), test.want)
		}
	}
}

func text(verdict *bool) string {
	switch {
	case verdict == nil:
		return "no verdict"
	case *verdict:
		return "synced"
	default:
		return "not synced"
	}
}
