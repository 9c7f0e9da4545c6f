//go:build unix

package pgcluster_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster/pgtest"
)

func TestPromoteAndReclone(t *testing.T) {
	t.Parallel()
	cluster, old, promoted := newPair(t)
	other, err := cluster.AddReplica(soon(t), pgcluster.ReplicaOptions{Name: "other-one"})
	must(t, err)
	must(t, promoted.Promote(soon(t)))
	if cluster.Primary() != promoted || promoted.Upstream() != nil {
		t.Fatal("the promoted server is not the cluster's primary")
	}

	// Two primaries at once, until the old one is stopped.
	write(t, old, 5)
	write(t, promoted, 1)
	shows(t, old, 5)
	if err := cluster.Reclone(soon(t), old, nil); err == nil {
		t.Fatal("a running server was cloned again")
	}
	must(t, old.Stop(soon(t), pgcluster.Immediate))
	must(t, cluster.Reclone(soon(t), old, promoted))
	shows(t, old, 1)
	arrives(t, promoted, old, 2)
	if got := cluster.Replicas(); len(got) != 2 {
		t.Errorf("%d replicas", len(got))
	}

	// And back again, onto the third timeline.
	must(t, promoted.Stop(soon(t), pgcluster.Fast))
	must(t, old.Promote(soon(t)))
	must(t, cluster.Reclone(soon(t), promoted, nil))
	must(t, cluster.Reclone(soon(t), stopped(t, other), nil))
	arrives(t, old, promoted, 3)
	arrives(t, old, other, 4)
}

// TestRewind brings an old primary back whose last write the new one never got.
func TestRewind(t *testing.T) {
	t.Parallel()
	cluster, old, replica := pgtest.NewPair(t, pgcluster.Options{Settings: map[string]string{"wal_log_hints": "on"}})
	must(t, old.Exec(soon(t), "CREATE TABLE written (n int); INSERT INTO written VALUES (0)"))
	must(t, replica.WaitCaughtUp(soon(t)))
	must(t, replica.Kill())
	write(t, old, 7)
	must(t, old.Kill())
	must(t, replica.Start(soon(t)))
	must(t, replica.Promote(soon(t)))
	write(t, replica, 1)
	must(t, cluster.Rewind(soon(t), old, nil))
	arrives(t, replica, old, 2)
	var found bool
	must(t, old.QueryRow(soon(t), "SELECT EXISTS (SELECT FROM written WHERE n = 7)", &found))
	if found {
		t.Error("what the new primary never had is still on the old one")
	}
	if err := cluster.Rewind(soon(t), old, nil); err == nil {
		t.Error("a server that runs was rewound")
	}
}

func stopped(t *testing.T, s *pgcluster.Server) *pgcluster.Server {
	t.Helper()
	must(t, s.Stop(soon(t), pgcluster.Fast))
	return s
}

func TestFollow(t *testing.T) {
	t.Parallel()
	cluster, old, promoted := newPair(t)
	other, err := cluster.AddReplica(soon(t), pgcluster.ReplicaOptions{})
	must(t, err)
	must(t, stopped(t, old).Start(soon(t)))
	must(t, promoted.Promote(soon(t)))
	write(t, promoted, 1)
	must(t, other.Follow(soon(t), promoted, ""))
	must(t, other.WaitStreaming(soon(t)))
	arrives(t, promoted, other, 2)
}

func TestCascade(t *testing.T) {
	t.Parallel()
	cluster, primary, first := newPair(t)
	second, err := cluster.AddReplica(soon(t), pgcluster.ReplicaOptions{Upstream: first})
	must(t, err)
	if second.Name != "replica2" || second.Upstream() != first {
		t.Errorf("%s streams from %s", second.Name, second.Upstream().Name)
	}
	var direct int
	must(t, primary.QueryRow(soon(t), "SELECT count(*) FROM pg_stat_replication", &direct))
	if direct != 1 {
		t.Errorf("the primary feeds %d replicas", direct)
	}
	arrives(t, primary, second, 1)
}

