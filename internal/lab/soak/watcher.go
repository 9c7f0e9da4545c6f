//go:build unix

package soak

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
)

// lookSQL reads the section's row, and afterwards a position that it does not lie beyond.
const lookSQL = `SELECT capacity, mark, (CASE WHEN pg_is_in_recovery()
 THEN greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) ELSE pg_current_wal_lsn() END - '0/0')::bigint
 FROM ` + rig.SectionRow

// lookPause leaves the processor to the servers: there is a watcher for each.
const lookPause = 2 * time.Millisecond

// watcher reads the row of one server as its superuser, and writes down between
// which reads it changed.
type watcher struct {
	server   *pgcluster.Server
	recorder *recorder

	mu   sync.Mutex
	open *history.Shown
}

// run watches until ctx ends.
func (w *watcher) run(ctx context.Context) error {
	for ctx.Err() == nil {
		err := w.connected(ctx)
		if err := w.cut(); err != nil {
			return err
		}
		if err == nil {
			break
		}
		_ = lab.Sleep(ctx, reconnectPause) // The next attempt tells.
	}
	return nil
}

// reconnectPause keeps what connects to a server that is down from spinning.
const reconnectPause = 10 * time.Millisecond

// connected watches on one connection. An error is that of the server, which may be down.
func (w *watcher) connected(ctx context.Context) error {
	conn, err := pgconn.Connect(ctx, w.server.SuperDSN())
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // It is only read from.
	if _, err := conn.Prepare(ctx, "look", lookSQL, nil); err != nil {
		return err
	}
	for lab.Sleep(ctx, lookPause) == nil {
		sent := time.Now()
		result := conn.ExecPrepared(ctx, "look", nil, nil, nil).Read()
		if result.Err != nil {
			return result.Err
		}
		read := history.Read{Sent: w.recorder.clock.Moment(sent), Received: w.recorder.clock.Moment(time.Now())}
		if err := w.add(result, read); err != nil {
			return err
		}
	}
	return nil
}

func (w *watcher) add(result *pgconn.Result, read history.Read) error {
	if len(result.Rows) == 0 {
		return fmt.Errorf("server %s has no row", w.server.Name)
	}
	var fields [3]int64
	for i := range fields {
		var err error
		if fields[i], err = strconv.ParseInt(string(result.Rows[0][i]), 10, 64); err != nil {
			return err
		}
	}
	look := history.Look{Read: read, LSN: fields[2]}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open != nil && w.open.Capacity == fields[0] && w.open.Mark == fields[1] {
		w.open.Last = look
		return nil
	}
	err := w.end()
	w.open = &history.Shown{Server: w.server.Name, Capacity: fields[0], Mark: fields[1], First: look, Last: look}
	return err
}

// cut ends what is being seen, so that no run of reads spans a change.
func (w *watcher) cut() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.end()
}

func (w *watcher) end() error {
	if w.open == nil {
		return nil
	}
	shown := w.open
	w.open = nil
	return w.recorder.write(history.Line{Shown: shown})
}
