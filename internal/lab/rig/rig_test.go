//go:build unix

package rig

import (
	"context"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/observer"
)

// TestLink: what a link suffers from keeps the replica from getting what is
// written, and it gets it when the link is well again.
func TestLink(t *testing.T) {
	pair, err := New(t.Context(), Options{Linked: true})
	must(t, err)
	t.Cleanup(func() { must(t, pair.Close()) })
	must(t, pair.Primary.Exec(t.Context(), "CREATE TABLE number AS SELECT 0::bigint AS n"))
	must(t, pair.Replica.WaitCaughtUp(t.Context()))
	watching := observer.Start(t.Context(), history.Clock{Began: time.Now()}, pair.Replica.SuperDSN(), "SELECT n FROM number")
	t.Cleanup(watching.Stop)

	const delay = 300 * time.Millisecond
	for name, suffer := range map[string]func(context.Context) error{
		"slow":       func(ctx context.Context) error { return pair.Link.Delay(ctx, delay) },
		"cut":        pair.Link.Cut,
		"black hole": pair.Link.BlackHole,
	} {
		t.Run(name, func(t *testing.T) {
			before := watching.Current()
			must(t, suffer(t.Context()))
			written := time.Now()
			must(t, pair.Primary.Exec(t.Context(), "UPDATE number SET n = n + 1"))
			for shown := false; !shown && time.Since(written) < delay; time.Sleep(time.Millisecond) {
				shown = watching.Current() != before
				// The clock is read after the look: a stall between the two excuses nothing.
				if early := time.Since(written); shown && early < delay {
					t.Fatalf("the replica shows it after %v", early)
				}
			}
			must(t, pair.Link.Mend(t.Context()))
			for watching.Current() == before {
				if time.Since(written) > time.Minute {
					t.Fatal("the replica does not show it, though the link is well")
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
