package pgnode

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// Exporters that share a section meet right after a promotion: they queue on
// the row, and each looks again at what the one before left.
func TestConcurrentBeatsBeginOneEra(t *testing.T) {
	t.Parallel()
	cluster := newEraCluster(t, pgcluster.Options{})
	old, promoted := cluster.Primary(), eraReplica(t, cluster)
	before := beatOn(t, old, 5)
	check(t, promoted.WaitCaughtUp(eraContext(t)))
	check(t, promoted.Promote(eraContext(t)))

	holder := eraConn(t, promoted)
	tx, err := holder.Begin(eraContext(t))
	check(t, err)
	_, err = tx.Exec(eraContext(t), "SELECT FROM canary.section WHERE name = 's' FOR UPDATE")
	check(t, err)
	const exporters = 8
	rows := make([]eraRow, exporters)
	var group errgroup.Group
	for i := range exporters {
		conn, mark := eraConn(t, promoted), rand.Int64()
		group.Go(func() (err error) {
			rows[i], err = queryEra(t.Context(), conn, advanceSQL, "s", mark, eraCluster)
			if err == nil && rows[i].Mark != mark {
				return fmt.Errorf("mark %d came back as %d", mark, rows[i].Mark)
			}
			return err
		})
	}
	for waiting, ctx := 0, eraContext(t); waiting < exporters; {
		check(t, promoted.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'", &waiting))
	}
	check(t, tx.Commit(eraContext(t)))
	check(t, group.Wait())

	slices.SortFunc(rows, func(a, b eraRow) int { return int(a.Capacity - b.Capacity) })
	for i, row := range rows {
		follows(t, before, row, 5)
		if row.Capacity != int64(6+i) || row.Eras[2] != rows[0].Mark {
			t.Errorf("beat %d of %d: %+v", i+1, exporters, row)
		}
	}
}

// eraSizes are the pages of the table and the updates since it was made.
func eraSizes(t *testing.T, s *pgcluster.Server) (pages, updates, hot int64) {
	t.Helper()
	check(t, s.QueryRow(eraContext(t), "SELECT pg_relation_size('canary.section') / 8192, n_tup_upd, n_tup_hot_upd FROM pg_stat_all_tables WHERE relid = 'canary.section'::regclass", &pages, &updates, &hot))
	return pages, updates, hot
}

// walPerBeat writes n beats and returns the bytes of WAL that each took. A
// checkpoint and a beat before keep full pages out of it.
func walPerBeat(t *testing.T, s *pgcluster.Server, sql string, n int) int64 {
	t.Helper()
	conn := eraConn(t, s)
	check(t, s.Exec(eraContext(t), "CHECKPOINT"))
	beat(t, conn, sql, 1)
	var begin string
	check(t, s.QueryRow(eraContext(t), "SELECT pg_current_wal_insert_lsn()::text", &begin))
	beat(t, conn, sql, n)
	var bytes int64
	check(t, s.QueryRow(eraContext(t), "SELECT (pg_current_wal_insert_lsn() - '"+begin+"'::pg_lsn)::bigint", &bytes))
	return bytes / int64(n)
}

// fillEras gives the row as many eras as it keeps.
func fillEras(t *testing.T, s *pgcluster.Server) {
	t.Helper()
	check(t, s.Exec(eraContext(t), "UPDATE canary.section SET eras = array(SELECT CASE WHEN i % 2 = 0 THEN i ELSE hashint8extended(i, 1) END FROM generate_series(1::bigint, 32) i)"))
}

func TestBeatsAreSmallAndStayOnAPage(t *testing.T) {
	t.Parallel()
	for _, level := range []struct {
		name string
		most [2]int64 // bytes with one era and with sixteen
	}{{"replica", [2]int64{150, 150}}, {"logical", [2]int64{300, 600}}} {
		t.Run(level.name, func(t *testing.T) {
			t.Parallel()
			primary := newEraCluster(t, pgcluster.Options{Settings: map[string]string{"wal_level": level.name, "autovacuum": "off"}}).Primary()
			beatOn(t, primary, 1)
			for i, most := range level.most {
				if i == 1 {
					fillEras(t, primary)
				}
				_, updates, hot := eraSizes(t, primary)
				if got := walPerBeat(t, primary, advanceSQL, 5000); got > most {
					t.Errorf("%d bytes of WAL a beat, at most %d are wanted", got, most)
				} else {
					t.Logf("%d bytes of WAL a beat", got)
				}
				pages, after, hotAfter := eraSizes(t, primary)
				if pages != 1 || after-updates != hotAfter-hot {
					t.Errorf("%d pages, %d updates, of these %d HOT", pages, after-updates, hotAfter-hot)
				}
			}
		})
	}
}

func TestSixteenErasAreKept(t *testing.T) {
	t.Parallel()
	primary := newEraCluster(t, pgcluster.Options{}).Primary()
	var want []int64
	for life := range int64(20) {
		first := beatOn(t, primary, 1)
		want = append(want, first.Mark, 2*life)
		beatOn(t, primary, 1)
		// Another life without a restart, as the statement sees it.
		check(t, primary.Exec(eraContext(t), "UPDATE canary.section SET started = started - interval '1 second'"))
	}
	if got := shownBy(t, primary).Eras; !slices.Equal(got, want[8:]) {
		t.Errorf("eras\n%d, want\n%d", got, want[8:])
	}
}

// A role that may not ask for WAL positions gets eras all the same.
func TestBeatsOfAServerThatDoesNotTellItsPosition(t *testing.T) {
	t.Parallel()
	primary := newEraCluster(t, pgcluster.Options{}).Primary()
	check(t, primary.Exec(eraContext(t), "REVOKE EXECUTE ON FUNCTION pg_walfile_name(pg_lsn) FROM PUBLIC"))
	asRole := func() *pgx.Conn {
		conn := eraConn(t, primary)
		_, err := conn.Exec(eraContext(t), "SET ROLE canary_role")
		check(t, err)
		return conn
	}
	if _, err := queryEra(t.Context(), asRole(), advanceSQL, "s", int64(1), eraCluster); !failedWith(err, "42501") {
		t.Errorf("a beat that asks for the WAL file's name: %v", err)
	}
	first := beat(t, asRole(), basicAdvanceSQL, 3)
	if first.Capacity != 3 || first.Timeline != nil || len(first.Eras) != 2 {
		t.Errorf("a basic beat: %+v", first)
	}
	// The two forms take turns without an era for each.
	if full := beatOn(t, primary, 1); len(full.Eras) != 2 {
		t.Errorf("a full beat after it: %+v", full)
	}
	check(t, primary.Restart(eraContext(t)))
	full := beatOn(t, primary, 1)
	follows(t, first, full, 4)
	if basic := beat(t, asRole(), basicAdvanceSQL, 1); len(basic.Eras) != 4 || *basic.Timeline != 1 {
		t.Errorf("a basic beat after a full one: %+v", basic)
	}
	check(t, primary.Restart(eraContext(t)))
	basic := beat(t, asRole(), basicAdvanceSQL, 1)
	follows(t, full, basic, 6)
}

// A user's own operators and functions are not called, whatever the search path.
func TestBeatsCallNothingOfAUser(t *testing.T) {
	t.Parallel()
	primary := newEraCluster(t, pgcluster.Options{}).Primary()
	check(t, primary.Exec(eraContext(t), `
CREATE SCHEMA trap;
CREATE FUNCTION trap.spring(timestamptz, timestamptz) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE 'trap'; END $$;
CREATE FUNCTION trap.spring(pg_lsn, pg_lsn) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE 'trap'; END $$;
CREATE FUNCTION trap.spring(text, text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE 'trap'; END $$;
CREATE FUNCTION trap.spring(int4, int4) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE 'trap'; END $$;
CREATE FUNCTION trap.plus(int8, int4) RETURNS int8 LANGUAGE plpgsql AS $$ BEGIN RAISE 'trap'; END $$;
CREATE FUNCTION trap.minus(int4, int4) RETURNS int4 LANGUAGE plpgsql AS $$ BEGIN RAISE 'trap'; END $$;
CREATE FUNCTION trap.left(text, int4) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'trap'; END $$;
CREATE OPERATOR trap.= (FUNCTION = trap.spring, LEFTARG = timestamptz, RIGHTARG = timestamptz);
CREATE OPERATOR trap.= (FUNCTION = trap.spring, LEFTARG = pg_lsn, RIGHTARG = pg_lsn);
CREATE OPERATOR trap.= (FUNCTION = trap.spring, LEFTARG = text, RIGHTARG = text);
CREATE OPERATOR trap.= (FUNCTION = trap.spring, LEFTARG = int4, RIGHTARG = int4);
CREATE OPERATOR trap.+ (FUNCTION = trap.plus, LEFTARG = int8, RIGHTARG = int4);
CREATE OPERATOR trap.- (FUNCTION = trap.minus, LEFTARG = int4, RIGHTARG = int4);
CREATE FUNCTION trap.pg_postmaster_start_time() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN RAISE 'trap'; END $$;
CREATE FUNCTION trap.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN RAISE 'trap'; END $$;
CREATE FUNCTION trap.pg_last_wal_replay_lsn() RETURNS pg_lsn LANGUAGE plpgsql AS $$ BEGIN RAISE 'trap'; END $$`))
	conn := eraConn(t, primary)
	_, err := conn.Exec(eraContext(t), "SET search_path = trap, pg_catalog")
	check(t, err)
	beat(t, conn, advanceSQL, 2)
	beat(t, conn, basicAdvanceSQL, 2)
	_, err = queryEra(t.Context(), conn, sectionSQL, "s")
	check(t, err)
}
