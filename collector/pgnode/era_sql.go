package pgnode

// The section's row says which history wrote it. A server's life is what lies
// between two of its recoveries: within one, it writes a single line of values.
// The first beat of another life begins an era, named by that beat's mark:
// after a promotion, but also after a restart, a restore or a crash, so that a
// copy of the data that runs on the same timeline has an era of its own as well.
//
// The order of the columns matters. An UPDATE logs the row from the first to the
// last byte that changed. So what every beat changes lies together, with capacity
// at its end, of whose bytes the higher ones do not change; what only another
// life changes comes after them.
const (
	// eraMigrateSQL makes the table of before, name, capacity and written_at, into
	// name, mark, written_at, capacity and so on: what was capacity becomes mark,
	// which has its type, for the sake of the order. The default of born is
	// volatile, so the table (a page) is rewritten. It asks first, because
	// ALTER TABLE locks readers out, on the replicas too, even if it has
	// nothing to do.
	//
	//   mark        random, made by the exporter, new for each beat
	//   written_at  when, by the server's clock: for people, nothing is decided by it
	//   timeline    that the beat was written on; NULL where the server does not tell
	//   fork        at or past where that timeline began; NULL where not known
	//   started,    the server's life: when its postmaster started, and where its
	//   recovered   last recovery ended (0/0: it had none)
	//   born        random, made with the row: a row that was made again is another
	//   eras        {era, value that it follows, …}, oldest first, the last sixteen
	eraMigrateSQL = `
DO $migrate$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a
                    WHERE a.attrelid OPERATOR(pg_catalog.=) 'canary.section'::pg_catalog.regclass
                      AND a.attname OPERATOR(pg_catalog.=) 'eras' AND NOT a.attisdropped) THEN
        ALTER TABLE canary.section RENAME COLUMN capacity TO mark;
        ALTER TABLE canary.section
            ADD COLUMN capacity  bigint   NOT NULL DEFAULT 0,
            ADD COLUMN timeline  integer,
            ADD COLUMN fork      pg_lsn,
            ADD COLUMN started   timestamptz,
            ADD COLUMN recovered pg_lsn,
            ADD COLUMN born      bigint   NOT NULL
                DEFAULT pg_catalog.hashtextextended(pg_catalog.gen_random_uuid()::pg_catalog.text, 0),
            ADD COLUMN eras      bigint[] NOT NULL DEFAULT '{}',
            ALTER COLUMN mark SET DEFAULT 0;
        UPDATE canary.section SET capacity = mark, mark = 0;
    END IF;
END
$migrate$`

	// eraSectionSQL makes the row of a section ($1), which the first beat
	// finds with a capacity of 0 and no era.
	eraSectionSQL = `
INSERT INTO canary.section (name, written_at) VALUES ($1, pg_catalog.clock_timestamp())
    ON CONFLICT (name) DO NOTHING`

	// eraGrantSQL is what a beat and a read need, for the role in place of %s.
	eraGrantSQL = `
GRANT SELECT, UPDATE (capacity, written_at, mark, timeline, fork, started, recovered, eras) ON canary.section TO %s`

	// eraAdvanceSQL is the canary write: $1 the section, $2 the beat's mark.
	// Exporters that share the section queue on the row, and each then looks at
	// what the one before left (READ COMMITTED): one of them begins the era.
	eraAdvanceSQL = `
UPDATE canary.section AS s
   SET capacity = s.capacity OPERATOR(pg_catalog.+) 1,
       written_at = pg_catalog.clock_timestamp(),
       mark = $2,
       timeline = CASE WHEN ` + sameLifeSQL + ` THEN s.timeline ELSE ` + currentTimelineSQL + ` END,
       fork = CASE WHEN ` + sameLifeSQL + ` OR s.timeline OPERATOR(pg_catalog.=) ` + currentTimelineSQL + ` THEN s.fork
                   ELSE pg_catalog.pg_last_wal_replay_lsn() END,
       started = pg_catalog.pg_postmaster_start_time(),
       recovered = CASE WHEN ` + sameLifeSQL + ` THEN s.recovered ELSE ` + recoveredSQL + ` END,
       eras = CASE WHEN ` + sameLifeSQL + ` THEN s.eras ELSE ` + nextErasSQL + ` END
 WHERE s.name OPERATOR(pg_catalog.=) $1` + eraReturningSQL

	// eraBasicAdvanceSQL is eraAdvanceSQL for a server that lacks the functions
	// of WAL positions, or does not let the role call them. It knows a life by
	// its start alone.
	eraBasicAdvanceSQL = `
UPDATE canary.section AS s
   SET capacity = s.capacity OPERATOR(pg_catalog.+) 1,
       written_at = pg_catalog.clock_timestamp(),
       mark = $2,
       timeline = CASE WHEN ` + sameStartSQL + ` THEN s.timeline END,
       fork = CASE WHEN ` + sameStartSQL + ` THEN s.fork END,
       started = pg_catalog.pg_postmaster_start_time(),
       recovered = CASE WHEN ` + sameStartSQL + ` THEN s.recovered END,
       eras = CASE WHEN ` + sameStartSQL + ` THEN s.eras ELSE ` + nextErasSQL + ` END
 WHERE s.name OPERATOR(pg_catalog.=) $1` + eraReturningSQL

	// eraReadSQL reads what eraAdvanceSQL returns.
	eraReadSQL = `
SELECT ` + eraRowSQL + `
  FROM canary.section AS s
 WHERE s.name OPERATOR(pg_catalog.=) $1`

	eraReturningSQL = `
RETURNING ` + eraRowSQL
	eraRowSQL = `s.capacity, s.written_at, s.mark, s.timeline, s.fork, s.born, s.eras`

	// sameLifeSQL is true when the server's present life wrote the row, and
	// NULL for a row that nobody wrote yet. A row of eraBasicAdvanceSQL has no
	// recovered: the start decides, so that the two forms can take turns.
	sameLifeSQL = `(` + sameStartSQL + ` AND (s.recovered IS NULL OR s.recovered OPERATOR(pg_catalog.=) ` + recoveredSQL + `))`

	// sameStartSQL compares a stamp with itself: it names a server, it is no time.
	sameStartSQL = `s.started OPERATOR(pg_catalog.=) pg_catalog.pg_postmaster_start_time()`

	// recoveredSQL stays as it is while the server takes writes. It changes
	// when a backend crashed and the server recovered without a new start,
	// which with synchronous_commit = off takes acknowledged beats back.
	recoveredSQL = `coalesce(pg_catalog.pg_last_wal_replay_lsn(), '0/0'::pg_catalog.pg_lsn)`

	// nextErasSQL appends an era, and keeps the last sixteen.
	nextErasSQL = `(pg_catalog.array_cat(s.eras, ARRAY[$2, s.capacity]))[pg_catalog.cardinality(s.eras) OPERATOR(pg_catalog.-) 29 :]`

	// currentTimelineSQL takes the timeline from the name of the current WAL
	// file, because pg_control_checkpoint() lags until the next checkpoint.
	currentTimelineSQL = `pg_catalog.textcat('x', pg_catalog."left"(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8))::pg_catalog.bit(32)::pg_catalog.int4`
)
