package faults_test

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"time"
)

// silentFaults are those of a server, or a host, that says nothing any more.
func silentFaults() []fault {
	hanging := &hangingServer{}
	impatient := func(l *layout) {
		l.links = true
		l.more = func(_ *scene, c *pairConfig) { c.replicaDSN += "&connect_timeout=1" }
	}
	const name, answering, silent = "silent.canary.test", "127.0.0.2", "127.0.0.3"
	const timeout = "up 1, primaries 1, primary up, replica unreachable (timeout)"
	back := func(s *scene) { s.links[toReplica].lead(s.replica.Addr()) }
	return []fault{
		{
			name: "server that hangs after the login in the replica's place",
			with: impatient,
			hit: func(s *scene) {
				*hanging = hangingServer{}
				s.links[toReplica].lead(listen(s.t, hanging.serve))
			},
			publishes: timeout,
			within:    10,
			because:   "when the attempt to connect is given up",
			heal: func(s *scene) {
				s.scrapeUntil("more connections were made than may be open", func(samples) bool {
					all, most := hanging.counts()
					if most > mostSessions {
						s.t.Fatalf("%d sessions at once, want at most %d", most, mostSessions)
					}
					return all > 2*mostSessions
				})
				back(s)
			},
			alerts: "PgCanaryReplicaUnreachable",
		},
		{
			name: "host that accepts and says nothing in the replica's place",
			with: impatient,
			hit: func(s *scene) {
				s.links[toReplica].lead(listen(s.t, func(conn net.Conn) error { return saysNothing(conn.(*net.TCPConn)) }))
			},
			publishes: timeout,
			within:    10,
			because:   "when the attempt to connect is given up",
			heal:      back,
			alerts:    "PgCanaryReplicaUnreachable",
		},
		{
			name: "host that does not answer in the replica's place",
			with: func(l *layout) {
				l.more = func(s *scene, c *pairConfig) {
					s.links[toReplica] = newLinkAt(s.t, answering+":0", s.replica.Addr())
					_, port, err := net.SplitHostPort(s.links[toReplica].Listen)
					must(s.t, err)
					listenFull(s.t, net.JoinHostPort(silent, port))
					names.set(name, answering)
					c.replicaDSN = through(s.replica, net.JoinHostPort(name, port)) + "&connect_timeout=1"
				}
			},
			hit:       func(s *scene) { names.set(name, silent); s.links[toReplica].hangUp() },
			publishes: timeout,
			within:    10,
			because:   "when the attempt to connect is given up",
			heal:      func(*scene) { names.set(name, answering) },
			alerts:    "PgCanaryReplicaUnreachable",
		},
	}
}

// mostSessions is how many the exporter may have on a node at once.
const mostSessions = 2

// hangingServer lets everybody in and says nothing from then on.
type hangingServer struct {
	mu              sync.Mutex
	open, all, most int
}

// cancelRequest is what a client sends to end a query, in place of the protocol's version.
const cancelRequest = 80877102

func (h *hangingServer) serve(conn net.Conn) error {
	_ = conn.SetDeadline(time.Time{})
	message, err := readMessage(conn, true)
	if err != nil {
		return err
	}
	if binary.BigEndian.Uint32(message[4:]) == cancelRequest {
		return saysNothing(conn.(*net.TCPConn))
	}
	// The end of an earlier one may not have been read yet.
	for end := time.Now().Add(admitTime); h.opened() >= mostSessions && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	h.count(1)
	defer h.count(-1)
	welcome := "R\x00\x00\x00\x08\x00\x00\x00\x00" + // AuthenticationOk
		"K\x00\x00\x00\x0c\x00\x00\x00\x01\x00\x00\x00\x01" + // BackendKeyData
		"Z\x00\x00\x00\x05I" // ReadyForQuery
	if _, err := io.WriteString(conn, welcome); err != nil {
		return err
	}
	return saysNothing(conn.(*net.TCPConn))
}

func (h *hangingServer) opened() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.open
}

func (h *hangingServer) count(more int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open += more
	h.all += max(more, 0)
	h.most = max(h.most, h.open)
}

// counts returns how many sessions there were, and how many at once.
func (h *hangingServer) counts() (all, most int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.all, h.most
}

// listenFull listens where no connection is accepted any more, so that the kernel does not
// answer another one: what a host that is gone looks like.
func listenFull(t testing.TB, address string) {
	t.Helper()
	to, err := netip.ParseAddrPort(address)
	must(t, err)
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	must(t, err)
	t.Cleanup(func() { _ = syscall.Close(socket) })
	must(t, syscall.Bind(socket, &syscall.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}))
	must(t, syscall.Listen(socket, 0))
	for range 1000 {
		conn, err := net.DialTimeout("tcp", address, 200*time.Millisecond)
		if err != nil {
			return
		}
		t.Cleanup(func() { conn.Close() })
	}
	t.Fatal("the kernel goes on to accept connections")
}
