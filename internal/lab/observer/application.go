package observer

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
)

const (
	// WriteInterval is how often an application writes.
	WriteInterval = 20 * time.Millisecond
	// connectTimeout is how long it waits for a connection.
	connectTimeout = 2 * time.Second
)

// The application's table has one row.
const (
	// ApplicationTable creates it.
	ApplicationTable = "CREATE TABLE IF NOT EXISTS application AS SELECT 0::bigint AS number"
	// ApplicationSQL reads what was written last.
	ApplicationSQL = "SELECT number FROM application"

	applicationWrite = "UPDATE application SET number = $1"
)

// Application writes to a table of its own, on whichever of its servers takes writes,
// over a connection of its own: one number higher each time.
type Application struct {
	clock history.Clock
	dsn   string
	conn  *pgconn.PgConn // nil where it broke
	stop  context.CancelFunc
	done  chan struct{}

	mu     sync.Mutex
	writes []Write
}

// Write is a write of an application.
type Write struct {
	Number int64
	// Sent is when it left, or would have if there had been a connection, and Answered when
	// it was acknowledged or had failed: [history.Never] while neither is so.
	Sent, Answered history.Moment
	// Failed is true where it was not acknowledged.
	Failed bool
}

// StartApplication starts one, whose first write is acknowledged when it returns. The connection string leads to all
// servers that may come to take writes; the one that does has to have the table already.
func StartApplication(ctx context.Context, clock history.Clock, dsn string) (*Application, error) {
	conn, err := connectTo(ctx, dsn)
	if err != nil {
		return nil, err
	}
	last := conn.ExecParams(ctx, ApplicationSQL, nil, nil, nil, nil).Read()
	if last.Err != nil {
		_ = conn.Close(ctx) // The error tells more.
		return nil, fmt.Errorf("the application's table: %w", last.Err)
	}
	running, stop := context.WithCancel(ctx)
	a := &Application{clock: clock, dsn: dsn, conn: conn, stop: stop, done: make(chan struct{})}
	if err := a.write(ctx, number(last)+1); err != nil {
		stop()
		return nil, fmt.Errorf("the application's first write: %w", err)
	}
	go func() {
		defer close(a.done)
		a.run(running)
	}()
	return a, nil
}

// Stop ends it.
func (a *Application) Stop() {
	a.stop()
	<-a.done
}

// Writes returns those that were answered so far, in their order.
func (a *Application) Writes() []Write {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(a.writes), func(w Write) bool { return w.Answered == history.Never })
}

// run writes until ctx ends.
func (a *Application) run(ctx context.Context) {
	for {
		last := a.last()
		select {
		case <-ctx.Done():
			if a.conn != nil {
				_ = a.conn.Close(context.WithoutCancel(ctx)) // It may be broken.
			}
			return
		case <-time.After(WriteInterval - time.Since(a.clock.Began.Add(time.Duration(last.Sent)))):
			_ = a.write(ctx, last.Number+1) // It is among the writes.
		}
	}
}

// write makes one write. One that fails ends the connection, and the next one makes another.
func (a *Application) write(ctx context.Context, number int64) (err error) {
	a.mu.Lock()
	a.writes = append(a.writes, Write{Number: number, Sent: a.clock.Moment(time.Now()), Answered: history.Never})
	a.mu.Unlock()
	if a.conn == nil {
		a.conn, err = connectTo(ctx, a.dsn)
	}
	if err == nil {
		value := [][]byte{strconv.AppendInt(nil, number, 10)}
		err = a.conn.ExecParams(ctx, applicationWrite, value, nil, nil, nil).Read().Err
	}
	answered := a.clock.Moment(time.Now())
	if err != nil && a.conn != nil {
		_ = a.conn.Close(context.WithoutCancel(ctx)) // It may be broken.
		a.conn = nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if ctx.Err() == nil { // What was interrupted has no answer.
		last := &a.writes[len(a.writes)-1]
		last.Answered, last.Failed = answered, err != nil
	}
	return err
}

func (a *Application) last() Write {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.writes[len(a.writes)-1]
}

func connectTo(ctx context.Context, dsn string) (*pgconn.PgConn, error) {
	bounded, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	return pgconn.Connect(bounded, dsn)
}
