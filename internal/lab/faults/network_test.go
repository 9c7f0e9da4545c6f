package faults_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgbouncer"
)

// networkFaults are those of an address that does not lead where it should.
func networkFaults() []fault {
	linked := func(l *layout) { l.links = true }
	back := func(s *scene) { s.links[toReplica].lead(s.replica.Addr()) }
	return []fault{
		{
			name:      "server answering garbage",
			with:      linked,
			hit:       func(s *scene) { s.links[toReplica].lead(listen(s.t, babble)) },
			publishes: "up 1, primaries 1, primary up, replica unreachable (connect or other)",
			heal:      back,
			alerts:    "PgCanaryReplicaUnreachable",
		},
		{
			name: "HTTP server in the replica's place",
			with: linked,
			hit: func(s *scene) {
				s.links[toReplica].lead(listen(s.t, func(conn net.Conn) error {
					_, err := io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
					return err
				}))
			},
			publishes: "up 1, primaries 1, primary up, replica unreachable (other)",
			heal:      back,
			alerts:    "PgCanaryReplicaUnreachable",
		},
		{
			name: "pooler without the database in the replica's place",
			with: linked,
			hit: func(s *scene) {
				s.links[toReplica].lead(pgbouncer.Start(s.t, pgbouncer.Config{
					Server: "host=127.0.0.1 port=1", PoolMode: "transaction", PoolSize: 1, Users: map[string]string{canaryRole: ""},
				}).Addr())
			},
			publishes: "up 1, primaries 1, primary up, replica unreachable (pooler)",
			heal:      back,
			alerts:    "PgCanaryReplicaUnreachable",
		},
		{
			name:      "replica's address leads to another cluster",
			with:      linked,
			hit:       func(s *scene) { s.leadToForeign(toReplica) },
			publishes: "up 1, primaries 1, primary up, replica foreign",
			heal:      func(s *scene) { s.undo(); back(s) },
			alerts:    "PgCanaryReplicaForeign",
		},
		{
			name:      "primary's address leads to another cluster",
			with:      linked,
			hit:       func(s *scene) { s.leadToForeign(toPrimary) },
			publishes: "up 0, primaries 0, primary leads (foreign), replica up",
			heal:      func(s *scene) { s.undo(); s.links[toPrimary].lead(s.primary.Addr()) },
			alerts:    "PgCanaryNoPrimary",
		},
		{
			name: "replica's address leads to a replica that is behind",
			with: linked,
			hit:  (*scene).leadToOlder,
			check: func(s *scene, m samples) {
				if m["pg_canary_backward_reads_total"] == 0 {
					s.t.Errorf("a value that went back was not counted:\n%v", m)
				}
			},
			publishes: "up 1, primaries 1, primary up, replica paused",
			heal:      back,
			alerts:    "PgCanaryReplicaPaused",
		},
	}
}

// leadToForeign lets an address lead to the primary of another cluster, where the
// exporter could write.
func (s *scene) leadToForeign(way string) {
	other := newOtherCluster(s.t, "").Primary()
	s.links[way].lead(other.Addr())
	s.undo = func() {
		var rows int
		must(s.t, other.QueryRow(s.t.Context(), "SELECT count(*) FROM canary.section WHERE capacity > 0", &rows))
		if rows != 0 {
			s.t.Error("something was written to the node of another cluster")
		}
	}
}

// leadToOlder lets the replica's address lead to another replica, whose replay
// has been paused for some probes.
func (s *scene) leadToOlder() {
	s.addOlder()
	s.links[toReplica].lead(s.older.Addr())
	s.fresh[s.label("replica")] = s.pausedAt
}

// listen serves every connection until the test ends, and returns the address.
func listen(t testing.TB, serve func(net.Conn) error) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
				if err := serve(conn); err != nil && !errors.Is(err, net.ErrClosed) {
					return // The other side has had enough.
				}
			})
		}
	})
	t.Cleanup(func() {
		must(t, listener.Close())
		serving.Wait()
	})
	return listener.Addr().String()
}

// babble answers with random bytes.
func babble(conn net.Conn) error {
	if _, err := io.ReadFull(conn, make([]byte, 8)); err != nil {
		return fmt.Errorf("no greeting: %w", err)
	}
	_, err := io.CopyN(conn, rand.Reader, 1<<16)
	return err
}
