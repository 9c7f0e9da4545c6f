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
	if !ok || n.isClosing() {
		return s.write(ctx)
	}
	left := time.Until(deadline)
	waits := make(chan bool, 1)
	var look *pgconn.PgConn
	looking, stop := context.WithDeadline(ctx, deadline)
	timer := time.AfterFunc(max(left/2, left-lookAhead), func() {
		var waiting bool
		look, waiting = n.waitsForStandby(looking, s, s.conn.PID())
		waits <- waiting
	})
	w, err := s.write(ctx)
	if timer.Stop() {
		defer stop()
		if hasCode(err, lockNotAvailable) { // Perhaps of another exporter's commit that waits.
			conn, waiting := n.waitsForStandby(looking, s, 0)
			if conn != nil {
				n.closing = append(n.closing, conn.CleanupDone())
			}
			if waiting {
				err = errors.Join(errSyncWait, err)
			}
		}
		return w, err
	}
	if err == nil {
		stop() // It came after all.
	}
	waited := <-waits
	stop()
	if look != nil {
		n.closing = append(n.closing, look.CleanupDone())
	}
	if err != nil && waited {
		return w, errors.Join(errSyncWait, err)
	}
	return w, err
}

// isClosing says whether an earlier connection is still being closed, so that there
// is no room for another one.
func (n *Node) isClosing() bool {
	for _, gone := range n.closing {
		select {
		case <-gone:
		default:
			return true
		}
	}
	return false
}

// waitsForStandby asks whether a backend, or with 0 any of the role's, waits for a
// synchronous standby. It returns the connection that it asked over, which is closed or
// being closed.
func (n *Node) waitsForStandby(ctx context.Context, writing *session, pid uint32) (*pgconn.PgConn, bool) {
	config := withSettings(n.config, n.opts)
	if writing.pooled {
		config, pid = withoutSettings(n.config), 0
	}
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return nil, false
	}
	defer conn.Close(ctx) //nolint:errcheck // The answer is what counts.
	waits := false
	asked := &transaction{queries: []query{{
		sql: syncWaitSQL, params: [][]byte{int32Param(pid)}, scan: func(r *row) { waits = r.bool() },
	}}}
	err = exchange(ctx, conn, asked)
	return conn, err == nil && asked.err == nil && waits
}
