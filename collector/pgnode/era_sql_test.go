package pgnode

import (
	"context"
	"errors"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster/pgtest"
)

// eraRow is a row as the statements return it.
type eraRow struct {
	Capacity int64
	Mark     int64
	Timeline *int32
	Fork     *string
	Born     int64
	Eras     []int64
}

// eraTimeout only keeps a test from hanging.
const eraTimeout = 2 * time.Minute

func eraContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), eraTimeout)
	t.Cleanup(cancel)
	return ctx
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// oldTableSQL is the table as it was before there were eras.
const oldTableSQL = `
CREATE SCHEMA canary;
CREATE TABLE canary.section (name text PRIMARY KEY, capacity bigint NOT NULL, written_at timestamptz NOT NULL)
  WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000)`

// eraCluster is the name of the cluster that the tests' beats are of.
const eraCluster = "c"

// newEraCluster starts a cluster with a section "s" that nobody wrote yet.
func newEraCluster(t testing.TB, options pgcluster.Options) *pgcluster.Cluster {
	t.Helper()
	cluster := pgtest.New(t, options)
	setUpEras(t, cluster.Primary())
	return cluster
}

func setUpEras(t testing.TB, s *pgcluster.Server) {
	t.Helper()
	check(t, Setup{Role: "canary_role", Password: rolePassword, Section: "s", Cluster: eraCluster}.Run(eraContext(t), s.SuperDSN()))
}

func eraReplica(t testing.TB, cluster *pgcluster.Cluster) *pgcluster.Server {
	t.Helper()
	replica, err := cluster.AddReplica(eraContext(t), pgcluster.ReplicaOptions{})
	check(t, err)
	return replica
}

