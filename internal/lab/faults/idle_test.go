package faults_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// idleFaults are those of connections that break while nobody uses them.
func idleFaults() []fault {
	linked := func(l *layout) { l.links = true }
	return []fault{
		{
			name:      "idle sessions ended by the servers (idle_session_timeout)",
			ofScrapes: true,
			hit:       (*scene).outlastSessions,
			publishes: "up 1, primaries 1, primary up, replica synced",
			heal:      func(s *scene) { s.undo(); s.rest = nil },
		},
		{
			name:      "idle connections ended by a proxy",
			with:      linked,
			hit:       func(s *scene) { s.rest = func() { s.links[toPrimary].hangUp(); s.links[toReplica].hangUp() } },
			publishes: "up 1, primaries 1, primary up, replica synced",
			heal:      func(s *scene) { s.rest = nil },
		},
		{
			name:      "idle connection to the replica forgotten by NAT",
			ofScrapes: true,
			with:      linked,
			hit:       func(s *scene) { s.links[toReplica].darken() },
			timeout:   hangs,
			publishes: "up 1, primaries 1, primary up, replica unreachable (timeout)",
			check:     (*scene).judgedNothing,
			then:      "up 1, primaries 1, primary up, replica synced",
			because:   "then with the next connection",
			heal:      func(s *scene) { s.links[toReplica].mend() },
		},
		{
			name:      "idle connection to the primary forgotten by NAT",
			with:      linked,
			hit:       func(s *scene) { s.links[toPrimary].darken() },
			timeout:   hangs,
			publishes: "up 0, primaries 1, primary up (timeout), replica up",
			then:      "up 1, primaries 1, primary up, replica synced",
			because:   "then with the next connection",
			heal:      func(s *scene) { s.links[toPrimary].mend() },
		},
	}
}

// outlastSessions has the servers end sessions that are idle, and lets each of the
// exporter's end before a scrape.
func (s *scene) outlastSessions() {
	servers := []*pgcluster.Server{s.primary, s.replica}
	s.undo = func() {}
	end := s.disconnectExporter
	if s.servers.Installation().Major >= 14 {
		for _, server := range servers {
			s.set(server, "idle_session_timeout", "200ms")
		}
		s.undo = func() {
			for _, server := range servers {
				s.set(server, "idle_session_timeout", "0")
			}
		}
		end = func(server *pgcluster.Server) {
			waitFor(s.t, "the server has ended the exporter's sessions", func() bool { return connections(s.t, server) == 0 })
		}
	}
	s.keep(s.scrape()) // A session that was idle already does not know of the limit.
	s.rest = func() {
		for _, server := range servers {
			end(server)
		}
	}
}

// cutFaults are those of a connection that breaks in the middle of a measurement.
func cutFaults() []fault {
	var all []fault
	for _, f := range []struct{ operation, name, publishes, alerts string }{
		{"read", "connection breaks at the first read of a replica", "unreachable (connect)", "PgCanaryReplicaUnreachable"},
		{"poll", "connection breaks while a replica that is behind is read again", "paused (connect)", "PgCanaryReplicaPaused"},
	} {
		cut := &cutting{}
		all = append(all, fault{
			name:      f.name,
			ofScrapes: true,
			with: func(l *layout) {
				l.links = true
				l.more = func(s *scene, c *pairConfig) {
					c.wrap = func(n probe.Node) probe.Node {
						if n.Name() != s.links[toReplica].Listen {
							return n
						}
						return cutNode{n, cut}
					}
				}
			},
			hit: func(s *scene) {
				s.pause()
				cut.start(f.operation, s.links[toReplica])
			},
			publishes: "up 1, primaries 1, primary up, replica " + f.publishes,
			check: func(s *scene, m samples) {
				s.judgedNothing(m)
				label := s.label("replica")
				most := cut.last().Sub(s.fresh[label]).Seconds()
				if lag, ok := m[fmt.Sprintf("pg_canary_lag_seconds{replica=%q}", label)]; ok && lag > most {
					s.t.Errorf("a lag of %v s, %v s before the connection broke it was seen fresh", lag, most)
				}
			},
			heal: func(s *scene) {
				s.judgedNothing(s.last.samples)
				cut.start("", nil)
				s.resume(s.replica)
			},
			alerts: f.alerts,
		})
	}
	return all
}

// judgedNothing fails when a replica was called late or in time that nobody could judge.
func (s *scene) judgedNothing(m samples) {
	s.t.Helper()
	m.absent(s.t, fmt.Sprintf("pg_canary_synced{replica=%q}", s.label("replica")))
	late := fmt.Sprintf("pg_canary_verdicts_total{replica=%q,verdict=\"late\"}", s.label("replica"))
	if m[late] != s.before[late] {
		s.t.Errorf("%v beats are late, %v of them before the connection broke", m[late], s.before[late])
	}
}

// cutting hangs up before each operation of a kind.
type cutting struct {
	mu        sync.Mutex
	operation string // "" for none
	link      *link
	at        time.Time
}

// start says before what the link is to hang up.
func (c *cutting) start(operation string, l *link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.operation, c.link = operation, l
}

// last returns when the link hung up last.
func (c *cutting) last() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *cutting) before(operation string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if operation == c.operation {
		c.link.hangUp()
		c.at = time.Now()
	}
}

// cutNode is a node whose connection is cut.
type cutNode struct {
	probe.Node
	cut *cutting
}

// Read is cut before it is sent.
func (n cutNode) Read(ctx context.Context) (probe.Read, error) {
	n.cut.before("read")
	return n.Node.Read(ctx)
}

// Poll is cut before it is sent.
func (n cutNode) Poll(ctx context.Context) (probe.Read, error) {
	n.cut.before("poll")
	return n.Node.Poll(ctx)
}
