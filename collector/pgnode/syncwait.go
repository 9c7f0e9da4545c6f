package pgnode

import (
	"context"
	"errors"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

// errSyncWait is why a write has no acknowledgement although the primary committed it.
var errSyncWait = errors.New("the commit waits for a synchronous standby that does not confirm it")

// cancelReserve returns which part of a write's time must be left when the server is
// asked to end it. The request goes over a connection of its own, which takes no longer
// than the session's did; the write has half of its time in any case.
func cancelReserve(left, connecting time.Duration) time.Duration {
	return min(max(left/4, connecting), left/2)
}

// syncWaitSQL is true when any of the role's sessions in this database waits for a
// synchronous standby.
const syncWaitSQL = `
SELECT pg_catalog.count(*) OPERATOR(pg_catalog.>) 0
  FROM pg_catalog.pg_stat_activity a
 WHERE a.wait_event OPERATOR(pg_catalog.=) 'SyncRep'
   AND a.usename OPERATOR(pg_catalog.=) CURRENT_USER AND a.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()`

// writeInTime writes, and asks the server to cancel what does not end before the time for it
// runs out. A commit that waits for a synchronous standby ends with a warning then
// and leaves no lock on the row, the connection stays, and the reason is known.
func (s *session) writeInTime(ctx context.Context) (probe.Write, error) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return s.write(ctx)
	}
	cancelled := make(chan struct{})
	left := time.Until(deadline)
	timer := time.AfterFunc(left-cancelReserve(left, s.took), func() {
		defer close(cancelled)
		_ = s.conn.CancelRequest(ctx) // What became of it, the write says.
	})
	w, err := s.write(ctx)
	if !timer.Stop() {
		<-cancelled // It must not meet the next statement.
	}
	// Perhaps the lock is that of another exporter's commit, which waits.
	if hasCode(err, lockNotAvailable) && s.otherWaits(ctx) {
		err = errors.Join(errSyncWait, err)
	}
	return w, err
}

// otherWaits asks whether a session of the role waits for a synchronous standby.
func (s *session) otherWaits(ctx context.Context) bool {
	waits := false
	asked := s.newTransaction(beginReadOnly, query{sql: syncWaitSQL, scan: func(r *row) { waits = r.bool() }})
	err := exchange(ctx, s.conn, asked)
	return err == nil && asked.err == nil && waits
}
