package pgnode

// The section's row says which history wrote it. A server's life is what lies
// between two of its recoveries: within one, it writes a single line of values.
// The first beat of another life begins an era, named by that beat's mark:
// after a promotion, but also after a restart, a restore or a crash, so that a
// copy of the data that runs on the same timeline has an era of its own as well.
// setup.sql says what each column is for.
const (
	// advanceSQL is the canary write: $1 the section, $2 the beat's mark, $3 the
	// exporter's cluster. Exporters that share the section queue on the row, and
	// each then looks at what the one before left (READ COMMITTED): one of them
	// begins the era. An UPDATE by primary key costs 140 bytes of WAL with its
	// commit; INSERT … ON CONFLICT would log a row lock too.
	advanceSQL = `
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

	// basicAdvanceSQL is advanceSQL for a server that lacks the functions of WAL
	// positions, or does not let the role call them. It knows a life by its
	// start alone.
	basicAdvanceSQL = `
UPDATE canary.section AS s
   SET capacity = s.capacity OPERATOR(pg_catalog.+) 1,
       written_at = pg_catalog.clock_timestamp(),
       mark = $2,
       timeline = CASE WHEN ` + sameStartSQL + ` THEN s.timeline END,
       fork = CASE WHEN ` + sameStartSQL + ` THEN s.fork END,
       started = pg_catalog.pg_postmaster_start_time(),
       recovered = CASE WHEN ` + sameStartSQL + ` THEN s.recovered END,
       eras = CASE WHEN ` + sameStartSQL + ` THEN s.eras ELSE ` + nextErasSQL + ` END` + ownRowSQL + `
RETURNING ` + rowSQL

	// ownRowSQL leaves a row alone that was made for a cluster of another name.
	ownRowSQL = `
 WHERE s.name OPERATOR(pg_catalog.=) $1
   AND (s.cluster IS NULL OR s.cluster OPERATOR(pg_catalog.=) $3)`

	// sameLifeSQL is true when the server's present life wrote the row, and
	// NULL for a row that nobody wrote yet. A row of basicAdvanceSQL has no
	// recovered: the start decides, so that the two forms can take turns.
	sameLifeSQL = `(` + sameStartSQL + ` AND (s.recovered IS NULL OR s.recovered OPERATOR(pg_catalog.=) ` + recoveredSQL + `))`

	// knownSQL is true when that life wrote its timeline too, as basicAdvanceSQL does not.
	knownSQL = `(` + sameLifeSQL + ` AND s.timeline IS NOT NULL)`

	// sameStartSQL compares a stamp with itself: it names a server, it is no time.
	sameStartSQL = `s.started OPERATOR(pg_catalog.=) pg_catalog.pg_postmaster_start_time()`

	// recoveredSQL stays as it is while the server takes writes. It changes
	// when a backend crashed and the server recovered without a new start,
	// which with synchronous_commit = off takes acknowledged beats back.
	recoveredSQL = `coalesce(pg_catalog.pg_last_wal_replay_lsn(), '0/0'::pg_catalog.pg_lsn)`

	// nextErasSQL appends an era, and keeps the last sixteen.
	nextErasSQL = `(pg_catalog.array_cat(s.eras, ARRAY[$2, s.capacity]))[pg_catalog.cardinality(s.eras) OPERATOR(pg_catalog.-) 29 :]`

	// writeTimelineSQL takes the timeline from the name of the current WAL file,
	// because pg_control_checkpoint() lags until the next checkpoint.
	writeTimelineSQL = `pg_catalog.textcat('x', pg_catalog."left"(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8))::pg_catalog.bit(32)::pg_catalog.int4`
)

// The other statements on the section. Each returns at most one row.
const (
	// sectionSQL reads what advanceSQL returns. It is a statement of its own,
	// with a snapshot that is taken after the replay position was read: only so
	// does a lag of 0 bytes mean that the row is visible.
	sectionSQL = `
SELECT ` + rowSQL + `
  FROM canary.section AS s
 WHERE s.name OPERATOR(pg_catalog.=) $1`

	// rowSQL are the columns of [verdict.Row]; scanRow reads them.
	rowSQL = `s.capacity, s.mark, s.timeline, s.fork, s.born, s.eras`

	// clusterSQL asks which cluster a section was made for.
	clusterSQL = `SELECT s.cluster FROM canary.section AS s WHERE s.name OPERATOR(pg_catalog.=) $1`

	// positionSQL runs after the canary commit. The write position is at or
	// past the commit record, because the commit waited until that was flushed;
	// with synchronous_commit = off it is acknowledged before it is written.
	positionSQL = `
SELECT CASE WHEN current_setting('synchronous_commit') = 'off' THEN pg_current_wal_insert_lsn()
            ELSE pg_current_wal_lsn() END`
)
