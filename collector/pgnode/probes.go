package pgnode

import (
	"context"
	"fmt"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// write commits the next value and reads the position after the commit.
func (s *session) write(ctx context.Context) (probe.Write, error) {
	var w probe.Write
	if err := s.checkTable(ctx); err != nil {
		return w, err
	}
	advance, err := s.prepareQuery(ctx, query{
		sql: advanceSQL, params: [][]byte{s.section},
		scan: func(r *row) { w.Found, w.Capacity, w.WrittenAt = true, r.int64(), r.time() },
	})
	if err != nil {
		return w, err
	}
	writing := s.newTransaction(beginReadWrite, advance)
	transactions := []*transaction{writing}
	// A server without the position's functions is written to all the same.
	position, err := s.prepareQuery(ctx, query{
		sql: s.positionSQL(), scan: func(r *row) { w.LSN, w.Timeline, w.Fork = r.lsn(), r.uint32(), r.lsn() },
	})
	if err == nil {
		transactions = append(transactions, s.newTransaction(beginReadOnly, position))
	} else if s.conn.IsClosed() {
		return w, err
	}
	w.Sent = time.Now()
	err = exchange(ctx, s.conn, transactions...)
	w.Acknowledged = writing.done
	switch {
	case err != nil && (writing.done.IsZero() || writing.err != nil):
		return w, err
	case writing.err != nil:
		return w, writing.err
	case !w.Found:
		return w, s.explainUnwritten(ctx)
	}
	s.identity = writing.servedBy
	if last := transactions[len(transactions)-1]; last.servedBy != writing.servedBy {
		w.LSN, w.Timeline, w.Fork = 0, 0, 0 // Another server's.
	}
	return w, nil
}

// explainUnwritten says why a write changed no row.
func (s *session) explainUnwritten(ctx context.Context) error {
	read, err := s.poll(ctx)
	switch {
	case err != nil:
		return err
	case read.Found:
		return &probe.Error{
			Reason: probe.ReasonNotWritten, Hint: hints[probe.ReasonNotWritten],
			Err: fmt.Errorf("the canary write was swallowed: the server reported success and changed no row of section %q", s.opts.Section),
		}
	default:
		return &probe.Error{
			Reason: probe.ReasonMissingTable,
			Hint:   "run `pg_canary_exporter setup --canary.section=" + s.opts.Section + "` with an administrator's --primary.dsn",
			Err:    fmt.Errorf("canary.section has no row %q", s.opts.Section),
		}
	}
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
	answered := false
	asked := query{sql: stateSQL, params: [][]byte{boolParam(closely)}, scan: func(r *row) {
		read.State, answered = scanState(r), true
	}}
	if s.basic {
		asked.sql, asked.scan = basicStateSQL, func(r *row) {
			read.State, answered = verdict.State{InRecovery: r.bool()}, true
		}
	}
	state, err := s.prepareQuery(ctx, asked)
	if err != nil {
		return read, err, nil
	}
	queries := []query{state}
	section, sectionErr := s.sectionQuery(ctx, &read)
	switch {
	case sectionErr == nil:
		queries = append(queries, section)
	case s.conn.IsClosed():
		return read, sectionErr, nil
	}
	reading := s.newTransaction(beginReadOnly, queries...)
	read.Sent = time.Now()
	if err := exchange(ctx, s.conn, reading); err != nil {
		return read, err, nil
	}
	s.identity = reading.servedBy
	if !answered {
		return read, reading.err, nil
	}
	read.Received = time.Now()
	if sectionErr == nil {
		sectionErr = reading.err
	}
	return read, nil, sectionErr
}

// poll reads the section alone.
func (s *session) poll(ctx context.Context) (probe.Read, error) {
	var read probe.Read
	section, err := s.sectionQuery(ctx, &read)
	if err != nil {
		return read, err
	}
	reading := s.newTransaction(beginReadOnly, section)
	read.Sent = time.Now()
	if err := exchange(ctx, s.conn, reading); err != nil {
		return read, err
	}
	s.identity = reading.servedBy
	read.Received = time.Now()
	return read, reading.err
}

func (s *session) sectionQuery(ctx context.Context, read *probe.Read) (query, error) {
	if err := s.checkTable(ctx); err != nil {
		return query{}, err
	}
	return s.prepareQuery(ctx, query{sql: sectionSQL, params: [][]byte{s.section}, scan: func(r *row) {
		read.Found, read.Capacity, read.WrittenAt = true, r.int64(), r.time()
	}})
}

// scanState reads the row of stateSQL.
func scanState(r *row) verdict.State {
	return verdict.State{
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
