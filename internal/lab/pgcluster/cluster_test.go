//go:build unix

package pgcluster_test

import (
	"context"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster/pgtest"
)

// within is how long anything in these tests may take before it counts as hung.
const within = time.Minute

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	t.Cleanup(cancel)
	return ctx
}

func newPair(t *testing.T) (cluster *pgcluster.Cluster, primary, replica *pgcluster.Server) {
	t.Helper()
	cluster, primary, replica = pgtest.NewPair(t, pgcluster.Options{})
	must(t, primary.Exec(soon(t), "CREATE TABLE written (n int); INSERT INTO written VALUES (0)"))
	must(t, replica.WaitCaughtUp(soon(t)))
	return cluster, primary, replica
}

func shows(t *testing.T, s *pgcluster.Server, want int) {
	t.Helper()
	var got int
	must(t, s.QueryRow(soon(t), "SELECT max(n) FROM written", &got))
	if got != want {
		t.Fatalf("%s shows %d, want %d", s.Name, got, want)
	}
}

func write(t *testing.T, s *pgcluster.Server, n int) {
	t.Helper()
	must(t, s.Exec(soon(t), "INSERT INTO written VALUES ($1)", n))
}

// arrives checks that a write on the primary gets to the replica.
func arrives(t *testing.T, primary, replica *pgcluster.Server, n int) {
	t.Helper()
	write(t, primary, n)
	must(t, replica.WaitCaughtUp(soon(t)))
	shows(t, replica, n)
}

func TestPairStreams(t *testing.T) {
	t.Parallel()
	cluster, primary, replica := newPair(t)
	arrives(t, primary, replica, 1)

	var name, slot string
	must(t, primary.QueryRow(soon(t), "SELECT application_name, slot_name FROM pg_stat_replication JOIN pg_replication_slots ON active_pid = pid", &name, &slot))
	if name != "replica1" || slot != "replica1" {
		t.Errorf("replica1 streams as %q over slot %q", name, slot)
	}
	if got := cluster.Replicas(); len(got) != 1 || got[0] != replica {
		t.Errorf("Replicas() = %v", got)
	}
	if replica.Upstream() != primary || primary.Upstream() != nil {
		t.Error("wrong upstream")
	}
	if err := replica.Exec(soon(t), "INSERT INTO written VALUES (2)"); err == nil {
		t.Error("the replica takes writes")
	}
}

func TestClustersAreDifferentSystems(t *testing.T) {
	t.Parallel()
	seen := map[int64]bool{}
	for range 3 {
		var identifier int64
		s := pgtest.New(t, pgcluster.Options{}).Primary()
		must(t, s.QueryRow(soon(t), "SELECT system_identifier FROM pg_control_system()", &identifier))
		// The first start reads the WAL of initdb, a restart what it wrote itself.
		must(t, s.Restart(soon(t)))
		if seen[identifier] {
			t.Fatalf("system identifier %d twice", identifier)
		}
		seen[identifier] = true
	}
}

func TestKillAndStart(t *testing.T) {
	t.Parallel()
	_, primary, replica := newPair(t)
	for n, s := range []*pgcluster.Server{primary, replica, primary} {
		write(t, primary, 2*n+1)
		must(t, s.Kill())
		if s.Running() {
			t.Fatalf("%s runs after it was killed", s.Name)
		}
		must(t, s.Kill())
		must(t, s.Start(soon(t)))
		must(t, replica.WaitStreaming(soon(t)))
		must(t, replica.WaitCaughtUp(soon(t)))
		shows(t, replica, 2*n+1)
		arrives(t, primary, replica, 2*n+2)
	}
}

func TestStopAndStart(t *testing.T) {
	t.Parallel()
	_, primary, replica := newPair(t)
	for n, mode := range []pgcluster.StopMode{pgcluster.Fast, pgcluster.Immediate} {
		must(t, replica.Freeze())
		must(t, replica.Stop(soon(t), mode))
		must(t, primary.Stop(soon(t), mode))
		if primary.Running() || replica.Running() {
			t.Fatal("a server runs after it was stopped")
		}
		must(t, primary.Start(soon(t)))
		if err := primary.Start(soon(t)); err == nil {
			t.Fatal("a server was started twice")
		}
		must(t, replica.Start(soon(t)))
		arrives(t, primary, replica, n+1)
	}
	must(t, primary.Restart(soon(t)))
	arrives(t, primary, replica, 3)
}

func TestFreezeAndThaw(t *testing.T) {
	t.Parallel()
	_, primary, replica := newPair(t)

	must(t, replica.Freeze())
	write(t, primary, 1)
	answersNot(t, replica)
	must(t, replica.Thaw())
	must(t, replica.WaitCaughtUp(soon(t)))
	shows(t, replica, 1)

	must(t, primary.Freeze())
	must(t, primary.Freeze())
	answersNot(t, primary)
	shows(t, replica, 1)
	must(t, primary.Thaw())
	arrives(t, primary, replica, 2)
}

// answersNot checks that the server is silent. The wait is short because a
// frozen server cannot answer in any time.
func answersNot(t *testing.T, s *pgcluster.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := s.Exec(ctx, "SELECT 1"); err == nil || ctx.Err() == nil {
		t.Fatalf("frozen server %s answers: %v", s.Name, err)
	}
}

func TestPausedReplay(t *testing.T) {
	t.Parallel()
	_, primary, replica := newPair(t)
	must(t, replica.Exec(soon(t), "SELECT pg_wal_replay_pause()"))
	write(t, primary, 1)
	must(t, primary.Exec(soon(t), "SELECT pg_switch_wal()"))
	// All of the WAL is there, and yet none of it is replayed.
	var written string
	must(t, primary.QueryRow(soon(t), "SELECT pg_current_wal_lsn()::text", &written))
	for received := false; !received; {
		must(t, replica.QueryRow(soon(t), "SELECT pg_last_wal_receive_lsn() >= '"+written+"'", &received))
	}
	shows(t, replica, 0)
	must(t, replica.Exec(soon(t), "SELECT pg_wal_replay_resume()"))
	must(t, replica.WaitCaughtUp(soon(t)))
	shows(t, replica, 1)
}
