package pgnode

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// stuckConn is a connection on which, once stuck, no write ends before release
// is closed, whatever its deadline: the worst that a peer can do.
type stuckConn struct {
	net.Conn
	stuck   *atomic.Bool
	release <-chan struct{}
}

func (c *stuckConn) Write(b []byte) (int, error) {
	if c.stuck.Load() {
		<-c.release
	}
	return c.Conn.Write(b)
}

// TestNothingWaitsForTheEndOfAConnection ends sessions on a connection that never
// gets its good-bye out. Whoever asks the node meanwhile must get an answer.
func TestNothingWaitsForTheEndOfAConnection(t *testing.T) {
	d := newStage(t).database(t)
	must(t, d.setup())
	node, err := New(d.server.DSN(d.role, rolePassword, d.name), Options{Section: DefaultSection, StatementTimeout: 5 * time.Second})
	must(t, err)
	stuck, release := new(atomic.Bool), make(chan struct{})
	node.read = func(dsn string) (connection, error) {
		to, err := readDSN(dsn)
		dial := to.config.DialFunc
		to.config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			return &stuckConn{conn, stuck, release}, err
		}
		return to, err
	}
	node.pooled.Store(true) // As if a direct session could not be had.
	must(t, node.Connect(t.Context()))
	stuck.Store(true)
	answer := make(chan int, 1)
	go func() {
		node.keeper.mu.Lock()
		defer node.keeper.mu.Unlock()
		node.keeper.retireLocked(node.keeper.session)
		answer <- node.keeper.closing
	}()
	select {
	case closing := <-answer:
		if closing != 1 || node.Connected() {
			t.Errorf("connected: %v; %d connections are being closed, want 1", node.Connected(), closing)
		}
	case <-time.After(time.Minute): // It only guards against hanging.
		t.Error("the node does not answer while its connection is being closed")
	}
	close(release)
	must(t, node.Close(t.Context()))
}

// TestLentSessionIsKeptForTheProbe: a probe whose primary is slow to commit comes late to the
// reads, and finds the replica's connection there.
func TestLentSessionIsKeptForTheProbe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newRandomServer(t, 1)
		k := newKeeper(&keeper{open: server.openSession, fresh: true, probeTime: 5 * time.Second})
		_, _ = k.ready(), k.prepare()
		must(t, k.connect(t.Context()))
		time.Sleep(lentIdle + time.Second)
		s, err := k.borrow(t.Context())
		must(t, err)
		k.release(s, true, nil)
		time.Sleep(lentIdle + time.Millisecond)
		if k.current() != nil {
			t.Error("it was used, and is still there")
		}
		_, _ = k.ready(), k.prepare()
		must(t, k.connect(t.Context()))
		time.Sleep(5*time.Second + time.Millisecond)
		if k.current() != nil {
			t.Error("the probe did not use it, and it is still there")
		}
		must(t, k.close(t.Context()))
	})
}

// TestRenewalIsNoOtherConnection: a node has been connected since before the renewal, unless
// that led to another server.
func TestRenewalIsNoOtherConnection(t *testing.T) {
	t.Parallel()
	now := time.Now()
	first, other := verdict.Server{System: 1, Started: now}, verdict.Server{System: 1, Started: now.Add(time.Hour)}
	for _, test := range []struct {
		situation string
		before    verdict.Server
		after     verdict.Server
		goesOn    bool
	}{
		{"the same server", first, first, true},
		{"another server", first, other, false},
		{"servers that do not tell who they are", verdict.Server{}, verdict.Server{}, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			server := newRandomServer(t, 1)
			identities := []verdict.Server{test.before, test.after}
			k := newKeeper(&keeper{lifetime: time.Minute, open: func(ctx context.Context) (*session, []<-chan struct{}, error) {
				s, givenUp, err := server.openSession(ctx)
				s.identity, identities = identities[0], identities[1:]
				return s, givenUp, err
			}})
			_ = k.ready()
			must(t, k.connect(t.Context()))
			old := k.current()
			k.lookedUp = time.Now() // There is no name.
			time.Sleep(80 * time.Second)
			synctest.Wait()
			if open, most := server.connections(); open != 1 || most != 2 {
				t.Errorf("%s: %d connections are open after the renewal, and were %d at the most", test.situation, open, most)
			}
			switch s := k.current(); {
			case s == old:
				t.Errorf("%s: it was not renewed", test.situation)
			case s.since.Equal(old.since) != test.goesOn:
				t.Errorf("%s: connected since %v, before since %v", test.situation, s.since, old.since)
			}
			must(t, k.close(t.Context()))
		})
	}
}
