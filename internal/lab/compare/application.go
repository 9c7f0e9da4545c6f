//go:build unix

package compare

import (
	"context"
	"sort"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/observer"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// writePause is how long the application rests between two of its writes.
const writePause = 20 * time.Millisecond

const readSQL = "SELECT number FROM application"

// application writes numbers to the primary and reads them from the replica:
// what it gets is the truth.
type application struct {
	clock    history.Clock
	conn     *pgx.Conn
	watching *observer.Observer
	seen     history.Sightings

	mu           sync.Mutex
	acknowledged []history.Moment // of number 1, 2, …
}

func newApplication(ctx context.Context, primary, replica *pgcluster.Server) (*application, error) {
	if err := primary.Exec(ctx, "CREATE TABLE application AS SELECT 0::bigint AS number"); err != nil {
		return nil, err
	}
	if err := replica.WaitCaughtUp(ctx); err != nil {
		return nil, err
	}
	conn, err := pgx.Connect(ctx, primary.SuperDSN())
	if err != nil {
		return nil, err
	}
	clock := history.Clock{Began: time.Now()}
	return &application{clock: clock, conn: conn, watching: observer.Start(ctx, clock, replica.SuperDSN(), readSQL)}, nil
}

// write writes until ctx ends.
func (a *application) write(ctx context.Context) error {
	for lab.Sleep(ctx, writePause) == nil {
		// An interrupted write would leave the connection broken.
		if _, err := a.conn.Exec(context.WithoutCancel(ctx), "UPDATE application SET number = $1", a.written()+1); err != nil {
			return err
		}
		a.mu.Lock()
		a.acknowledged = append(a.acknowledged, a.clock.Moment(time.Now()))
		a.mu.Unlock()
	}
	return nil
}

func (a *application) written() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return int64(len(a.acknowledged))
}

// waiting returns how long the oldest acknowledged number that the replica did
// not show at a moment had been waiting then, 0 when it showed all: the middle
// of what the reads around that moment leave.
func (a *application) waiting(ctx context.Context, at history.Moment) (time.Duration, error) {
	for {
		a.seen = append(a.seen, a.watching.Take()...)
		all := a.seen
		if open, ok := a.watching.Open(); ok {
			all = append(all[:len(all):len(all)], open)
		}
		if oldest, newest, known := all.ShownAt(at); known {
			return (a.since(oldest, at) + a.since(newest, at)) / 2, nil
		}
		if err := lab.Sleep(ctx, time.Millisecond); err != nil {
			return 0, err
		}
	}
}

func (a *application) since(shown int64, at history.Moment) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	later := a.acknowledged[min(shown, int64(len(a.acknowledged))):]
	if i := sort.Search(len(later), func(i int) bool { return later[i] >= at }); i == 0 {
		return 0
	}
	return time.Duration(at - later[0])
}

// caughtUp waits until the replica shows all numbers.
func (a *application) caughtUp(ctx context.Context) error {
	for a.watching.Current() < a.written() {
		if err := lab.Sleep(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

func (a *application) close(ctx context.Context) {
	a.watching.Stop()
	_ = a.conn.Close(ctx) // The servers end anyway.
}
