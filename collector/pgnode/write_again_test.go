package pgnode

import (
	"context"
	"net"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

// resetConn is a connection that the other end has reset, which shows when it is written to.
type resetConn struct {
	net.Conn
	reset *atomic.Bool
}

func (c *resetConn) Write(b []byte) (int, error) {
	if c.reset.Load() {
		_ = c.Close()
		return 0, &net.OpError{Op: "write", Net: "tcp", Err: syscall.ECONNRESET}
	}
	return c.Conn.Write(b)
}

// TestWriteOverABrokenConnection is made once more over a new one, and not where that leads
// to another cluster, which has a section of the same name.
func TestWriteOverABrokenConnection(t *testing.T) {
	first, other := newStage(t).database(t), newStage(t).database(t)
	must(t, first.setup())
	must(t, other.setup())
	for _, test := range []struct {
		situation string
		to        *database
		want      probe.Reason // "" for a commit
	}{
		{"the same server", first, ""},
		{"another cluster", other, probe.ReasonForeign},
	} {
		t.Run(test.situation, func(t *testing.T) {
			node := first.node(t, DefaultCluster)
			leadsTo, reset := first, new(atomic.Bool)
			node.read = func(string) (connection, error) {
				to, err := readDSN(leadsTo.server.DSN(leadsTo.role, rolePassword, leadsTo.name))
				dial, broken := to.config.DialFunc, reset
				to.config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
					conn, err := dial(ctx, network, address)
					return &resetConn{conn, broken}, err
				}
				return to, err
			}
			if _, err := node.Write(t.Context()); err != nil {
				t.Fatal(err)
			}
			broken := reset
			leadsTo, reset = test.to, new(atomic.Bool)
			_ = node.Ready() // A probe begins.
			broken.Store(true)
			before := test.to.ask("SELECT capacity FROM canary.section WHERE name = 'default'")
			_, err := node.Write(t.Context())
			written := test.to.ask("SELECT capacity FROM canary.section WHERE name = 'default'") != before
			switch {
			case test.want == "" && (err != nil || !written):
				t.Errorf("written: %v, %v", written, err)
			case test.want != "" && (probe.ReasonOf(err) != test.want || written):
				t.Errorf("written: %v, %v; want the reason %s", written, err, test.want)
			}
		})
	}
}
