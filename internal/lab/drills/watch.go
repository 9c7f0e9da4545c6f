//go:build unix

package drills

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

const (
	// observedSQL makes the table that the laboratory's own writers write.
	observedSQL = "CREATE TABLE observed (n bigint); INSERT INTO observed VALUES (0)"
	writeSQL    = "UPDATE observed SET n = n + 1"
	writePause  = 5 * time.Millisecond
	// writeTimeout bounds one attempt.
	writeTimeout = time.Second
)

// attempt is a write that was tried on a server.
type attempt struct {
	sent, ended time.Time
	ok          bool
}

// watching is a writer on each server.
type watching struct {
	cancel context.CancelFunc
	all    sync.WaitGroup
	made   [][]attempt // by server
}

// watch writes to all servers until it is stopped: what does not take writes says no.
func watch(ctx context.Context, servers []*pgcluster.Server) *watching {
	ctx, cancel := context.WithCancel(ctx)
	w := &watching{cancel: cancel, made: make([][]attempt, len(servers))}
	for i, server := range servers {
		w.all.Go(func() { w.made[i] = write(ctx, server) })
	}
	return w
}

func (w *watching) stop() {
	w.cancel()
	w.all.Wait()
}

// attempts returns those on each server, once it has stopped.
func (w *watching) attempts() [][]attempt { return w.made }

func write(ctx context.Context, server *pgcluster.Server) (made []attempt) {
	var conn *pgconn.PgConn
	defer func() {
		if conn != nil {
			_ = conn.Close(context.WithoutCancel(ctx)) // It may be broken.
		}
	}()
	for lab.Sleep(ctx, writePause) == nil {
		one := attempt{sent: time.Now()}
		bounded, cancel := context.WithTimeout(ctx, writeTimeout)
		var err error
		if conn == nil || conn.IsClosed() {
			conn, err = pgconn.Connect(bounded, server.SuperDSN())
		}
		if err == nil {
			_, err = conn.Exec(bounded, writeSQL).ReadAll()
		}
		cancel()
		if ctx.Err() != nil {
			return made // It was stopped in the middle.
		}
		one.ended, one.ok = time.Now(), err == nil
		made = append(made, one)
	}
	return made
}
