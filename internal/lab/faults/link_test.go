package faults_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	gopsnet "github.com/shirou/gopsutil/v4/net"
)

// The ways between the exporter and the servers of a scene, and between the servers.
const (
	toPrimary   = "exporter to primary"
	toReplica   = "exporter to replica"
	replication = "replica to primary"
)

// breakage is what a link does to the data of a connection.
type breakage string

const (
	resets    breakage = "resets"    // ends the connection with a reset in place of the data
	truncates breakage = "truncates" // passes half of it and ends the connection
	delays    breakage = "delays"    // waits before it
	// swallows lets nothing through from then on, in both directions, and not
	// even the end of a connection: it stays open, and nothing ever arrives.
	swallows breakage = "swallows"
)

// direction is where data goes.
type direction int

const (
	toServer direction = iota
	toClient
)

// link is a proxy. toxiproxy is not used because connections that it breaks
// leave goroutines behind, and because it does not know PostgreSQL's messages.
type link struct {
	t        testing.TB
	Listen   string
	listener net.Listener
	running  sync.WaitGroup

	mu       sync.Mutex
	targets  []string // of new connections, in turn
	accepted int      // connections so far
	limit    int      // that may be open at once, 0 for no limit
	excess   int      // that were more
	messages bool     // breaks at a message, not at any data
	kind     breakage
	where    direction
	after    int // messages of a connection, in that direction, that pass
	delay    time.Duration
	longest  [2]int // messages that one connection had so far, by direction
	open     map[*linkConn]bool
}

// linkConn is one connection and the one that it is passed on to.
type linkConn struct {
	ends [2]*net.TCPConn // where each direction ends
	hole sync.Once
	dark chan struct{}  // closed when nothing passes any more
	over chan struct{}  // closed when the link hangs up
	gone sync.WaitGroup // what passes data on, and so keeps the connection open
	end  sync.Once
}

func newLink(t testing.TB, target string) *link {
	t.Helper()
	return newLinkAt(t, "127.0.0.1:0", target)
}

// newLinkAt makes a link that begins at a certain address.
func newLinkAt(t testing.TB, address, target string) *link {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	must(t, err)
	l := &link{t: t, Listen: listener.Addr().String(), listener: listener, targets: []string{target}, open: map[*linkConn]bool{}}
	l.running.Go(func() { l.accept(listener) })
	t.Cleanup(func() {
		_ = l.listener.Close() // It may be closed already.
		l.hangUp()
		l.running.Wait()
	})
	return l
}

func (l *link) accept(listener net.Listener) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", l.nextTarget())
		if err != nil {
			client.Close()
			continue
		}
		c := &linkConn{
			ends: [2]*net.TCPConn{server.(*net.TCPConn), client.(*net.TCPConn)},
			dark: make(chan struct{}), over: make(chan struct{}),
		}
		c.gone.Add(len(c.ends))
		l.admit(c)
		for where, from := range map[direction]net.Conn{toServer: client, toClient: server} {
			l.running.Go(func() { l.pass(c, where, from) })
		}
	}
}

// drop partitions the two sides: what is open stays open.
func (l *link) drop() { l.set(swallows, toServer, 0, false); l.darken() }

// dropAnswers lets the client's data through, but no answer.
func (l *link) dropAnswers() { l.set(swallows, toClient, 0, false) }

// slow delays what comes from the server.
func (l *link) slow(by time.Duration) {
	l.set(delays, toClient, 0, false)
	l.mu.Lock()
	l.delay = by
	l.mu.Unlock()
}

// breakAt breaks every connection at a message, or none when kind is "".
// Connections that are open end.
func (l *link) breakAt(kind breakage, where direction, after int) {
	l.set(kind, where, after, true)
	l.mu.Lock()
	l.delay, l.longest = 20*time.Millisecond, [2]int{}
	l.mu.Unlock()
	l.hangUp()
}

// mend makes the link whole again. All connections end: data is missing in them.
func (l *link) mend() {
	l.set("", 0, 0, false)
	l.hangUp()
}

// refuse makes the link refuse connections, as the host of a server that is gone does,
// until accept is called.
func (l *link) refuse() (accept func()) {
	l.t.Helper()
	must(l.t, l.listener.Close())
	l.hangUp()
	return func() {
		listener, err := net.Listen("tcp", l.Listen)
		must(l.t, err)
		l.listener = listener
		l.running.Go(func() { l.accept(listener) })
	}
}

// lead makes the link end at another address. Connections that are open end.
func (l *link) lead(target string) {
	l.leadNew(target)
	l.hangUp()
}

