package pgnode

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// randomServer is what a keeper connects to: pipes whose other end takes what comes, says
// nothing, breaks or hangs as chance has it, and counts how many there are.
type randomServer struct {
	chance *rand.Rand
	config *pgconn.Config
	pooled bool
	slow   int // An attempt takes up to so many milliseconds.

	mu     sync.Mutex
	health int
	open   int
	most   int
	byes   int // connections that ended with a good-bye
	last   *randomLink
}

// What becomes of an attempt to connect.
const (
	healthy = iota
	refusing
	silent
	givesUp // as when a direct session cannot be had
)

func newRandomServer(t *testing.T, seed uint64) *randomServer {
	t.Helper()
	config, err := pgconn.ParseConfig("host=server user=u dbname=d")
	must(t, err)
	config.DialFunc = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no cancel requests") }
	return &randomServer{chance: rand.New(rand.NewPCG(seed, 11)), config: config, slow: 100}
}

// randomLink is the client's end of a connection.
type randomLink struct {
	net.Conn
	server *randomServer
	far    net.Conn
	hung   chan struct{}
	once   sync.Once
}

func (l *randomLink) Close() error {
	l.once.Do(func() { l.server.count(-1) })
	return l.Conn.Close()
}

// hang has the other end take nothing any more.
func (l *randomLink) hang() { close(l.hung) }

func (s *randomServer) count(more int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open += more
	s.most = max(s.most, s.open)
}

// connections returns how many there are, and the most that there were.
func (s *randomServer) connections() (open, most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open, s.most
}

func (s *randomServer) set(health int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.health = health
}

func (s *randomServer) draw(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.chance.IntN(n)
}

func (s *randomServer) openSession(ctx context.Context) (*session, []<-chan struct{}, error) {
	s.count(1) // An attempt is a connection.
	s.mu.Lock()
	health := s.health
	s.mu.Unlock()
	if !sleepFor(ctx, time.Duration(s.draw(s.slow))*time.Millisecond) {
		s.count(-1)
		return nil, nil, ctx.Err()
	}
	switch health {
	case refusing:
		s.count(-1)
		return nil, nil, errors.New("refused")
	case silent:
		sleepFor(ctx, connectTimeout)
		s.count(-1)
		return nil, nil, context.DeadlineExceeded
	case givesUp:
		gone := make(chan struct{})
		pause := time.Duration(s.draw(15_000)) * time.Millisecond
		time.AfterFunc(pause, func() { s.count(-1); close(gone) })
		return nil, []<-chan struct{}{gone}, errors.New("given up")
	}
	near, far := net.Pipe()
	link := &randomLink{Conn: near, server: s, far: far, hung: make(chan struct{})}
	go func() {
		buffer := make([]byte, 64)
		for {
			select {
			case <-link.hung:
				return // It is read no more.
			default:
			}
			n, err := far.Read(buffer)
			if err != nil {
				return
			}
			if n > 0 && buffer[0] == 'X' {
				s.mu.Lock()
				s.byes++
				s.mu.Unlock()
			}
		}
	}()
	conn, err := pgconn.Construct(&pgconn.HijackedConn{Conn: link, Config: s.config, TxStatus: 'I'})
	if err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	s.last = link
	s.mu.Unlock()
	now := time.Now()
	return &session{conn: conn, pooled: s.pooled, opened: now, took: time.Second, identity: verdict.Server{System: 1, Started: now}}, nil, nil
}

func sleepFor(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// TestKeeperInAnyOrder has a keeper live through what may happen, in an order that chance
// makes. It never has more than two connections, is connected again when the server is
// well, renews what is old, and leaves nothing behind.
func TestKeeperInAnyOrder(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { liveAtRandom(t, seed) }) })
	}
}

