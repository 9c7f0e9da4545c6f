package faults_test

import (
	"context"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// canaryFaults are those of the canary table.
func canaryFaults() []fault {
	return []fault{
		{
			name: "canary table dropped",
			hit: func(s *scene) {
				s.exec(s.primary, "DROP TABLE canary.section")
				must(s.t, s.replica.WaitCaughtUp(s.t.Context()))
			},
			publishes: "up 0, primaries 1, primary up (missing_table), replica up (missing_table)",
			heal:      func(s *scene) { s.setUp() },
			healed:    "up 1, primaries 1, primary up, replica synced, lost_writes_total 0",
			alerts:    "PgCanaryPrimaryWriteFailing",
		},
		{
			name: "canary row deleted",
			hit: func(s *scene) {
				s.exec(s.primary, "DELETE FROM canary.section")
				must(s.t, s.replica.WaitCaughtUp(s.t.Context()))
			},
			publishes: "up 0, primaries 1, primary up (missing_table), replica up",
			heal:      func(s *scene) { s.setUp() },
			healed:    "up 1, primaries 1, primary up, replica synced, lost_writes_total 0",
			alerts:    "PgCanaryPrimaryWriteFailing",
		},
		swallowed("canary write swallowed by a trigger", "NULL"),
		{
			name: "canary section of another cluster",
			hit: func(s *scene) {
				s.exec(s.primary, "UPDATE canary.section SET cluster = 'another'")
				must(s.t, s.replica.WaitCaughtUp(s.t.Context()))
			},
			publishes: "up 0, primaries 1, primary up (foreign), replica up",
			heal:      func(s *scene) { s.exec(s.primary, "UPDATE canary.section SET cluster = NULL") },
			healed:    "up 1, primaries 1, primary up, replica synced, lost_writes_total 0",
			alerts:    "PgCanaryPrimaryWriteFailing",
		},
		swallowed("canary write undone by a trigger", "OLD"),
		{
			name:      "canary row locked by another session",
			hit:       func(s *scene) { s.hold(s.primary, "SELECT FROM canary.section FOR UPDATE") },
			publishes: "up 0, primaries 1, primary up (lock_timeout), replica up",
			check:     (*scene).scrapeAtOnce,
			heal:      func(s *scene) { s.undo() },
			alerts:    "PgCanaryPrimaryWriteFailing",
		},
		{
			name: "canary table locked by another session",
			hit: func(s *scene) {
				s.hold(s.primary, "LOCK TABLE canary.section")
				s.exec(s.primary, "SELECT pg_switch_wal()") // So that the replica hears of the lock at once.
				s.until(s.replica, "the lock is on the replica", "SELECT count(*) > 0 FROM pg_locks WHERE relation = 'canary.section'::regclass AND mode = 'AccessExclusiveLock'")
			},
			publishes: "up 0, primaries 1, primary up (lock_timeout), replica up (lock_timeout)",
			heal:      func(s *scene) { s.undo() },
			alerts:    "PgCanaryPrimaryWriteFailing",
		},
	}
}

// swallowed is a row of a trigger on the table that lets no write through.
func swallowed(name, returns string) fault {
	return fault{
		name: name,
		hit: func(s *scene) {
			s.exec(s.primary, `
CREATE FUNCTION canary.swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN `+returns+`; END';
CREATE TRIGGER swallow BEFORE UPDATE ON canary.section FOR EACH ROW EXECUTE FUNCTION canary.swallow()`)
			must(s.t, s.replica.WaitCaughtUp(s.t.Context()))
		},
		publishes: "up 0, primaries 1, primary up (not_written), replica up or replaying",
		heal:      func(s *scene) { s.exec(s.primary, "DROP TRIGGER swallow ON canary.section") },
		healed:    "up 1, primaries 1, primary up, replica synced, lost_writes_total 0",
		alerts:    "PgCanaryPrimaryWriteFailing",
	}
}

// hold runs SQL in a transaction that stays open until undo is called.
func (s *scene) hold(server *pgcluster.Server, sql string) {
	s.t.Helper()
	conn, err := pgx.Connect(s.t.Context(), server.SuperDSN())
	must(s.t, err)
	tx, err := conn.Begin(s.t.Context())
	must(s.t, err)
	_, err = tx.Exec(s.t.Context(), sql)
	must(s.t, err)
	s.undo = func() {
		must(s.t, tx.Rollback(s.t.Context()))
		must(s.t, conn.Close(s.t.Context()))
	}
}

// scrapeAtOnce makes a minute's worth of scrapes, and then 200 at once: they
// share one probe, and nothing piles up behind the lock.
func (s *scene) scrapeAtOnce(samples) {
	for range 12 {
		m := s.scrape()
		s.keep(m)
		m.samples.want(s.t, "pg_canary_up", 0)
	}
	before := s.last.samples
	var scrapes sync.WaitGroup
	answers := make([]string, 200)
	for i := range answers {
		scrapes.Go(func() { answers[i], _ = s.scrapeText(s.timeout) })
	}
	scrapes.Wait()
	for _, text := range answers {
		m := parse(s.t, text)
		m.want(s.t, "pg_canary_up", 0)
		m.want(s.t, "pg_canary_probes_total", before["pg_canary_probes_total"]+1)
	}
	s.last.samples = parse(s.t, answers[0])
	if n := connections(s.t, s.primary); n > 2 {
		s.t.Errorf("%d connections behind a lock, want at most 2", n)
	}
}

// isolate sets default_transaction_isolation for the role, on the replica too,
// and ends the exporter's sessions, so that new ones meet it.
func (s *scene) isolate(level string) {
	s.t.Helper()
	s.exec(s.primary, "ALTER ROLE "+canaryRole+" SET default_transaction_isolation = '"+level+"'")
	must(s.t, s.replica.WaitCaughtUp(s.t.Context()))
	s.disconnectExporter(s.primary)
	s.disconnectExporter(s.replica)
}

// accessFaults are those of the exporter's role.
func accessFaults() []fault {
	return []fault{
		{
			name:      "transactions are serializable by default",
			hit:       func(s *scene) { s.isolate("serializable") },
			publishes: "up 1, primaries 1, primary up, replica synced",
			heal:      func(s *scene) { s.isolate("read committed") },
		},
		{
			name: "role lost its rights on the table",
			hit: func(s *scene) {
				s.exec(s.primary, "REVOKE ALL ON canary.section FROM "+canaryRole)
				must(s.t, s.replica.WaitCaughtUp(s.t.Context()))
			},
			publishes: "up 0, primaries 1, primary up (permission), replica up (permission)",
			heal:      func(s *scene) { s.setUp() },
			alerts:    "PgCanaryPrimaryWriteFailing",
		},
		{
			name: "role lost pg_read_all_stats and the replay functions",
			hit: func(s *scene) {
				s.exec(s.primary, "REVOKE pg_read_all_stats FROM "+canaryRole)
				s.exec(s.primary, "REVOKE EXECUTE ON FUNCTION pg_last_wal_replay_lsn() FROM PUBLIC")
				must(s.t, s.replica.WaitCaughtUp(s.t.Context()))
			},
			publishes: "up 1, primaries 1, primary up, replica synced",
			check: func(s *scene, m samples) {
				m.absent(s.t, "pg_canary_lag_bytes", "pg_canary_replica_replay_lsn", "pg_canary_replica_receive_lsn", "pg_canary_replica_timeline")
			},
			heal: func(s *scene) {
				s.setUp()
				s.exec(s.primary, "GRANT EXECUTE ON FUNCTION pg_last_wal_replay_lsn() TO PUBLIC")
				must(s.t, s.replica.WaitCaughtUp(s.t.Context()))
				// A session that was refused a function does not ask for it again.
				s.disconnectExporter(s.replica)
				waitFor(s.t, "the lag in bytes is back", func() bool {
					m := s.scrape()
					s.keep(m)
					_, there := m.samples["pg_canary_lag_bytes"]
					return there
				})
			},
		},
		{
			name: "role's password changed",
			hit: func(s *scene) {
				s.exec(s.primary, "ALTER ROLE "+canaryRole+" PASSWORD 'another one'")
				s.disconnectExporter(s.primary)
			},
			publishes: "up 0, primaries 0, primary down (auth), replica up",
			heal:      func(s *scene) { s.setUp() },
			alerts:    "PgCanaryNoPrimary",
		},
		{
			name:      "connections of the primary run out",
			ofScrapes: true,
			with:      func(l *layout) { l.settings = map[string]string{"max_connections": "12"} },
			hit:       (*scene).useUpConnections,
			publishes: "up 0, primaries 0, primary down (too_many_connections), replica up",
			heal:      func(s *scene) { s.undo() },
			alerts:    "PgCanaryNoPrimary",
		},
	}
}

// useUpConnections takes every connection of the primary that a role without
// special rights can have.
func (s *scene) useUpConnections() {
	s.exec(s.primary, "CREATE ROLE application LOGIN PASSWORD 'application'")
	s.disconnectExporter(s.primary)
	var open []*pgx.Conn
	for {
		conn, err := pgx.Connect(s.t.Context(), s.primary.DSN("application", "application", "postgres"))
		if err != nil {
			break // That was the last one.
		}
		open = append(open, conn)
	}
	if len(open) == 0 {
		s.t.Fatal("not even one connection could be opened")
	}
	s.undo = func() {
		for _, conn := range open {
			must(s.t, conn.Close(context.WithoutCancel(s.t.Context())))
		}
	}
}