func TestVia(t *testing.T) {
	t.Parallel()
	cluster := pgtest.New(t, pgcluster.Options{})
	primary := cluster.Primary()
	link := newForwarder(t, primary.Addr())
	replica, err := cluster.AddReplica(soon(t), pgcluster.ReplicaOptions{Via: link.addr})
	must(t, err)
	must(t, primary.Exec(soon(t), "CREATE TABLE written (n int); INSERT INTO written VALUES (1)"))
	must(t, replica.WaitCaughtUp(soon(t)))

	link.cut()
	for connected := true; connected; {
		must(t, primary.QueryRow(soon(t), "SELECT EXISTS (SELECT FROM pg_stat_replication)", &connected))
	}
	write(t, primary, 2)
	shows(t, replica, 1)

	link.mend(t)
	must(t, replica.WaitStreaming(soon(t)))
	must(t, replica.WaitCaughtUp(soon(t)))
	shows(t, replica, 2)

	// Without the proxy from now on.
	must(t, replica.Follow(soon(t), primary, ""))
	link.cut()
	must(t, replica.WaitStreaming(soon(t)))
	arrives(t, primary, replica, 3)
}

// TestLateReplica clones a primary that has long forgotten its first WAL and
// is being written to meanwhile.
func TestLateReplica(t *testing.T) {
	t.Parallel()
	cluster := pgtest.New(t, pgcluster.Options{Settings: map[string]string{"wal_keep_size": "0", "max_wal_size": "32MB"}})
	primary := cluster.Primary()
	must(t, primary.Exec(soon(t), "CREATE TABLE filled (id bigserial PRIMARY KEY, filler text)"))
	fill := "INSERT INTO filled (filler) SELECT repeat('x', 500) FROM generate_series(1, 20000)"
	for range 3 {
		must(t, primary.Exec(soon(t), fill))
		must(t, primary.Exec(soon(t), "CHECKPOINT"))
	}

	load, stopLoad := context.WithCancel(soon(t))
	var writers sync.WaitGroup
	writers.Go(func() {
		for load.Err() == nil {
			if err := primary.Exec(load, fill); err != nil && load.Err() == nil {
				t.Error(err)
				return
			}
		}
	})
	replica, err := cluster.AddReplica(soon(t), pgcluster.ReplicaOptions{})
	stopLoad()
	writers.Wait()
	must(t, err)
	must(t, replica.WaitCaughtUp(soon(t)))

	checksum := "SELECT count(*) || ' ' || sum(hashint8(id)) FROM filled"
	var want, got string
	must(t, primary.QueryRow(soon(t), checksum, &want))
	must(t, replica.QueryRow(soon(t), checksum, &got))
	if got != want {
		t.Errorf("the replica holds %s, the primary %s", got, want)
	}
	var first bool
	must(t, primary.QueryRow(soon(t), "SELECT EXISTS (SELECT FROM pg_ls_waldir() WHERE name = '000000010000000000000001')", &first))
	if first {
		t.Error("the primary still has its first WAL segment: the test shows nothing")
	}
}

func TestReplicaNames(t *testing.T) {
	t.Parallel()
	cluster, _, _ := newPair(t)
	for _, name := range []string{"primary", "replica1", "Upper", "a b", "../x", "quote'", strings.Repeat("x", 64)} {
		if _, err := cluster.AddReplica(soon(t), pgcluster.ReplicaOptions{Name: name}); err == nil {
			t.Errorf("a replica is named %q", name)
		}
	}
	_, err := cluster.AddReplica(soon(t), pgcluster.ReplicaOptions{Name: "broken", Settings: map[string]string{"work_mem": "no"}})
	if err == nil || !strings.Contains(err.Error(), "work_mem") {
		t.Errorf("error %v", err)
	}
	// The failed one is forgotten: its name is free again.
	broken, err := cluster.AddReplica(soon(t), pgcluster.ReplicaOptions{Name: "broken", Settings: map[string]string{"work_mem": "1MB"}})
	must(t, err)
	var got string
	must(t, broken.QueryRow(soon(t), "SHOW work_mem", &got))
	if got != "1MB" {
		t.Errorf("work_mem is %s", got)
	}
}
