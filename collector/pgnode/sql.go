package pgnode

// whoSQLs ask who serves the transaction: the first, or the first of the others
// that a server answers which keeps something from the role. They alone run before
// the search path is known to be safe.
var whoSQLs = []string{
	whoSQL("(SELECT c.system_identifier FROM pg_catalog.pg_control_system() c)", "pg_catalog.pg_postmaster_start_time()"),
	whoSQL("NULL::pg_catalog.int8", "pg_catalog.pg_postmaster_start_time()"),
	whoSQL("NULL::pg_catalog.int8", "NULL::pg_catalog.timestamptz"),
}

func whoSQL(system, started string) string {
	return "SELECT pg_catalog.pg_backend_pid(), pg_catalog.current_setting('search_path'), " + system + ", " + started
}

// The statements of a probe. Each returns at most one row.
const (
	// advanceSQL is the canary write. An UPDATE by primary key costs 128 bytes
	// of WAL with its commit; INSERT … ON CONFLICT would log a row lock too.
	advanceSQL = `
UPDATE canary.section SET capacity = capacity + 1, written_at = clock_timestamp()
 WHERE name = $1
RETURNING capacity, written_at`

	// positionSQL runs after the canary commit. The write position is at or
	// past the commit record, because the commit waited until that was flushed.
	// pg_last_wal_replay_lsn() stays at the end of the last recovery.
	positionSQL = `SELECT pg_current_wal_lsn(), ` + writeTimelineSQL + `, pg_last_wal_replay_lsn()`

	// insertPositionSQL is positionSQL for synchronous_commit = off, where a
	// commit is acknowledged before it is written.
	insertPositionSQL = `SELECT pg_current_wal_insert_lsn(), ` + writeTimelineSQL + `, pg_last_wal_replay_lsn()`

	// writeTimelineSQL takes the timeline from the name of the current WAL file,
	// because pg_control_checkpoint() lags until the next checkpoint.
	writeTimelineSQL = `('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int`

	// stateSQL asks for the replay position before the receive position, so
	// that the second is never behind the first. What the startup process
	// waits on is asked only when $1 is true: pg_stat_activity costs as much
	// as all the rest. A replica tells its timeline through its WAL receiver;
	// without one, the control file has the newest that was persisted.
	stateSQL = `
SELECT n.recovering,
       CASE WHEN n.recovering THEN pg_last_wal_replay_lsn() END,
       CASE WHEN n.recovering THEN pg_last_wal_receive_lsn() END,
       n.recovering AND pg_is_wal_replay_paused(),
       extract(epoch FROM current_setting('recovery_min_apply_delay')::interval)::float8,
       CASE WHEN r.pid IS NOT NULL THEN coalesce(r.status, 'hidden') END,
       CASE WHEN n.recovering
            THEN coalesce(r.received_tli, (SELECT greatest(c.timeline_id, m.min_recovery_end_timeline)
                                             FROM pg_control_checkpoint() c, pg_control_recovery() m))
            ELSE ` + writeTimelineSQL + ` END,
       CASE WHEN $1::bool AND n.recovering
            THEN coalesce((SELECT CASE WHEN a.wait_event_type = 'Lock' THEN 'Lock' ELSE coalesce(a.wait_event, '') END
                             FROM pg_stat_activity a WHERE a.backend_type = 'startup'), 'hidden') END
  FROM (SELECT pg_is_in_recovery() AS recovering) n
  LEFT JOIN pg_stat_wal_receiver r ON true`

	// basicStateSQL is for servers without the functions of stateSQL, or
	// roles that may not call them.
	basicStateSQL = `SELECT pg_is_in_recovery() WHERE $1::bool IS NOT NULL`

	// sectionSQL is a statement of its own, with a snapshot that is taken after
	// the replay position was read: only so does a lag of 0 bytes mean that
	// the row is visible.
	sectionSQL = `SELECT capacity, written_at FROM canary.section WHERE name = $1`
)
