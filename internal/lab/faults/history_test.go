package faults_test

import (
	"fmt"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// nowhere is an address at which nobody listens.
const nowhere = "127.0.0.1:1"

// historyFaults are those in which names, numbers and positions say something else
// than the histories of the servers.
func historyFaults() []fault {
	three := func(l *layout) { l.more = (*scene).addThird }
	linkedThree := func(l *layout) { l.links, l.more = true, (*scene).addThird }
	return []fault{
		{
			name: "one of three nodes promoted by mistake",
			with: three,
			hit:  func(s *scene) { must(s.t, s.replica.Promote(s.t.Context())) },
			publishes: "up 1, primaries 2, primary up, replica diverged, third synced, " +
				"primary_changes_total 0, primary_timeline 1, lost_writes_total 0",
			heal:   recloneReplica,
			healed: "up 1, primaries 1, primary up, replica synced, third synced, lost_writes_total 0",
			alerts: "PgCanarySplitBrain",
		},
		{
			name: "mistaken primary that came and went",
			with: three,
			hit: func(s *scene) {
				must(s.t, s.replica.Promote(s.t.Context()))
				for range 5 {
					s.keep(s.scrape())
				}
				must(s.t, s.replica.Stop(s.t.Context(), pgcluster.Fast))
			},
			publishes: "up 1, primaries 1, primary up, replica unreachable (connect), third synced, " +
				"primary_changes_total 0, lost_writes_total 0",
			heal:   recloneReplica,
			alerts: "PgCanaryReplicaUnreachable",
		},
		{
			name: "old primary out of reach, with a replica and another exporter",
			with: linkedThree,
			hit: func(s *scene) {
				// Before the promotion: a beat of the pulse that comes in between would be lost.
				s.links[toPrimary].lead(nowhere)
				must(s.t, s.replica.Promote(s.t.Context()))
				s.writeElsewhere(s.primary, s.third())
			},
			publishes: "up 1, primaries 1, primary unreachable (connect), replica leads, third diverged, " +
				"primary_changes_total 1, primary_timeline 2, lost_writes_total 0",
			heal: func(s *scene) {
				must(s.t, s.primary.Stop(s.t.Context(), pgcluster.Fast))
				reclonePrimary(s)
				s.links[toPrimary].lead(s.primary.Addr())
				s.recloneThird(s.replica)
			},
			healed: "up 1, primaries 1, primary synced, replica leads, third synced, lost_writes_total 0",
			alerts: "PgCanaryReplicaDiverged, PgCanaryReplicaUnreachable",
		},
		{
			name: "two standbys promoted, and a third that follows the wrong one",
			with: func(l *layout) { l.more = (*scene).addThirdBehindAnother },
			hit:  (*scene).promoteTwo,
			publishes: "up 1, primaries 1, primary unreachable (connect), replica leads, third diverged, " +
				"primary_changes_total 1, primary_timeline 2",
			heal: func(s *scene) {
				reclonePrimary(s)
				s.recloneThird(s.replica)
			},
			healed: "up 1, primaries 1, primary synced, replica leads, third synced",
			alerts: "PgCanaryReplicaDiverged, PgCanaryReplicaUnreachable",
		},
		{
			name: "connection broken right after an acknowledgement, and the primary lost", ofScrapes: true,
			with: func(l *layout) { l.links = true },
			hit:  (*scene).acknowledgedAndLost,
			publishes: "up 1, primaries 1, primary unreachable (connect), replica leads, " +
				"primary_changes_total 1, lost_writes_total 1",
			heal: func(s *scene) {
				reclonePrimary(s)
				s.undo()
				s.links[toPrimary].mend()
			},
			healed: "up 1, primaries 1, primary synced, replica leads, lost_writes_total 1",
			alerts: "PgCanaryLostWrites, PgCanaryReplicaUnreachable",
		},
		{
			name: "WAL receiver cut after a clean switchover",
			with: three,
			hit: func(s *scene) {
				s.switchOver()
				must(s.t, s.replica.SetHBA(s.t.Context(), "host replication all all reject"))
				s.exec(s.replica, "SELECT pg_terminate_backend(pid) FROM pg_stat_replication")
				s.receiverGone(s.third())
			},
			publishes: "up 1, primaries 1, primary unreachable (connect), replica leads, third disconnected, primary_changes_total 1",
			check: func(s *scene, m samples) {
				if _, there := m[fmt.Sprintf("pg_canary_lag_bytes{replica=%q}", s.third().Addr())]; !there {
					s.t.Errorf("no lag in bytes of a replica of the same history: %v", m)
				}
			},
			heal: func(s *scene) {
				must(s.t, s.replica.SetHBA(s.t.Context()))
				reclonePrimary(s)
			},
			healed: "up 1, primaries 1, primary synced, replica leads, third synced",
			alerts: "PgCanaryReplicaDisconnected, PgCanaryReplicaUnreachable",
		},
		{
			name:      "replica beyond the fork, and the new primary restarted",
			ofScrapes: true,
			with:      linkedThree,
			hit: func(s *scene) {
				s.passBy()
				must(s.t, s.replica.Restart(s.t.Context()))
				s.restartExporter()
			},
			publishes: "up 1, primaries 1, primary unreachable (connect), replica leads, third diverged, primary_timeline 2",
			heal: func(s *scene) {
				reclonePrimary(s)
				s.undo()
				s.recloneThird(s.replica)
			},
			healed: "up 1, primaries 1, primary synced, replica leads, third synced",
			alerts: "PgCanaryReplicaDiverged, PgCanaryReplicaUnreachable",
		},
	}
}

// acknowledgedAndLost breaks the exporter's connection between the acknowledgement of a
// canary that no replica gets and what comes after it, and loses the primary.
func (s *scene) acknowledgedAndLost() {
	s.links[toPrimary].breakAt("", toServer, 0)
	s.insist(s.scrape(), s.healthy)
	messages := s.links[toPrimary].counted(toClient)
	s.links[replication].lead(nowhere)
	s.receiverGone(s.replica)
	s.links[toPrimary].breakAt(resets, toClient, messages-afterTheAcknowledgement)
	m := s.scrape()
	s.keep(m)
	m.samples.want(s.t, "pg_canary_up", 1)
	failOver(s)
	s.undo = s.links[toPrimary].refuse()
}

// third returns the server of the third node.
func (s *scene) third() *pgcluster.Server { return s.nodes[2].server }

// addThird adds another replica of the primary.
func (s *scene) addThird(c *pairConfig) { s.addThirdOf(c, nil) }

func (s *scene) addThirdOf(c *pairConfig, upstream *pgcluster.Server) {
	third, err := s.servers.AddReplica(s.t.Context(), pgcluster.ReplicaOptions{Name: "third", Upstream: upstream})
	must(s.t, err)
	c.more = append(c.more, third.DSN(canaryRole, canaryPassword, "postgres"))
	s.nodes = append(s.nodes, sceneNode{"third", third.Addr(), third})
}

// addThirdBehindAnother adds one that streams from a replica which the exporter does not know.
func (s *scene) addThirdBehindAnother(c *pairConfig) {
	another, err := s.servers.AddReplica(s.t.Context(), pgcluster.ReplicaOptions{Name: "another"})
	must(s.t, err)
	s.addThirdOf(c, another)
}

// recloneReplica makes the replica, whatever became of it, one of the primary.
func recloneReplica(s *scene) {
	if s.replica.Running() {
		must(s.t, s.replica.Stop(s.t.Context(), pgcluster.Fast))
	}
	must(s.t, s.servers.Reclone(s.t.Context(), s.replica, s.primary))
}

func (s *scene) recloneThird(upstream *pgcluster.Server) {
	must(s.t, s.third().Stop(s.t.Context(), pgcluster.Fast))
	must(s.t, s.servers.Reclone(s.t.Context(), s.third(), upstream))
}

// writeElsewhere has another exporter write to a primary until a replica of it shows that.
func (s *scene) writeElsewhere(primary, replica *pgcluster.Server) {
	s.t.Helper()
	config := defaultConfig()
	config.primaryDSN = primary.DSN(canaryRole, canaryPassword, "postgres")
	config.replicaDSN = replica.DSN(canaryRole, canaryPassword, "postgres")
	mine := s.handler
	_, s.handler = s.newExporter(config)
	for range 3 {
		text, _ := s.scrapeText(s.timeout)
		parse(s.t, text).want(s.t, "pg_canary_up", 1)
	}
	s.handler = mine
	must(s.t, replica.WaitCaughtUp(s.t.Context()))
}

// promoteTwo promotes two standbys of the primary that died. What the third follows
// has more WAL than the exporter's.
func (s *scene) promoteTwo() {
	another := s.third().Upstream()
	must(s.t, s.primary.Kill())
	for _, server := range []*pgcluster.Server{s.replica, another} {
		must(s.t, server.Promote(s.t.Context()))
	}
	s.exec(another, "CREATE TABLE elsewhere AS SELECT generate_series(1, 10000) AS n")
	must(s.t, s.third().WaitCaughtUp(s.t.Context()))
}

// switchOver ends the primary cleanly and has the other two go on without it.
func (s *scene) switchOver() {
	must(s.t, s.primary.Stop(s.t.Context(), pgcluster.Fast))
	must(s.t, s.replica.Promote(s.t.Context()))
	must(s.t, s.third().Follow(s.t.Context(), s.replica, ""))
	must(s.t, s.third().WaitStreaming(s.t.Context()))
	for range 2 {
		s.keep(s.scrape())
	}
	must(s.t, s.third().WaitCaughtUp(s.t.Context()))
}

// passBy lets the third node replay canaries that the replica, which is promoted, does not have.
func (s *scene) passBy() {
	s.links[replication].lead(nowhere)
	s.receiverGone(s.replica)
	for range 3 {
		s.keep(s.scrape())
	}
	must(s.t, s.third().WaitCaughtUp(s.t.Context()))
	failOver(s)
	s.undo = s.links[toPrimary].refuse()
	s.receiverGone(s.third())
	m := s.scrape()
	s.keep(m)
	m.samples.want(s.t, "pg_canary_up", 1)
	m.samples.want(s.t, "pg_canary_lost_writes_total", 3)
}
