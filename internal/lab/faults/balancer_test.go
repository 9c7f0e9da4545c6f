package faults_test

import (
	"fmt"
	"net"
	"net/url"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgbouncer"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// balancerFaults are those of names that lead new connections elsewhere than those that are open.
func balancerFaults() []fault {
	linked := func(l *layout) { l.links = true }
	all := []fault{
		{
			name:      "failover behind a balancer that keeps old connections",
			ofScrapes: true,
			with:      linked,
			hit:       (*scene).failOverForNewConnections,
			publishes: "up 1, primaries 1, primary up, replica primary, primary_timeline 2, primary_changes_total 1, lost_writes_total 0",
			then:      "up 1, primaries 1, primary up, replica paused, primary_timeline 2, primary_changes_total 1, lost_writes_total 0",
			because:   "then when the connection is made anew, because its server was promoted",
			heal: func(s *scene) {
				s.resume(s.older)
				must(s.t, s.older.Follow(s.t.Context(), s.replica, ""))
				must(s.t, s.older.WaitStreaming(s.t.Context()))
			},
			healed: "up 1, primaries 1, primary up, replica synced, primary_changes_total 1, lost_writes_total 0",
			alerts: "PgCanaryReplicaPaused",
		},
		{
			name:      "failover behind a balancer that keeps old connections, and the old primary alive",
			ofScrapes: true,
			with:      linked,
			hit: func(s *scene) {
				s.addOlderOf(s.replica)
				s.until(s.primary, "the exporter's connection is older than ten seconds",
					"SELECT now() - backend_start > '11 s' FROM pg_stat_activity WHERE usename = '"+canaryRole+"'")
				must(s.t, s.replica.Promote(s.t.Context()))
				s.links[toPrimary].leadNew(s.replica.Addr())
				s.leadNewToOlder()
			},
			publishes: "up 1, primaries 2, primary diverged, replica leads, primary_timeline 2, primary_changes_total 1",
			then:      "up 1, primaries 1, primary up, replica paused, primary_timeline 2, primary_changes_total 1",
			check:     (*scene).awaitNewConnections,
			because:   "then when all connections are made anew, because another server took over",
			heal:      func(s *scene) { s.resume(s.older) },
			healed:    "up 1, primaries 1, primary up, replica synced, primary_changes_total 1",
			alerts:    "PgCanaryReplicaPaused",
		},
		{
			name: "replica's address leads to the primary and to a replica again, for new connections",
			with: linked,
			hit: func(s *scene) {
				s.addOlder()
				s.links[toReplica].lead(s.primary.Addr())
				s.steady(s.parseExpectation("up 1, primaries 1, primary up, replica primary"))
				s.leadNewToOlder()
			},
			publishes: "up 1, primaries 1, primary up, replica primary",
			then:      "up 1, primaries 1, primary up, replica paused",
			because:   "then after 10 s, when the connections of two names that lead to one server are made anew",
			heal:      func(s *scene) { s.resume(s.older) },
			alerts:    "PgCanaryReplicaPaused",
		},
		{
			name: "one PgBouncer for primary and replica, and the replay paused",
			with: func(l *layout) {
				l.more = func(s *scene, c *pairConfig) {
					pool := pgbouncer.Start(s.t, pgbouncer.Config{
						Server: poolServer(s.t, s.primary), More: map[string]string{"app_ro": poolServer(s.t, s.replica)},
						PoolMode: "transaction", PoolSize: 1, Users: map[string]string{canaryRole: ""},
					})
					c.primaryDSN, c.replicaDSN = pool.DSN(canaryRole), pool.DSNTo("app_ro", canaryRole)
				}
			},
			hit:       func(s *scene) { s.pause() },
			publishes: "up 1, primaries 1, primary up, replica paused",
			check: func(s *scene, _ samples) {
				for i, database := range []string{"/app", "/app_ro"} {
					if _, name, err := net.SplitHostPort(s.nodes[i].label); err != nil || name[len(name)-len(database):] != database {
						s.t.Errorf("a node of one PgBouncer is called %q, want one that ends in %s", s.nodes[i].label, database)
					}
				}
			},
			heal:   func(s *scene) { s.resume(s.replica) },
			alerts: "PgCanaryReplicaPaused",
		},
	}
	for _, order := range []string{"", ", the list reversed"} {
		all = append(all, fault{
			name:      "failover with target_session_attrs" + order,
			ofScrapes: true,
			with: func(l *layout) {
				l.more = func(s *scene, c *pairConfig) {
					servers := []*pgcluster.Server{s.primary, s.replica}
					if order != "" {
						servers[0], servers[1] = servers[1], servers[0]
					}
					c.primaryDSN, c.replicaDSN = withAttributes("read-write", servers...), withAttributes("standby", servers...)
				}
			},
			hit:       failOver,
			publishes: "up 1, primaries 1, primary leads, replica primary, primary_timeline 2, primary_changes_total 1, lost_writes_total 0",
			then:      "up 1, primaries 1, primary leads, replica primary (other), primary_timeline 2, primary_changes_total 1, lost_writes_total 0",
			because:   "then when a new connection was tried, and there is no standby",
			heal:      reclonePrimary,
			healed:    "up 1, primaries 1, primary leads, replica synced, primary_changes_total 1, lost_writes_total 0",
			alerts:    "PgCanaryNoReplica",
		})
	}
	return all
}

// withAttributes returns the exporter's connection string of several servers, of which
// one with a role is wanted.
func withAttributes(role string, servers ...*pgcluster.Server) string {
	hosts := ""
	for i, server := range servers {
		hosts += map[bool]string{true: "", false: ","}[i == 0] + server.Addr()
	}
	return fmt.Sprintf("postgres://%s:%s@%s/postgres?sslmode=disable&target_session_attrs=%s",
		canaryRole, url.PathEscape(canaryPassword), hosts, role)
}

// failOverForNewConnections has primary and replica change places behind a balancer
// that hangs up nowhere: the replica's name is to lead to one that is behind.
func (s *scene) failOverForNewConnections() {
	s.addOlder()
	must(s.t, s.primary.Stop(s.t.Context(), pgcluster.Fast))
	must(s.t, s.replica.Promote(s.t.Context()))
	s.links[toPrimary].leadNew(s.replica.Addr())
	s.leadNewToOlder()
}

// leadNewToOlder has the replica's address lead there, for new connections.
func (s *scene) leadNewToOlder() {
	s.links[toReplica].leadNew(s.older.Addr())
	s.behind[s.label("replica")] = true
	s.fresh[s.label("replica")] = s.pausedAt
}

// awaitNewConnections waits for those that the exporter makes behind a balancer which
// keeps the old ones, so that one scrape finds both. It tries to write to the node that was
// the primary, which is none any more.
func (s *scene) awaitNewConnections(samples) {
	for server, n := range map[*pgcluster.Server]int{s.replica: 2, s.older: 1} {
		s.until(server, "the exporter has made its new connection", fmt.Sprintf(
			"SELECT count(*) = %d FROM pg_stat_activity WHERE usename = '%s' AND state = 'idle' AND query <> ''", n, canaryRole))
	}
	s.keep(s.scrape())
}

// resume lets a paused replay go on.
func (s *scene) resume(server *pgcluster.Server) {
	s.t.Helper()
	clear(s.behind)
	s.exec(server, "SELECT pg_wal_replay_resume()")
}