// eraConn opens a connection without a schema of its own in the search path.
func eraConn(t testing.TB, s *pgcluster.Server) *pgx.Conn {
	t.Helper()
	config, err := pgx.ParseConfig(s.SuperDSN())
	check(t, err)
	config.RuntimeParams = map[string]string{"search_path": "pg_catalog, pg_temp"}
	conn, err := pgx.ConnectConfig(eraContext(t), config)
	check(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func queryEra(ctx context.Context, conn *pgx.Conn, sql string, args ...any) (eraRow, error) {
	var r eraRow
	err := conn.QueryRow(ctx, sql, args...).Scan(&r.Capacity, &r.Mark, &r.Timeline, &r.Fork, &r.Born, &r.Eras)
	return r, err
}

// beat writes n beats with sql and returns the last, whose mark it checks.
func beat(t testing.TB, conn *pgx.Conn, sql string, n int) eraRow {
	t.Helper()
	var last eraRow
	for range n {
		mark := rand.Int64()
		row, err := queryEra(t.Context(), conn, sql, "s", mark, eraCluster)
		check(t, err)
		if row.Mark != mark {
			t.Fatalf("the beat with mark %d returned %d", mark, row.Mark)
		}
		last = row
	}
	return last
}

// beatOn writes n beats on a server over a connection of its own.
func beatOn(t testing.TB, s *pgcluster.Server, n int) eraRow {
	t.Helper()
	return beat(t, eraConn(t, s), advanceSQL, n)
}

func shownBy(t testing.TB, s *pgcluster.Server) eraRow {
	t.Helper()
	row, err := queryEra(t.Context(), eraConn(t, s), sectionSQL, "s")
	check(t, err)
	return row
}

// follows checks that after is before with one more era, which follows value.
func follows(t *testing.T, before, after eraRow, value int64) {
	t.Helper()
	if diff := cmp.Diff(before.Eras, after.Eras[:max(len(after.Eras)-2, 0)]); diff != "" {
		t.Fatalf("the eras of before changed (-before +after):\n%s", diff)
	}
	if got := after.Eras[len(after.Eras)-1]; got != value {
		t.Fatalf("the new era follows %d, want %d; eras %d", got, value, after.Eras)
	}
	if before.Born != after.Born {
		t.Fatalf("born %d became %d", before.Born, after.Born)
	}
}

func TestFirstBeatBeginsAnEra(t *testing.T) {
	t.Parallel()
	primary := newEraCluster(t, pgcluster.Options{}).Primary()
	fresh := shownBy(t, primary)
	if fresh.Capacity != 0 || fresh.Timeline != nil || len(fresh.Eras) != 0 || fresh.Born == 0 {
		t.Errorf("a new row: %+v", fresh)
	}
	first := beatOn(t, primary, 1)
	if first.Capacity != 1 || *first.Timeline != 1 {
		t.Errorf("the first beat: %+v", first)
	}
	if diff := cmp.Diff([]int64{first.Mark, 0}, first.Eras); diff != "" {
		t.Errorf("eras of the first beat (-want +got):\n%s", diff)
	}
	tenth := beatOn(t, primary, 9)
	if diff := cmp.Diff(first.Eras, tenth.Eras); diff != "" || tenth.Capacity != 10 {
		t.Errorf("value %d; eras changed within a life:\n%s", tenth.Capacity, diff)
	}
	if diff := cmp.Diff(tenth, shownBy(t, primary)); diff != "" {
		t.Errorf("a read shows another row than the beat left:\n%s", diff)
	}
}

func TestTableOfBeforeIsBroughtAlong(t *testing.T) {
	t.Parallel()
	primary := pgtest.New(t, pgcluster.Options{}).Primary()
	check(t, primary.Exec(eraContext(t), oldTableSQL+"; INSERT INTO canary.section VALUES ('s', 5000, now()), ('other', 7, now())"))
	old := eraConn(t, primary)
	const oldAdvance = "UPDATE canary.section SET capacity = capacity + 1, written_at = clock_timestamp() WHERE name = $1 RETURNING capacity"
	_, err := old.Prepare(eraContext(t), "old", oldAdvance)
	check(t, err)
	setUpEras(t, primary)
	before := shownBy(t, primary)
	setUpEras(t, primary)
	if diff := cmp.Diff(before, shownBy(t, primary)); diff != "" {
		t.Errorf("the second run changed the row:\n%s", diff)
	}
	after := beatOn(t, primary, 1)
	follows(t, before, after, 5000)

	// The connection of an exporter of before goes on.
	var capacity int64
	check(t, old.QueryRow(eraContext(t), "old", "s").Scan(&capacity))
	if capacity != 5002 {
		t.Errorf("an exporter of before wrote %d", capacity)
	}
	if got := beatOn(t, primary, 1); got.Capacity != 5003 || len(got.Eras) != 2 {
		t.Errorf("after a beat of an exporter of before: %+v", got)
	}
	var rows, births int
	check(t, primary.QueryRow(eraContext(t), "SELECT count(*), count(DISTINCT born) FROM canary.section", &rows, &births))
	if rows != 3 || births != 3 { // One is that of drills.
		t.Errorf("%d rows have %d births", rows, births)
	}
}

func TestEachLifeBeginsAnEra(t *testing.T) {
	t.Parallel()
	cluster := newEraCluster(t, pgcluster.Options{Settings: map[string]string{"restart_after_crash": "on"}})
	primary := cluster.Primary()
	row := beatOn(t, primary, 3)
	for _, life := range []struct {
		name string
		end  func()
	}{
		{"restart", func() { check(t, primary.Restart(eraContext(t))) }},
		{"crash", func() {
			check(t, primary.Kill())
			check(t, primary.Start(eraContext(t)))
		}},
		{"crash of a backend", func() {
			// The postmaster goes on.
			conn := eraConn(t, primary)
			crash(t, primary, int(conn.PgConn().PID()))
		}},
	} {
		life.end()
		next := beatOn(t, primary, 3)
		follows(t, row, next, row.Capacity)
		if *next.Timeline != 1 || next.Capacity != row.Capacity+3 {
			t.Errorf("%s: %+v", life.name, next)
		}
		row = next
	}
}

// crash kills a process of a server, and waits until the server has recovered.
func crash(t *testing.T, s *pgcluster.Server, pid int) {
	t.Helper()
	const recovered = "SELECT coalesce(pg_last_wal_replay_lsn()::text, '')"
	var before, after string
	check(t, s.QueryRow(eraContext(t), recovered, &before))
	check(t, syscall.Kill(pid, syscall.SIGKILL))
	for ctx := eraContext(t); ; time.Sleep(20 * time.Millisecond) {
		err := s.QueryRow(ctx, recovered, &after)
		if err == nil && after != before {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("the server did not recover: %v", err)
		}
	}
}

func TestPromotionBeginsAnEraAndTellsTheFork(t *testing.T) {
	t.Parallel()
	cluster := newEraCluster(t, pgcluster.Options{})
	old, one, two := cluster.Primary(), eraReplica(t, cluster), eraReplica(t, cluster)
	early := eraConn(t, one)
	if _, err := queryEra(t.Context(), early, advanceSQL, "s", int64(1), eraCluster); !failedWith(err, "25006") {
		t.Errorf("a beat on a standby: %v", err)
	}
	row := beatOn(t, old, 5)
	check(t, one.WaitCaughtUp(eraContext(t)))
	check(t, two.WaitCaughtUp(eraContext(t)))
	check(t, one.Promote(eraContext(t)))
	check(t, two.Promote(eraContext(t)))

	// A session of before the promotion sees the new timeline.
	rows := []eraRow{beat(t, early, advanceSQL, 2), beatOn(t, two, 2)}
	for i, promoted := range []*pgcluster.Server{one, two} {
		follows(t, row, rows[i], 5)
		var replayed string
		check(t, promoted.QueryRow(eraContext(t), "SELECT pg_last_wal_replay_lsn()::text", &replayed))
		if *rows[i].Timeline != 2 || rows[i].Fork == nil || *rows[i].Fork != replayed {
			t.Errorf("%s promoted at %s: %+v", promoted.Name, replayed, rows[i])
		}
	}
	if rows[0].Eras[2] == rows[1].Eras[2] {
		t.Error("two timelines 2 have one era")
	}
	stands(t, rows[0], rows[1], verdict.Left)
	stands(t, rows[0], row, verdict.Behind)
	if still := beatOn(t, old, 2); len(still.Eras) != 2 || still.Capacity != 7 {
		t.Errorf("the old primary's era changed: %+v", still)
	}

	// A restart begins an era, and the fork of the timeline stays known.
	check(t, one.Restart(eraContext(t)))
	again := beatOn(t, one, 1)
	follows(t, rows[0], again, 7)
	if *again.Timeline != 2 || again.Fork == nil || *again.Fork != *rows[0].Fork {
		t.Errorf("after the restart: %+v, before: %+v", again, rows[0])
	}
}

func failedWith(err error, code string) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && pgErr.Code == code
}