func (l *link) set(kind breakage, where direction, after int, messages bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kind, l.where, l.after, l.messages = kind, where, after, messages
}

func (l *link) darken() { l.forAll(func(c *linkConn) { c.hole.Do(func() { close(c.dark) }) }) }

// hangUp ends all connections, and returns when the other sides have been told: a
// connection that somebody reads is closed only when that has returned.
func (l *link) hangUp() {
	var all []*linkConn
	l.forAll(func(c *linkConn) {
		c.close()
		all = append(all, c)
	})
	for _, c := range all {
		c.gone.Wait()
	}
	waitFor(l.t, "the clients' sockets know of the end", func() bool { return !knowsNothing(l.t, all) })
}

// knowsNothing says whether a client's socket, of this process, is still open at both
// ends as far as its kernel knows: on a busy machine the news takes a while. A socket is known by
// both its addresses: a connection to elsewhere may have the same port of its own.
func knowsNothing(t testing.TB, ended []*linkConn) bool {
	sockets, err := gopsnet.ConnectionsPid("tcp", int32(os.Getpid())) //nolint:gosec // A process number.
	must(t, err)
	address := func(a gopsnet.Addr) string { return net.JoinHostPort(a.IP, fmt.Sprint(a.Port)) }
	type ends struct{ client, link string }
	open := map[ends]bool{}
	for _, socket := range sockets {
		if socket.Status == "ESTABLISHED" {
			open[ends{address(socket.Laddr), address(socket.Raddr)}] = true
		}
	}
	return slices.ContainsFunc(ended, func(c *linkConn) bool {
		there := c.ends[toClient]
		return open[ends{there.RemoteAddr().String(), there.LocalAddr().String()}]
	})
}

func (l *link) forAll(do func(*linkConn)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.open {
		do(c)
	}
}

func (c *linkConn) close() {
	c.end.Do(func() {
		close(c.over)
		c.ends[toServer].Close()
		c.ends[toClient].Close()
	})
}

// counted returns how many messages a connection had at most since breakAt.
func (l *link) counted(where direction) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.longest[where]
}

// pass forwards one direction of a connection.
func (l *link) pass(c *linkConn, where direction, from io.Reader) {
	defer func() {
		select {
		case <-c.dark:
			<-c.over // The other side is not told.
		default:
		}
		c.close()
		l.mu.Lock()
		delete(l.open, c)
		l.mu.Unlock()
		c.gone.Done()
	}()
	for n := 0; ; n++ {
		data, err := l.read(from, where == toServer && n == 0)
		if err != nil {
			return
		}
		kind, delay := l.verdict(where, n)
		if !c.deliver(kind, where, data, delay) {
			return
		}
	}
}

// read returns the next message, or what data there is.
func (l *link) read(from io.Reader, first bool) ([]byte, error) {
	l.mu.Lock()
	messages := l.messages
	l.mu.Unlock()
	if messages {
		return readMessage(from, first)
	}
	data := make([]byte, 1<<16)
	n, err := from.Read(data)
	return data[:n], err
}

// verdict notes the n-th data of a connection and says what is to happen to it.
func (l *link) verdict(where direction, n int) (breakage, time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.longest[where] = max(l.longest[where], n+1)
	if l.where == where && (!l.messages || l.after == n) {
		return l.kind, l.delay
	}
	return "", 0
}

// deliver passes data on, or does what breaks it; false ends the connection.
func (c *linkConn) deliver(kind breakage, where direction, data []byte, delay time.Duration) bool {
	select {
	case <-c.dark:
		return true
	default:
	}
	switch kind {
	case resets:
		_ = c.ends[toServer].SetLinger(0)
		_ = c.ends[toClient].SetLinger(0)
		return false
	case truncates:
		_, _ = c.ends[where].Write(data[:len(data)/2])
		return false
	case swallows:
		c.hole.Do(func() { close(c.dark) })
		return true
	case delays:
		time.Sleep(delay)
	}
	_, err := c.ends[where].Write(data)
	return err == nil
}

// readMessage reads one message of PostgreSQL's protocol: a type, except in the
// first of a client, and a length that includes itself.
func readMessage(from io.Reader, untyped bool) ([]byte, error) {
	header := 5
	if untyped {
		header = 4
	}
	message := make([]byte, header)
	if _, err := io.ReadFull(from, message); err != nil {
		return nil, err
	}
	length := int(binary.BigEndian.Uint32(message[header-4:]))
	message = append(message, make([]byte, length-4)...)
	_, err := io.ReadFull(from, message[header:])
	return message, err
}