func liveAtRandom(t *testing.T, seed uint64) {
	server := newRandomServer(t, seed)
	server.pooled, server.slow = seed%4 == 1, 3000
	k := newKeeper(&keeper{
		open: server.openSession, fresh: seed%4 == 2, lifetime: 20 * time.Second,
		elsewhere: func(context.Context, *session) bool { return server.draw(5) == 0 },
	})
	dials := NewDials(1, 5)
	if seed%2 == 1 {
		k.dials = dials
	}
	if seed%3 == 1 {
		k.rest = 20 * time.Second
	}
	for range 200 {
		server.happen(k)
		probeAtRandom(server, k)
		time.Sleep(time.Duration(server.draw(3000)) * time.Millisecond)
	}
	server.set(healthy)
	time.Sleep(time.Minute)         // What hangs is gone by then, and what was begun has ended.
	const oldest = 35 * time.Second // A quarter more than its lifetime, an attempt, and the next probe.
	for second := range 120 {
		if err := probeHere(server, k, false); err != nil {
			t.Errorf("the server is well: %v", err)
		}
		// The first ones may have been made long ago, with failed renewals since.
		if s := k.current(); s != nil && second > 60 && time.Since(s.opened) > oldest {
			k.mu.Lock()
			do, next := k.condition().plan()
			t.Errorf("a session is %v old; action %v is due at %v: %+v", time.Since(s.opened), do, next, k.condition())
			k.mu.Unlock()
		}
		time.Sleep(time.Second)
	}
	must(t, k.close(t.Context()))
	if open, most := server.connections(); open != 0 || most > maxConnections {
		t.Errorf("%d connections are left, and there were %d at once", open, most)
	}
	if is := dials.Counts(); is.UnderWay+is.Waiting != 0 {
		t.Errorf("there are attempts left: %+v", is)
	}
}

// happen is something that happens to a server, or a connection.
func (s *randomServer) happen(k *keeper) {
	s.mu.Lock()
	link := s.last
	s.mu.Unlock()
	switch what := s.draw(12); what {
	case refusing, silent, givesUp:
		s.set(what)
	case 8, 9:
		if link != nil {
			_ = link.far.Close()
		}
	case 10:
		if link != nil {
			s.mu.Lock()
			s.last = nil
			s.mu.Unlock()
			link.hang()
		}
	case 11:
		k.renew()
	default:
		s.set(healthy)
	}
}

func probeAtRandom(s *randomServer, k *keeper) {
	if s.draw(10) == 0 {
		time.Sleep(time.Duration(s.draw(60)) * time.Second)
		return
	}
	_ = probeHere(s, k, true)
}

// probeHere does with a keeper what a probe does.
func probeHere(s *randomServer, k *keeper, trouble bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if !k.ready() {
		k.prepare()
		if err := k.connect(ctx); err != nil {
			return err
		}
	}
	for range 1 + s.draw(3) {
		session, err := k.borrow(ctx)
		if err != nil {
			return err
		}
		session.roleChanged = trouble && s.draw(20) == 0
		time.Sleep(time.Duration(s.draw(50)) * time.Millisecond)
		if trouble && s.draw(8) == 0 { // Nobody answers.
			bounded, stop := context.WithTimeout(ctx, time.Second)
			_, err = session.conn.Exec(bounded, "SELECT").ReadAll()
			stop()
		}
		k.release(session, !session.conn.IsClosed(), err)
	}
	return nil
}

// TestRenewedSessionIsTakenWhenTheOldOneBreaks: a write that is made again does not wait for
// a third connection.
func TestRenewedSessionIsTakenWhenTheOldOneBreaks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newRandomServer(t, 1)
		k := newKeeper(&keeper{open: server.openSession, elsewhere: func(context.Context, *session) bool { return false }})
		_ = k.ready()
		must(t, k.connect(t.Context()))
		old, err := k.borrow(t.Context())
		must(t, err)
		k.mu.Lock()
		old.expires = time.Now()
		k.scheduleLocked()
		k.mu.Unlock()
		time.Sleep(5 * time.Second) // The renewed one is ready.
		server.set(silent)
		k.release(old, false, net.ErrClosed)
		must(t, k.connect(t.Context()))
		if s := k.current(); s == nil || s == old || !s.since.Equal(s.opened) {
			t.Errorf("the session is %+v, and the old one was %p", s, old)
		}
		time.Sleep(time.Minute)
		if open, _ := server.connections(); open != 1 {
			t.Errorf("%d connections, want 1", open)
		}
		must(t, k.close(t.Context()))
	})
}
