package pgnode

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

// lockTimeout keeps a canary write from queuing behind a lock: a second is
// long for the update of one row, and short for a scrape.
const lockTimeout = time.Second

// session is one connection with its guards set and its statements prepared.
type session struct {
	conn     *pgconn.PgConn
	opts     Options
	section  []byte
	writable bool
	basic    bool // state answers only whether the node is in recovery
	prepared map[string]*pgconn.StatementDescription
	identity probe.Identity
}

// openSession connects, sets the session's guards, and prepares the
// statements of a probe as far as the server lets it.
func openSession(ctx context.Context, config *pgconn.Config, opts Options) (*session, error) {
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	s := &session{conn: conn, opts: opts, section: []byte(opts.Section), prepared: map[string]*pgconn.StatementDescription{}}
	if err := s.guard(ctx); err != nil {
		return nil, s.abandon(ctx, err)
	}
	for _, sql := range []string{stateSQL, sectionSQL, advanceSQL, s.positionSQL()} {
		if _, err := s.statement(ctx, sql); err != nil && s.lost(ctx) {
			return nil, s.abandon(ctx, err)
		}
	}
	if err := s.identify(ctx); err != nil {
		return nil, s.abandon(ctx, err)
	}
	return s, nil
}

// identify asks the server who it is, as far as it tells this role.
func (s *session) identify(ctx context.Context) error {
	for sql, scan := range map[string]func(*row){
		systemSQL:  func(r *row) { s.identity.System = r.uint64() },
		startedSQL: func(r *row) { s.identity.Started = r.time() },
	} {
		statement, err := s.statement(ctx, sql)
		if err == nil {
			_, err = exchange(ctx, s.conn, query{statement, nil, scan})
		}
		if err != nil && s.lost(ctx) {
			return err
		}
	}
	return nil
}

// lost says whether a statement failed with its connection or for want of time,
// and not because the server lacks something: time that ran out between two
// statements leaves the connection good and its server unknown.
func (s *session) lost(ctx context.Context) bool { return s.conn.IsClosed() || ctx.Err() != nil }

// guard sets what keeps this session from harming the server or hanging on
// it. The keepalives let a server that lost its network drop the connection.
func (s *session) guard(ctx context.Context) error {
	return s.exec(ctx, fmt.Sprintf(`
SET lock_timeout = %d;
SET statement_timeout = %d;
SET synchronous_commit = %s;
SET tcp_keepalives_idle = 30;
SET tcp_keepalives_interval = 10;
SET tcp_keepalives_count = 3;
SET default_transaction_read_only = on`,
		lockTimeout.Milliseconds(), s.opts.StatementTimeout.Milliseconds(), s.opts.SynchronousCommit))
}

func (s *session) exec(ctx context.Context, sql string) error {
	_, err := s.conn.Exec(ctx, sql).ReadAll()
	return err
}

// abandon closes the connection of a session that could not be set up.
func (s *session) abandon(ctx context.Context, cause error) error {
	return errors.Join(cause, s.conn.Close(ctx))
}

func (s *session) positionSQL() string {
	if s.opts.SynchronousCommit == "off" {
		return insertPositionSQL
	}
	return positionSQL
}

// statement returns the prepared statement of an SQL text, and prepares it
// when that was not possible before, say because the table was missing.
func (s *session) statement(ctx context.Context, sql string) (*pgconn.StatementDescription, error) {
	if st := s.prepared[sql]; st != nil {
		return st, nil
	}
	st, err := s.conn.Prepare(ctx, fmt.Sprintf("canary_%d", len(s.prepared)), sql, nil)
	if err != nil {
		return nil, err
	}
	s.prepared[sql] = st
	return st, nil
}

// write commits the next value and reads the position after the commit.
func (s *session) write(ctx context.Context, atLeast int64) (probe.Write, error) {
	if !s.writable {
		// Not "= off": a server or database in read-only mode refuses an application's
		// writes, and so it has to refuse this one.
		if err := s.exec(ctx, "RESET default_transaction_read_only"); err != nil {
			return probe.Write{}, err
		}
		s.writable = true
	}
	w, err := s.writeWith(ctx, advanceSQL, s.section)
	if err == nil && !w.Found {
		return s.writeWith(ctx, beginSQL, s.section, int8Param(atLeast))
	}
	return w, err
}

