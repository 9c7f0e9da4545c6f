// Package observer watches one number on one server, over a connection of its
// own and as fast as it can, and keeps between which two reads it changed. It
// is the measure that the exporter is held against, so it shares no code with
// the exporter but the driver.
package observer

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
)

// reconnectPause keeps an observer from spinning while the server is down.
const reconnectPause = 5 * time.Millisecond

// Observer watches until it is stopped.
type Observer struct {
	clock history.Clock
	stop  context.CancelFunc
	done  chan struct{}

	mu    sync.Mutex
	ended history.Sightings
	open  *history.Seen
}

// Start watches the number that sql returns. A row or a table that is not
// there counts as 0.
func Start(ctx context.Context, clock history.Clock, dsn, sql string) *Observer {
	ctx, stop := context.WithCancel(ctx)
	o := &Observer{clock: clock, stop: stop, done: make(chan struct{})}
	go func() {
		defer close(o.done)
		for connection := 1; ctx.Err() == nil; connection++ {
			o.watch(ctx, connection, dsn, sql)
			o.end()
			select {
			case <-ctx.Done():
			case <-time.After(reconnectPause):
			}
		}
	}()
	return o
}

// Stop ends the watching.
func (o *Observer) Stop() {
	o.stop()
	<-o.done
}

// Take returns what is over of what was seen since the last call: values that
// another one took the place of.
func (o *Observer) Take() history.Sightings {
	o.mu.Lock()
	defer o.mu.Unlock()
	taken := o.ended
	o.ended = nil
	return taken
}

// Open returns what is shown now, as far as it was seen; false without a connection.
func (o *Observer) Open() (history.Seen, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.open == nil {
		return history.Seen{}, false
	}
	return *o.open, true
}

// Current returns the value that is shown now, 0 without a connection.
func (o *Observer) Current() int64 {
	open, _ := o.Open()
	return open.Value
}

// watch polls on one connection until it breaks.
func (o *Observer) watch(ctx context.Context, connection int, dsn, sql string) {
	conn, err := pgconn.Connect(ctx, dsn)
	if err != nil {
		return
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // It is only read from.
	if _, err := conn.Prepare(ctx, "watch", sql, nil); err != nil {
		return
	}
	// A context that can be cancelled costs a goroutine in every poll; a
	// deadline in the past ends the poll that is under way as well.
	unwatch := context.AfterFunc(ctx, func() { _ = conn.Conn().SetDeadline(time.Unix(1, 0)) })
	defer unwatch()
	polling := context.WithoutCancel(ctx)
	for {
		sent := time.Now()
		result := conn.ExecPrepared(polling, "watch", nil, nil, nil).Read()
		if result.Err != nil {
			return
		}
		received := time.Now()
		o.add(connection, number(result), history.Read{Sent: o.clock.Moment(sent), Received: o.clock.Moment(received)})
	}
}

func number(result *pgconn.Result) int64 {
	if len(result.Rows) == 0 {
		return 0
	}
	value, err := strconv.ParseInt(string(result.Rows[0][0]), 10, 64)
	if err != nil {
		return 0
	}
	return value
}

func (o *Observer) add(connection int, value int64, read history.Read) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.open != nil && o.open.Value == value {
		o.open.Last = read
		return
	}
	o.endOpen()
	o.open = &history.Seen{Value: value, Connection: connection, First: read, Last: read}
}

func (o *Observer) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.endOpen()
}

func (o *Observer) endOpen() {
	if o.open != nil {
		o.ended = append(o.ended, *o.open)
		o.open = nil
	}
}
