package pgnode

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

// errSyncWait is why a write has no acknowledgement although the primary committed it.
var errSyncWait = errors.New("the commit waits for a synchronous standby that does not confirm it")

// lookAhead is how long before a write's deadline the server is asked at the latest what the
// write waits for: enough for a new connection, and little of the write's own time.
const lookAhead = time.Second

// syncWaitSQL is true when the backend $1 waits for a synchronous standby; without
// one, when any of the role's sessions in this database does, because behind a
// pooler nobody knows which backend runs the write.
const syncWaitSQL = `
SELECT pg_catalog.count(*) OPERATOR(pg_catalog.>) 0
  FROM pg_catalog.pg_stat_activity a
 WHERE a.wait_event OPERATOR(pg_catalog.=) 'SyncRep'
   AND a.usename OPERATOR(pg_catalog.=) CURRENT_USER AND a.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
   AND ($1 OPERATOR(pg_catalog.=) 0 OR a.pid OPERATOR(pg_catalog.=) $1)`

// writeWatched writes, and finds out why there is no acknowledgement when the time for it
// runs out: over a connection of its own it asks what the write's backend waits for. At
// the deadline the driver cancels the write, which ends the wait, and with it
// the lock on the row.
func (n *Node) writeWatched(ctx context.Context, s *session) (probe.Write, error) {
	deadline, ok := ctx.Deadline()
	if !ok || n.stillClosing() > 0 { // There is no room for another connection.
		return s.write(ctx)
	}
	looking, stop := context.WithDeadline(ctx, deadline)
	defer stop()
	left, waits := time.Until(deadline), make(chan bool, 1)
	timer := time.AfterFunc(max(left/2, left-lookAhead), func() { waits <- n.waitsForStandby(looking, s, s.conn.PID()) })
	w, err := s.write(ctx)
	waited := false
	switch {
	case !timer.Stop():
		if err == nil {
			stop() // It came after all.
		}
		waited = <-waits && err != nil
	case hasCode(err, lockNotAvailable): // Perhaps that of another exporter's commit, which waits.
		waited = n.waitsForStandby(looking, s, 0)
	}
	if waited {
		err = errors.Join(errSyncWait, err)
	}
	return w, err
}

// waitsForStandby asks whether a backend, or with 0 any of the role's, waits for a
// synchronous standby. The node's lock is held, by whoever waits for the answer.
func (n *Node) waitsForStandby(ctx context.Context, writing *session, pid uint32) bool {
	config := withSettings(n.config, n.opts)
	if writing.pooled {
		config, pid = withoutSettings(n.config), 0
	}
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return false
	}
	n.closing = append(n.closing, conn.CleanupDone())
	defer conn.Close(ctx) //nolint:errcheck // The answer is what counts.
	waits := false
	asked := &transaction{queries: []query{{
		sql: syncWaitSQL, params: [][]byte{int32Param(pid)}, scan: func(r *row) { waits = r.bool() },
	}}}
	err = exchange(ctx, conn, asked)
	return err == nil && asked.err == nil && waits
}
