package pgnode

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// write commits the next value and reads the position after the commit.
func (s *session) write(ctx context.Context) (probe.Write, error) {
	if err := s.checkTable(ctx); err != nil {
		return probe.Write{}, err
	}
	if !s.basicWrite {
		w, err := s.writeBy(ctx, advanceSQL)
		if err == nil || s.conn.IsClosed() || !notOffered(err) {
			return w, err
		}
	}
	w, err := s.writeBy(ctx, basicAdvanceSQL)
	if err == nil {
		s.basicWrite = true
	}
	return w, err
}

// writeBy makes one attempt with one form of the canary write.
func (s *session) writeBy(ctx context.Context, sql string) (probe.Write, error) {
	var w probe.Write
	mark := newMark()
	advance, err := s.prepareQuery(ctx, query{
		sql: sql, params: [][]byte{s.section, int64Param(mark), []byte(s.opts.Cluster)},
		scan: func(r *row) { w.Row = scanRow(r) },
	})
	if err != nil {
		return w, err
	}
	writing := s.newTransaction(beginReadWrite, advance)
	transactions := []*transaction{writing}
	// A server without the position's function is written to all the same.
	position, err := s.prepareQuery(ctx, query{sql: positionSQL, scan: func(r *row) { w.LSN = r.lsn() }})
	if err == nil {
		transactions = append(transactions, s.newTransaction(beginReadOnly, position))
	} else if s.conn.IsClosed() {
		return w, err
	}
	s.unconfirmed = false
	w.Sent = time.Now()
	err = exchange(ctx, s.conn, transactions...)
	w.Acknowledged = writing.done
	switch {
	case err != nil && (writing.done.IsZero() || writing.err != nil):
		return w, err
	case writing.err != nil:
		return w, writing.err
	case s.unconfirmed: // The wait was cancelled, and the commit is on the primary alone.
		return w, withReason(errSyncWait)
	case w.Mark != mark: // No row, or one that a trigger put in the place of ours.
		return w, s.explainUnwritten(ctx)
	}
	s.identity = writing.servedBy
	if last := transactions[len(transactions)-1]; last.servedBy != writing.servedBy {
		w.LSN = 0 // Another server's.
	}
	return w, nil
}

// newMark returns a random mark for a beat. 0 is that of a row that nobody wrote.
func newMark() int64 {
	return 1 + rand.Int64N(math.MaxInt64) //nolint:gosec // It has to differ, nobody must not guess it.
}

// explainUnwritten says why a write changed no row.
func (s *session) explainUnwritten(ctx context.Context) error {
	found, cluster := false, ""
	asked, err := s.prepareQuery(ctx, query{
		sql: clusterSQL, params: [][]byte{s.section}, scan: func(r *row) { found, cluster = true, r.text() },
	})
	if err != nil {
		return err
	}
	asking := s.newTransaction(beginReadOnly, asked)
	if err := exchange(ctx, s.conn, asking); err != nil {
		return err
	}
	switch {
	case asking.err != nil:
		return asking.err
	case !found:
		return &probe.Error{
			Reason: probe.ReasonMissingTable, Answered: true,
			Hint: "run `pg_canary_exporter setup --canary.section=" + s.opts.Section + "` with an administrator's --primary.dsn",
			Err:  fmt.Errorf("canary.section has no row %q", s.opts.Section),
		}
	case cluster != "" && cluster != s.opts.Cluster:
		return &probe.Error{
			Reason: probe.ReasonForeign, Answered: true,
			Hint: "correct the connection string if it leads to the wrong cluster; if it does not, " +
				"give the exporter the cluster's name (--cluster.name=" + cluster + ", in a configuration file name: " + cluster + ")",
			Err: fmt.Errorf("section %q was made for cluster %q, and this exporter is of cluster %q: it is not written",
				s.opts.Section, cluster, s.opts.Cluster),
		}
	default:
		return &probe.Error{
			Reason: probe.ReasonNotWritten, Answered: true, Hint: hints[probe.ReasonNotWritten],
			Err: fmt.Errorf("the canary write was swallowed: the server reported success and did not change section %q", s.opts.Section),
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
		s.noteRole(read.InRecovery)
	}}
	if s.basic {
		asked.sql, asked.scan = basicStateSQL, func(r *row) {
			read.State, answered = verdict.State{InRecovery: r.bool()}, true
			s.noteRole(read.InRecovery)
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
		read.Row = scanRow(r)
	}})
}

// scanRow reads rowSQL.
func scanRow(r *row) verdict.Row {
	return verdict.Row{
		Found:    true,
		Capacity: r.int64(),
		Mark:     r.int64(),
		Timeline: r.uint32(),
		Fork:     r.lsn(),
		Born:     r.int64(),
		Eras:     verdict.Eras(r.int64s()),
	}
}

// scanState reads the row of stateSQL.
func scanState(r *row) verdict.State {
	state := verdict.State{
		InRecovery:    r.bool(),
		ReplayLSN:     r.lsn(),
		ReceiveLSN:    r.lsn(),
		ReplayPaused:  r.bool(),
		ApplyDelay:    r.seconds(),
		Receiver:      r.text(),
		Timeline:      r.uint32(),
		LeastTimeline: r.uint32(),
		ReplayWaitsOn: r.text(),
		Detailed:      true,
	}
	if !state.InRecovery {
		state.LeastTimeline = state.Timeline
	}
	return state
}
