//go:build unix

package load

import (
	"context"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster/pgtest"
)

// TestWritersWithoutPgbench is for machines that have no pgbench.
func TestWritersWithoutPgbench(t *testing.T) {
	primary := pgtest.New(t, pgcluster.Options{}).Primary()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- withSessions(ctx, primary) }()
	for rows := 0; rows < 10; {
		select {
		case err := <-done:
			t.Fatalf("the writers ended: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
		var there bool
		must(t, primary.QueryRow(t.Context(), "SELECT to_regclass('steady') IS NOT NULL", &there))
		if there {
			must(t, primary.QueryRow(t.Context(), "SELECT count(*) FROM steady", &rows))
		}
	}
	cancel()
	must(t, lab.Ended(ctx, <-done))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
