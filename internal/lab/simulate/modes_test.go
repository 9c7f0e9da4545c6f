//go:build unix

package simulate

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// newPair returns a simulated pair and what probes it.
func newPair(t *testing.T) (*Fleet, *Cluster, *probe.Cluster) {
	t.Helper()
	fleet := newFleet(t, Options{Clusters: 1, Replicas: 1})
	cluster := fleet.Clusters[0]
	var nodes []probe.Node
	for i, dsn := range cluster.DSNs() {
		nodes = append(nodes, newNode(t, dsn, []string{"primary", "replica"}[i], cluster.Name))
	}
	return fleet, cluster, newProbes(t, nodes...)
}

// TestLate: the exporter finds a replica synced, late, and synced again, by the delay of its replay alone.
func TestLate(t *testing.T) {
	_, cluster, probes := newPair(t)
	replica := cluster.Replicas()[0]
	for _, step := range []struct {
		delay  time.Duration
		synced bool
	}{{0, true}, {400 * time.Millisecond, false}, {5 * time.Millisecond, true}} {
		replica.SetReplay(step.delay)
		r := probeUntil(t, probes, func(r *probe.Result) bool {
			replica := r.Nodes[1].Replica
			return r.Write != nil && replica != nil && replica.Synced != nil && *replica.Synced == step.synced
		})
		if shown := r.Nodes[1].Replica.FirstFresh; !shown.IsZero() && shown.Sub(r.Write.Sent) < step.delay {
			t.Errorf("with a delay of %v the replica shows it after %v", step.delay, shown.Sub(r.Write.Sent))
		}
	}
}

// TestFar: an answer takes its round trip, and one alone for all that was sent at once.
func TestFar(t *testing.T) {
	const roundTrip = 200 * time.Millisecond
	_, cluster, _ := newPair(t)
	cluster.Primary().SetRoundTrip(roundTrip)
	node := newNode(t, cluster.Primary().DSN(), "far", cluster.Name)
	node.Prepare()
	must(t, node.Connect(t.Context()))
	w, err := node.Write(t.Context())
	must(t, err)
	read, err := node.Read(t.Context())
	must(t, err)
	for what, took := range map[string]time.Duration{
		"a write": w.Acknowledged.Sub(w.Sent), "a read": read.Received.Sub(read.Sent),
	} {
		// The upper bound is that of a second round trip, and the machine may be busy: only the lower one holds always.
		if took < roundTrip {
			t.Errorf("%s took %v", what, took)
		}
	}
	cluster.Primary().SetRoundTrip(0)
	if _, err := node.Write(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestHung: what hangs takes connections and never answers; what was sent to it is lost, and a
// connection to which nothing was sent meanwhile goes on.
func TestHung(t *testing.T) {
	_, cluster, _ := newPair(t)
	server := cluster.Primary()
	used, idle := connected(t, server.DSN()), connected(t, server.DSN())
	must(t, server.Set(Hung))
	if err := ask(t, used, 100*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("what hangs ends a statement in %v", err)
	}
	conn, err := net.Dial("tcp", server.Address())
	must(t, err)
	defer conn.Close()
	if _, err := conn.Write([]byte{0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f}); err != nil { // An SSLRequest.
		t.Error(err)
	}
	waitStuck(t, server, conn.LocalAddr())
	must(t, server.Set(Normal))
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a connection that waited while it hung ends in %v", err)
	}
	must(t, ask(t, idle, time.Minute))
}

// waitStuck waits until the connection from an address is one that is never answered.
func waitStuck(t *testing.T, server *Server, from net.Addr) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !isStuck(server, from); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("what was sent to a server that hangs did not reach it")
		}
	}
}

func isStuck(server *Server, from net.Addr) bool {
	server.mu.Lock()
	defer server.mu.Unlock()
	for w := range server.conns {
		if w.stuck && w.conn.RemoteAddr().String() == from.String() {
			return true
		}
	}
	return false
}

// ask runs a statement.
func ask(t *testing.T, conn *pgconn.PgConn, timeout time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	for sql, s := range known {
		if len(s.Parameters) == 0 {
			return conn.ExecParams(ctx, sql, nil, nil, nil, []int16{1}).Read().Err
		}
	}
	return errors.New("there is no statement without parameters")
}

// TestRefusingAndGone: new connections are refused; what is gone ends those that there are, and has
// started anew when it is back, at the same address.
func TestRefusingAndGone(t *testing.T) {
	fleet, cluster, probes := newPair(t)
	isSynced := func(r *probe.Result) bool {
		return r.Write != nil && r.Nodes[1].Replica != nil && isTrue(r.Nodes[1].Replica.Synced)
	}
	first := probeUntil(t, probes, isSynced)
	server, address := cluster.Primary(), cluster.Primary().Address()
	conn := connected(t, server.DSN())
	must(t, server.Set(Refusing))
	must(t, ask(t, conn, time.Minute))
	if _, err := net.Dial("tcp", address); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a new connection ends in %v", err)
	}
	must(t, server.Set(Gone))
	if err := ask(t, conn, time.Minute); err == nil {
		t.Error("a server that is gone answers")
	}
	must(t, server.Set(Normal))
	if server.Address() != address {
		t.Errorf("it is back at %s, not %s", server.Address(), address)
	}
	second := probeUntil(t, probes, isSynced)
	if len(first.Write.Eras) != 1 || len(second.Write.Eras) != 2 || second.Write.Capacity <= first.Write.Capacity {
		t.Errorf("before it had the row %+v, and after it %+v", first.Write.Row, second.Write.Row)
	}
	if state := second.Nodes[1].Replica.State; state != verdict.StateSynced {
		t.Errorf("after it the replica is %s", state)
	}
	if taken := fleet.Take(); taken.Dials < 4 || taken.MostOpen < 3 || taken.Commits < 2 || taken.BusiestSecond < 1 {
		t.Errorf("it counted %+v", taken)
	}
	if now := fleet.Take(); now.Dials != 0 || now.Commits != 0 || now.MostOpen != now.Open {
		t.Errorf("after it was taken it counted %+v", now)
	}
}

// TestUnknownStatement: one that no server knows is refused and counted, and the connection stays good.
func TestUnknownStatement(t *testing.T) {
	fleet, cluster, _ := newPair(t)
	conn := connected(t, cluster.Primary().DSN())
	for _, err := range []error{
		conn.ExecParams(t.Context(), "SELECT 1", nil, nil, nil, nil).Read().Err,
		conn.Exec(t.Context(), "SELECT 2").Close(),
	} {
		var refused *pgconn.PgError
		if !errors.As(err, &refused) || refused.Code != "0A000" {
			t.Errorf("an unknown statement ends in %v", err)
		}
	}
	must(t, ask(t, conn, time.Minute))
	if unknown := fleet.Take().Unknown; unknown != 2 {
		t.Errorf("%d statements are counted as unknown", unknown)
	}
}

// TestTooManyServers: without the files for it nothing is started.
func TestTooManyServers(t *testing.T) {
	if fleet, err := Start(Options{Clusters: 1 << 40, Replicas: 1}); err == nil || !strings.Contains(err.Error(), "ulimit -n") {
		t.Errorf("it ends in %v and %v", fleet, err)
	}
}
