package pgnode

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"
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
	for name, end := range map[string]func(*Node){
		"idle":   (*Node).closeIdleSession,
		"broken": func(n *Node) { n.mu.Lock(); defer n.mu.Unlock(); n.retireSession(t.Context()) },
	} {
		t.Run(name, func(t *testing.T) {
			node, err := New(d.server.DSN(d.role, rolePassword, d.name), Options{Section: DefaultSection, StatementTimeout: 5 * time.Second})
			must(t, err)
			stuck, release := new(atomic.Bool), make(chan struct{})
			dial := node.config.DialFunc
			node.config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := dial(ctx, network, address)
				return &stuckConn{conn, stuck, release}, err
			}
			node.pooled = true // As if a direct session could not be had.
			must(t, node.Connect(t.Context()))
			stuck.Store(true)
			answer := make(chan bool, 1)
			go func() {
				end(node)
				answer <- node.Connected()
			}()
			select {
			case connected := <-answer:
				if connected || len(node.closing) != 1 {
					t.Errorf("connected: %v; %d connections are being closed, want 1", connected, len(node.closing))
				}
			case <-time.After(time.Minute): // It only guards against hanging.
				t.Error("the node does not answer while its connection is being closed")
			}
			close(release)
			must(t, node.Close(t.Context()))
		})
	}
}
