//go:build unix

package pgcluster_test

import (
	"io"
	"net"
	"sync"
	"testing"
)

// forwarder is a TCP proxy whose link can be cut and mended.
type forwarder struct {
	addr, target string

	mu       sync.Mutex
	listener net.Listener
	open     map[net.Conn]bool
}

func newForwarder(t *testing.T, target string) *forwarder {
	t.Helper()
	f := &forwarder{addr: "127.0.0.1:0", target: target}
	f.mend(t)
	t.Cleanup(f.cut)
	return f
}

func (f *forwarder) mend(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", f.addr)
	must(t, err)
	f.mu.Lock()
	f.addr, f.listener, f.open = listener.Addr().String(), listener, map[net.Conn]bool{}
	f.mu.Unlock()
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", f.target)
			if err != nil {
				from.Close()
				continue
			}
			go f.pipe(from, to)
			go f.pipe(to, from)
		}
	}()
}

func (f *forwarder) pipe(from, to net.Conn) {
	f.mu.Lock()
	f.open[from] = true
	f.mu.Unlock()
	_, _ = io.Copy(to, from) // it ends when either side closes
	from.Close()
	to.Close()
}

// cut closes all connections and takes no more.
func (f *forwarder) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listener.Close()
	for conn := range f.open {
		conn.Close()
	}
}
