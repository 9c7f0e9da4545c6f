package pgnode

import (
	"context"
	"errors"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pg-canary/pg_canary_exporter/internal/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/pgcluster/pgtest"
)

// eraRow is a row as the statements return it.
type eraRow struct {
	Capacity  int64
	WrittenAt time.Time
	Mark      int64
	Timeline  *int32
	Fork      *string
	Born      int64
	Eras      []int64
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

// newEraCluster starts a cluster with a section "s" that nobody wrote yet.
func newEraCluster(t testing.TB, options pgcluster.Options) *pgcluster.Cluster {
	t.Helper()
	cluster := pgtest.New(t, options)
	for _, sql := range []string{oldTableSQL, eraMigrateSQL, strings.ReplaceAll(eraSectionSQL, "$1", "'s'")} {
		check(t, cluster.Primary().Exec(eraContext(t), sql))
	}
	return cluster
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
	err := conn.QueryRow(ctx, sql, args...).Scan(&r.Capacity, &r.WrittenAt, &r.Mark, &r.Timeline, &r.Fork, &r.Born, &r.Eras)
	return r, err
}

// beat writes n beats with sql and returns the last, whose mark it checks.
func beat(t testing.TB, conn *pgx.Conn, sql string, n int) eraRow {
	t.Helper()
	var last eraRow
	for range n {
		mark := rand.Int64()
		row, err := queryEra(t.Context(), conn, sql, "s", mark)
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
	return beat(t, eraConn(t, s), eraAdvanceSQL, n)
}

func shownBy(t testing.TB, s *pgcluster.Server) eraRow {
	t.Helper()
	row, err := queryEra(t.Context(), eraConn(t, s), eraReadSQL, "s")
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
	check(t, primary.Exec(eraContext(t), eraMigrateSQL))
	before := shownBy(t, primary)
	check(t, primary.Exec(eraContext(t), eraMigrateSQL))
	if diff := cmp.Diff(before, shownBy(t, primary)); diff != "" {
		t.Errorf("the second run changed the row:\n%s", diff)
	}
	after := beatOn(t, primary, 1)
	follows(t, before, after, 5000)

	// An exporter of before goes on.
	check(t, primary.Exec(eraContext(t), "UPDATE canary.section SET capacity = capacity + 1, written_at = clock_timestamp() WHERE name = 's'"))
	if got := beatOn(t, primary, 1); got.Capacity != 5003 || len(got.Eras) != 2 {
		t.Errorf("after a beat of an exporter of before: %+v", got)
	}
	var rows, births int
	check(t, primary.QueryRow(eraContext(t), "SELECT count(*), count(DISTINCT born) FROM canary.section", &rows, &births))
	if rows != 2 || births != 2 {
		t.Errorf("%d rows have %d births", rows, births)
	}
}

func TestEachLifeBeginsAnEra(t *testing.T) {
	t.Parallel()
	cluster := newEraCluster(t, pgcluster.Options{Settings: map[string]string{"restart_after_crash": "on"}})
	primary := cluster.Primary()
	row := beatOn(t, primary, 3)
	for name, end := range map[string]func(){
		"restart": func() { check(t, primary.Restart(eraContext(t))) },
		"crash": func() {
			check(t, primary.Kill())
			check(t, primary.Start(eraContext(t)))
		},
		// The server goes on with the same postmaster.
		"crash of a backend": func() { crashBackend(t, primary) },
	} {
		end()
		next := beatOn(t, primary, 3)
		follows(t, row, next, row.Capacity)
		if *next.Timeline != 1 || next.Capacity != row.Capacity+3 {
			t.Errorf("%s: %+v", name, next)
		}
		row = next
	}
}

// crashBackend kills a backend and waits until the server has recovered.
func crashBackend(t *testing.T, s *pgcluster.Server) {
	t.Helper()
	conn := eraConn(t, s)
	check(t, exec.Command("kill", "-9", itoa(conn.PgConn().PID())).Run())
	_, err := conn.Exec(eraContext(t), "SELECT pg_sleep(100)")
	if err == nil {
		t.Fatal("the backend lives")
	}
	for ctx := eraContext(t); ; {
		var replayed *string
		err := s.QueryRow(ctx, "SELECT pg_last_wal_replay_lsn()::text", &replayed)
		if err == nil && replayed != nil {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("the server did not recover: %v", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestPromotionBeginsAnEraAndTellsTheFork(t *testing.T) {
	t.Parallel()
	cluster := newEraCluster(t, pgcluster.Options{})
	old, one, two := cluster.Primary(), eraReplica(t, cluster), eraReplica(t, cluster)
	early := eraConn(t, one)
	if _, err := queryEra(t.Context(), early, eraAdvanceSQL, "s", int64(1)); !failedWith(err, "25006") {
		t.Errorf("a beat on a standby: %v", err)
	}
	row := beatOn(t, old, 5)
	check(t, one.WaitCaughtUp(eraContext(t)))
	check(t, two.WaitCaughtUp(eraContext(t)))
	check(t, one.Promote(eraContext(t)))
	check(t, two.Promote(eraContext(t)))

	// A session of before the promotion sees the new timeline.
	rows := []eraRow{beat(t, early, eraAdvanceSQL, 2), beatOn(t, two, 2)}
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

func TestColdCopyOnTheSameTimelineHasAnEraOfItsOwn(t *testing.T) {
	t.Parallel()
	cluster := newEraCluster(t, pgcluster.Options{})
	primary, copied := cluster.Primary(), eraReplica(t, cluster)
	before := beatOn(t, primary, 5)
	check(t, primary.Stop(eraContext(t), pgcluster.Fast))
	check(t, copied.Stop(eraContext(t), pgcluster.Fast))
	coldCopy(t, primary, copied)
	check(t, primary.Start(eraContext(t)))
	check(t, copied.Start(eraContext(t)))

	one, two := beatOn(t, primary, 2), beatOn(t, copied, 2)
	for _, row := range []eraRow{one, two} {
		follows(t, before, row, 5)
		if *row.Timeline != 1 || row.Capacity != 7 {
			t.Errorf("%+v", row)
		}
	}
	if one.Eras[2] == two.Eras[2] || one.Mark == two.Mark {
		t.Errorf("the copy's line is not to be told from the original's: %+v %+v", one, two)
	}
}

// coldCopy gives to, stopped, the data of from, stopped, and keeps its configuration.
func coldCopy(t *testing.T, from, to *pgcluster.Server) {
	t.Helper()
	script := `set -e
cp -a "$2/postgresql.conf" "$2/pg_hba.conf" "$2/.."
rm -rf "$2"; cp -a "$1" "$2"
mv "$2/../postgresql.conf" "$2/../pg_hba.conf" "$2"
rm -f "$2/postmaster.pid" "$2/standby.signal"`
	out, err := exec.Command("sh", "-c", script, "copy", from.DataDir, filepath.Clean(to.DataDir)).CombinedOutput()
	if err != nil {
		t.Fatalf("copy: %v\n%s", err, out)
	}
}

func failedWith(err error, code string) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && pgErr.Code == code
}
