package pgnode

import (
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// rowOf is what the verdict compares.
func rowOf(r eraRow) verdict.Row {
	return verdict.Row{Found: true, Capacity: r.Capacity, Mark: r.Mark, Born: r.Born, Eras: verdict.Eras(r.Eras)}
}

// stands checks how a row that was shown stands to a beat.
func stands(t *testing.T, beat, shown eraRow, want verdict.Standing) {
	t.Helper()
	if got := verdict.Compare(rowOf(beat), rowOf(shown)); got != want {
		t.Errorf("%+v stands to beat %+v: %v, want %v", shown, beat, got, want)
	}
}

func TestRewoundPrimaryIsOnTheLineAgain(t *testing.T) {
	t.Parallel()
	cluster := newEraCluster(t, pgcluster.Options{Settings: map[string]string{"wal_log_hints": "on"}})
	old, promoted := cluster.Primary(), eraReplica(t, cluster)
	common := beatOn(t, old, 5)
	check(t, promoted.WaitCaughtUp(eraContext(t)))
	check(t, promoted.Promote(eraContext(t)))
	kept, lost := beatOn(t, promoted, 1), beatOn(t, old, 3)
	stands(t, common, kept, verdict.Shows)
	stands(t, lost, kept, verdict.Left)
	stands(t, kept, lost, verdict.Left)
	stands(t, kept, common, verdict.Behind)

	check(t, old.Stop(eraContext(t), pgcluster.Fast))
	check(t, cluster.Rewind(eraContext(t), old, promoted))
	check(t, old.WaitCaughtUp(eraContext(t)))
	stands(t, kept, shownBy(t, old), verdict.Shows)
	stands(t, lost, shownBy(t, old), verdict.Left)
	check(t, old.Promote(eraContext(t)))
	stands(t, kept, beatOn(t, old, 1), verdict.Shows)
}

// With synchronous_commit = off, a crash takes acknowledged commits back, and
// the server goes on with the same values, start and timeline.
func TestBeatsThatACrashTookBackAreProvedLost(t *testing.T) {
	t.Parallel()
	cluster := newEraCluster(t, pgcluster.Options{Settings: map[string]string{
		"restart_after_crash": "on", "wal_writer_delay": "10s", "autovacuum": "off",
	}})
	primary := cluster.Primary()
	kept := beatOn(t, primary, 3)
	conn := eraConn(t, primary)
	_, err := conn.Exec(eraContext(t), "SET synchronous_commit = off")
	check(t, err)
	var started string
	var writer int
	check(t, primary.QueryRow(eraContext(t), "SELECT pg_postmaster_start_time()::text, pid FROM pg_stat_activity WHERE backend_type = 'walwriter'", &started, &writer))
	check(t, syscall.Kill(writer, syscall.SIGSTOP))
	lost := beat(t, conn, advanceSQL, 3)
	crash(t, primary, writer)

	after := beatOn(t, primary, 5)
	var startedStill string
	check(t, primary.QueryRow(eraContext(t), "SELECT pg_postmaster_start_time()::text", &startedStill))
	if started != startedStill || lost.Capacity != 6 || after.Capacity != 8 {
		t.Fatalf("started %s and %s; %+v, after the crash %+v", started, startedStill, lost, after)
	}
	stands(t, kept, after, verdict.Shows)
	stands(t, lost, after, verdict.Left)
	if got := rowOf(after).Holds(lost.Eras[0], lost.Capacity); got != verdict.No {
		t.Errorf("the beat that was lost is held: %v", got)
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
	stands(t, one, two, verdict.Left)
	stands(t, one, before, verdict.Behind)
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
