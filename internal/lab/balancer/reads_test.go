//go:build unix

package balancer

import (
	"context"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// stream is a row that is written on the primary every few milliseconds, and read through a balancer by many. All is
// timed by the test's own clock.
type stream struct {
	t    *testing.T
	end  context.CancelFunc
	done sync.WaitGroup

	mu           sync.Mutex
	acknowledged []time.Time // of the values, from 1 on
	reads        []seen
	failed       int
}

// seen is what a client got.
type seen struct {
	sent time.Time
	port int // of the server
	n    int
}

// startStream writes to one address, and reads at another.
func startStream(t *testing.T, writes, reads string, before func(context.Context) error) *stream {
	t.Helper()
	must(t, before(t.Context()))
	ctx, end := context.WithCancel(context.WithoutCancel(t.Context()))
	s := &stream{t: t, end: end}
	s.done.Go(func() { s.write(ctx, writes) })
	for i := range 6 {
		s.done.Go(func() { s.read(ctx, reads, i%3 == 0) })
	}
	t.Cleanup(s.stop)
	return s
}

func (s *stream) stop() {
	s.end()
	s.done.Wait()
}

func (s *stream) write(ctx context.Context, dsn string) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		s.t.Errorf("the writer: %v", err)
		return
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // It has written what it had to.
	for ctx.Err() == nil {
		if _, err := conn.Exec(ctx, "UPDATE stream SET n = n + 1"); err != nil {
			return
		}
		s.mu.Lock()
		s.acknowledged = append(s.acknowledged, time.Now())
		s.mu.Unlock()
		time.Sleep(5 * time.Millisecond)
	}
}

// read reads over one connection for as long as it lasts, or over a new one each time.
func (s *stream) read(ctx context.Context, dsn string, anew bool) {
	for ctx.Err() == nil {
		if !s.readOver(ctx, dsn, anew) {
			s.mu.Lock()
			s.failed++
			s.mu.Unlock()
			time.Sleep(10 * time.Millisecond)
		}
	}
}

func (s *stream) readOver(ctx context.Context, dsn string, once bool) bool {
	bounded, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return false
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol // As a pooler likes it.
	conn, err := pgx.ConnectConfig(bounded, config)
	if err != nil {
		return false
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // A balancer may have ended it.
	for ctx.Err() == nil {
		r := seen{sent: time.Now()}
		if err := conn.QueryRow(ctx, "SELECT n, current_setting('port')::int FROM stream").Scan(&r.n, &r.port); err != nil {
			return false
		}
		s.mu.Lock()
		s.reads = append(s.reads, r)
		s.mu.Unlock()
		if once {
			return true
		}
		time.Sleep(5 * time.Millisecond)
	}
	return true
}

// came returns how many reads there were.
func (s *stream) came() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.reads)
}

// stale returns how long ago the first value was acknowledged, when the read was sent, that it did not show.
func (s *stream) stale(r seen) time.Duration {
	if r.n >= len(s.acknowledged) {
		return 0
	}
	return max(r.sent.Sub(s.acknowledged[r.n]), 0)
}

// through returns a connection string with another address.
func through(t *testing.T, dsn, address string) string {
	t.Helper()
	config, err := pgx.ParseConfig(dsn)
	must(t, err)
	host, port, err := net.SplitHostPort(address)
	must(t, err)
	number, err := strconv.Atoi(port)
	must(t, err)
	return "host=" + host + " port=" + strconv.Itoa(number) + " user=" + config.User + " password='" + config.Password + "' dbname=" + config.Database + " sslmode=disable"
}
