package pgnode

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// TestAttemptThatWaitsIsOfTheProbe: a probe that finds an attempt waiting for its turn is told how that
// ended; one that is under way tells nothing of now.
func TestAttemptThatWaitsIsOfTheProbe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newRandomServer(t, 1)
		server.set(refusing)
		dials := NewDials(1, 1)
		before := dials.ask("another", false)
		k := newKeeper(&keeper{open: server.openSession, dials: dials})
		k.prepare()
		synctest.Wait()
		if is := dials.Counts(); is != (DialCounts{Begun: 1, UnderWay: 1, Waiting: 1}) {
			t.Errorf("%+v", is)
		}
		k.prepare()
		time.AfterFunc(100*time.Millisecond, before.end)
		if err := k.connect(t.Context()); err == nil || fmt.Sprint(err) != "refused" {
			t.Errorf("%v", err)
		}
		must(t, k.close(t.Context()))
	})
}

// TestHungNodeWaitsApart: a node that hung takes no place of others, until it is well.
func TestHungNodeWaitsApart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newRandomServer(t, 1)
		k := newKeeper(&keeper{open: server.openSession, dials: NewDials(1, 1), elsewhere: func(context.Context, *session) bool { return false }})
		for _, step := range []struct {
			health int
			hung   bool
		}{{healthy, false}, {silent, true}, {refusing, false}, {silent, true}, {healthy, false}} {
			server.set(step.health)
			k.mu.Lock()
			if k.session != nil {
				k.retireLocked(k.session)
			}
			k.mu.Unlock()
			k.prepare()
			_ = k.connect(t.Context())
			if k.hung != step.hung {
				t.Errorf("after %+v: %v", step, k.hung)
			}
		}
		must(t, k.close(t.Context()))
	})
}
