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
	return "SELECT pg_catalog.pg_backend_pid(), pg_catalog.current_setting('search_path'), " + system + ", " + started +
		", pg_catalog.pg_is_in_recovery()"
}

// guardSQL fails where the session is served by another process than $1, which it
// named when it connected, or without its settings. Its error is in the server's log.
const guardSQL = `
SELECT CASE WHEN pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.=) $1
             AND pg_catalog.current_setting('search_path') OPERATOR(pg_catalog.=) '` + searchPath + `'
            THEN 0
            ELSE pg_catalog.concat('pg_canary_exporter found a pooler, and prepares nothing (process ', pg_catalog.pg_backend_pid(), ')')::pg_catalog.int4
       END`

const (
	// stateSQL asks for the replay position before the receive position, so
	// that the second is never behind the first. What the startup process
	// waits on is asked only when $1 is true: pg_stat_activity costs as much
	// as all the rest. A replica tells its timeline through its WAL receiver;
	// the control file has the newest that was persisted, which may be behind.
	stateSQL = `
SELECT n.recovering,
       CASE WHEN n.recovering THEN pg_last_wal_replay_lsn() END,
       CASE WHEN n.recovering THEN pg_last_wal_receive_lsn() END,
       n.recovering AND pg_is_wal_replay_paused(),
       extract(epoch FROM current_setting('recovery_min_apply_delay')::interval)::float8,
       CASE WHEN r.pid IS NOT NULL THEN coalesce(r.status, 'hidden') END,
       CASE WHEN n.recovering THEN r.received_tli ELSE ` + writeTimelineSQL + ` END,
       CASE WHEN n.recovering
            THEN (SELECT greatest(c.timeline_id, m.min_recovery_end_timeline)
                    FROM pg_control_checkpoint() c, pg_control_recovery() m) END,
       CASE WHEN $1::bool AND n.recovering
            THEN coalesce((SELECT CASE WHEN a.wait_event_type = 'Lock' THEN 'Lock' ELSE coalesce(a.wait_event, '') END
                             FROM pg_stat_activity a WHERE a.backend_type = 'startup'), 'hidden') END
  FROM (SELECT pg_is_in_recovery() AS recovering) n
  LEFT JOIN pg_stat_wal_receiver r ON true`

	// basicStateSQL is for servers without the functions of stateSQL, or
	// roles that may not call them.
	basicStateSQL = `SELECT pg_is_in_recovery() WHERE $1::bool IS NOT NULL`
)
