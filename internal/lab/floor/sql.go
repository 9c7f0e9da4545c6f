package floor

// The statements, as collector/pgnode has them.
const (
	AdvanceSQL = `
UPDATE canary.section SET capacity = capacity + 1, written_at = clock_timestamp()
 WHERE name = $1
RETURNING capacity, written_at`

	PositionSQL = `SELECT pg_current_wal_lsn(), ` + writeTimelineSQL + `, pg_last_wal_replay_lsn()`

	writeTimelineSQL = `('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int`

	StateSQL = `
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

	SectionSQL = `SELECT capacity, written_at FROM canary.section WHERE name = $1`
)
