//go:build unix

package simulate

import (
	"bytes"
	"net"
	"sync"
	"time"
)

// wire is a connection as its server has it: it swallows what comes while the server hangs,
// and has answers of a far server leave later.
type wire struct {
	conn   net.Conn
	server *Server
	stuck  bool // the server's lock guards it
	// received is when the newest message came.
	received time.Time

	closing sync.Once
	closed  chan struct{}

	mu   sync.Mutex
	late []answer
}

// answer is what leaves at a moment.
type answer struct {
	data []byte
	due  time.Time
}

func newWire(conn net.Conn, server *Server) *wire {
	return &wire{conn: conn, server: server, closed: make(chan struct{})}
}

func (w *wire) close() {
	w.closing.Do(func() {
		close(w.closed)
		_ = w.conn.Close() // Nobody is told.
	})
}

// Read waits for a message of which the server takes notice.
func (w *wire) Read(p []byte) (int, error) {
	for {
		n, err := w.conn.Read(p)
		if err != nil || !w.server.swallows(w) {
			w.received = time.Now()
			return n, err
		}
	}
}

// Write sends an answer to what was received last. What a far server answers is on its way
// together, however often it is written: a client that sent all at once waits once.
func (w *wire) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	far := time.Duration(w.server.roundTrip.Load())
	if far == 0 && len(w.late) == 0 {
		return w.conn.Write(p)
	}
	w.late = append(w.late, answer{bytes.Clone(p), w.received.Add(far)})
	if len(w.late) == 1 {
		w.server.fleet.running.Go(w.deliver)
	}
	return len(p), nil
}

// deliver sends what is late until nothing is.
func (w *wire) deliver() {
	for more := true; more; {
		w.mu.Lock()
		next := w.late[0]
		w.mu.Unlock()
		select {
		case <-time.After(time.Until(next.due)):
		case <-w.closed:
			return
		}
		if _, err := w.conn.Write(next.data); err != nil {
			w.close()
			return
		}
		w.mu.Lock()
		w.late = w.late[1:]
		more = len(w.late) > 0
		w.mu.Unlock()
	}
}