func (s *session) writeWith(ctx context.Context, sql string, params ...[]byte) (probe.Write, error) {
	var w probe.Write
	statement, err := s.statement(ctx, sql)
	if err != nil {
		return w, err
	}
	queries := []query{{statement, params, func(r *row) { w.Capacity, w.WrittenAt = r.int64(), r.time() }}}
	// A server without the position's functions is written to all the same.
	if position, err := s.statement(ctx, s.positionSQL()); err == nil {
		queries = append(queries, query{position, nil, func(r *row) { w.LSN, w.Timeline, w.Fork = r.lsn(), r.uint32(), r.lsn() }})
	} else if s.conn.IsClosed() {
		return w, err
	}
	w.Sent = time.Now()
	outcomes, err := exchange(ctx, s.conn, queries...)
	if err != nil {
		return w, err
	}
	w.Found, w.Acknowledged = outcomes[0].found, outcomes[0].done
	return w, outcomes[0].err
}

// read reads the state, closely or not, and then the section.
func (s *session) read(ctx context.Context, closely bool) (probe.Read, error) {
	for {
		read, stateErr, sectionErr := s.readOnce(ctx, closely)
		if stateErr != nil && !s.basic && !s.conn.IsClosed() && notOffered(stateErr) {
			s.basic = true
			continue
		}
		if stateErr != nil {
			return probe.Read{}, stateErr
		}
		return read, sectionErr
	}
}

func (s *session) readOnce(ctx context.Context, closely bool) (read probe.Read, stateErr, sectionErr error) {
	sql, scan := stateSQL, func(r *row) { read.State = scanState(r) }
	if s.basic {
		sql, scan = basicStateSQL, func(r *row) { read.State = probe.State{InRecovery: r.bool()} }
	}
	state, err := s.statement(ctx, sql)
	if err != nil {
		return read, err, nil
	}
	queries := []query{{state, [][]byte{boolParam(closely)}, scan}}
	section, sectionErr := s.statement(ctx, sectionSQL)
	switch {
	case sectionErr == nil:
		queries = append(queries, s.sectionQuery(section, &read))
	case s.conn.IsClosed():
		return read, sectionErr, nil
	}
	read.Sent = time.Now()
	outcomes, err := exchange(ctx, s.conn, queries...)
	if err != nil {
		return read, err, nil
	}
	read.Received = time.Now()
	if len(outcomes) == 2 {
		read.Found, sectionErr = outcomes[1].found, outcomes[1].err
	}
	return read, outcomes[0].err, sectionErr
}

// poll reads the section alone.
func (s *session) poll(ctx context.Context) (probe.Read, error) {
	var read probe.Read
	section, err := s.statement(ctx, sectionSQL)
	if err != nil {
		return read, err
	}
	read.Sent = time.Now()
	outcomes, err := exchange(ctx, s.conn, s.sectionQuery(section, &read))
	if err != nil {
		return read, err
	}
	read.Received, read.Found = time.Now(), outcomes[0].found
	return read, outcomes[0].err
}

func (s *session) sectionQuery(statement *pgconn.StatementDescription, read *probe.Read) query {
	return query{statement, [][]byte{s.section}, func(r *row) { read.Capacity, read.WrittenAt = r.int64(), r.time() }}
}

// scanState reads the row of stateSQL.
func scanState(r *row) probe.State {
	return probe.State{
		InRecovery:    r.bool(),
		ReplayLSN:     r.lsn(),
		ReceiveLSN:    r.lsn(),
		ReplayPaused:  r.bool(),
		ApplyDelay:    r.seconds(),
		Receiver:      r.text(),
		Timeline:      r.uint32(),
		ReplayWaitsOn: r.text(),
		Detailed:      true,
	}
}
