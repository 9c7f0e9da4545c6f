package floor

// The statements, as collector/pgnode has them.
const (
	AdvanceSQL = `
UPDATE canary.section AS s
   SET capacity = s.capacity OPERATOR(pg_catalog.+) 1,
       written_at = pg_catalog.clock_timestamp(),
       mark = $2,
       timeline = CASE WHEN ` + knownSQL + ` THEN s.timeline ELSE ` + writeTimelineSQL + ` END,
       fork = CASE WHEN ` + knownSQL + ` OR s.timeline OPERATOR(pg_catalog.=) ` + writeTimelineSQL + ` THEN s.fork
                   ELSE pg_catalog.pg_last_wal_replay_lsn() END,
       started = pg_catalog.pg_postmaster_start_time(),
       recovered = ` + recoveredSQL + `,
       eras = CASE WHEN ` + sameLifeSQL + ` THEN s.eras ELSE ` + nextErasSQL + ` END` + ownRowSQL + `
RETURNING ` + rowSQL

	PositionSQL = `
SELECT CASE WHEN current_setting('synchronous_commit') = 'off' THEN pg_current_wal_insert_lsn()
            ELSE pg_current_wal_lsn() END`

	StateSQL = `
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

	SectionSQL = `
SELECT ` + rowSQL + `
  FROM canary.section AS s
 WHERE s.name OPERATOR(pg_catalog.=) $1`

	ownRowSQL = `
 WHERE s.name OPERATOR(pg_catalog.=) $1
   AND (s.cluster IS NULL OR s.cluster OPERATOR(pg_catalog.=) $3)`

	sameLifeSQL = `(` + sameStartSQL + ` AND (s.recovered IS NULL OR s.recovered OPERATOR(pg_catalog.=) ` + recoveredSQL + `))`

	knownSQL = `(` + sameLifeSQL + ` AND s.timeline IS NOT NULL)`

	sameStartSQL = `s.started OPERATOR(pg_catalog.=) pg_catalog.pg_postmaster_start_time()`

	recoveredSQL = `coalesce(pg_catalog.pg_last_wal_replay_lsn(), '0/0'::pg_catalog.pg_lsn)`

	nextErasSQL = `(pg_catalog.array_cat(s.eras, ARRAY[$2, s.capacity]))[pg_catalog.cardinality(s.eras) OPERATOR(pg_catalog.-) 29 :]`

	writeTimelineSQL = `pg_catalog.textcat('x', pg_catalog."left"(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8))::pg_catalog.bit(32)::pg_catalog.int4`

	rowSQL = `s.capacity, s.mark, s.timeline, s.fork, s.born, s.eras`
)
