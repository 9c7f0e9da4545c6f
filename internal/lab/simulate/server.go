//go:build unix

package simulate

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Mode is how a server behaves.
type Mode int

const (
	// Normal answers.
	Normal Mode = iota
	// Hung accepts connections, takes what is sent, and never answers, as a server that was
	// stopped. What it took it answers at no time: when the mode ends, such a connection is closed.
	Hung
	// Refusing has its listener closed, and serves the connections that there are.
	Refusing
	// Gone has its listener and its connections closed. What comes back has started anew.
	Gone
)

// Server is one simulated server.
type Server struct {
	fleet      *Fleet
	cluster    *Cluster
	inRecovery bool
	// roundTrip is how long after a message its answer leaves, and replay how long after a commit
	// a replica shows it: nanoseconds.
	roundTrip, replay atomic.Int64
	// shown is the newest of the cluster's commits, and reached when each value was; its lock guards both.
	shown   int
	reached moments
	dials   atomic.Int64

	mu       sync.Mutex
	mode     Mode
	address  string
	listener net.Listener
	conns    map[*wire]struct{}
	started  time.Time
}

// DSN returns the exporter's connection string.
func (s *Server) DSN() string {
	host, port, _ := net.SplitHostPort(s.Address()) // It was listened on.
	return fmt.Sprintf("host=%s port=%s user=%s dbname=%s sslmode=disable", host, port, Role, Database)
}

// Address returns the host and port.
func (s *Server) Address() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.address
}

// Dials returns how many connections were made to it.
func (s *Server) Dials() int { return int(s.dials.Load()) }

// Sessions returns how many connections there are to it.
func (s *Server) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// SetRoundTrip makes the server far: each answer comes so much later. The network's own part of making a
// connection stays as it is.
func (s *Server) SetRoundTrip(d time.Duration) { s.roundTrip.Store(int64(d)) }

// SetReplay makes a replica show each commit so long after it was made.
func (s *Server) SetReplay(d time.Duration) { s.replay.Store(int64(d)) }

// Set makes the server behave as a mode says, from now on. The error is that of its listener.
func (s *Server) Set(mode Mode) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started.IsZero() || s.mode == Gone && mode != Gone {
		s.started = time.Now().Truncate(time.Microsecond)
	}
	for w := range s.conns {
		if mode == Gone || s.mode == Hung && mode != Hung && w.stuck {
			w.close()
		}
	}
	s.mode = mode
	switch listens := mode == Normal || mode == Hung; {
	case listens && s.listener == nil:
		return s.listenLocked()
	case !listens && s.listener != nil:
		listener := s.listener
		s.listener = nil
		return listener.Close()
	default:
		return nil
	}
}

func (s *Server) listenLocked() error {
	listener, err := net.Listen("tcp", s.address) //nolint:noctx // It does not wait.
	if err != nil {
		return fmt.Errorf("a simulated server cannot listen: %w", err)
	}
	s.listener, s.address = listener, listener.Addr().String()
	s.fleet.running.Go(func() { s.accept(listener) })
	return nil
}

// accept takes connections until the listener is closed.
func (s *Server) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			time.Sleep(time.Millisecond) // Too many files are open, say.
			continue
		}
		w := newWire(conn, s)
		if !s.adopt(w, listener) {
			w.close()
			continue
		}
		s.fleet.running.Go(func() {
			defer s.leave(w)
			newSession(s, w).serve()
		})
	}
}

// adopt counts a connection as the server's, unless it is gone by now.
func (s *Server) adopt(w *wire, listener net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != listener {
		return false
	}
	s.conns[w] = struct{}{}
	s.dials.Add(1)
	s.fleet.counts.opened()
	return true
}

func (s *Server) leave(w *wire) {
	w.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, w)
	s.fleet.counts.note(func(c *Counts) { c.Open-- })
}

// swallows says whether what a connection just received is never answered, from now on.
func (s *Server) swallows(w *wire) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.stuck = w.stuck || s.mode == Hung
	return w.stuck
}

// now is when the server takes notice of what a client just sent: half a round trip later.
func (s *Server) now() time.Time { return time.Now().Add(time.Duration(s.roundTrip.Load()) / 2) }

// since returns when the server started.
func (s *Server) since() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.started
}
