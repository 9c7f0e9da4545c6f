package faults_test

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// failoverFaults are those in which another node takes over as primary, or should.
func failoverFaults() []fault {
	return []fault{
		{
			name: "replica promoted with the old primary dead",
			hit:  failOver,
			publishes: "up 1, primaries 1, primary unreachable (connect), replica leads, " +
				"primary_changes_total 1, primary_timeline 2, lost_writes_total 0",
			check: func(s *scene, _ samples) {
				s.logs("another server took over as primary", "from="+s.label("primary"), "to="+s.label("replica"), "timeline=2", "lsn=0/")
			},
			heal:   reclonePrimary,
			healed: "up 1, primaries 1, primary synced, replica leads, primary_changes_total 1",
			alerts: "PgCanaryReplicaUnreachable",
		},
		{
			name:      "replica promoted with the old primary alive",
			hit:       func(s *scene) { must(s.t, s.replica.Promote(s.t.Context())) },
			publishes: "up 1, primaries 2, primary diverged, replica leads, primary_changes_total 1, primary_timeline 2, lost_writes_total 0",
			heal: func(s *scene) {
				if n := strings.Count(s.log.String(), "took over"); n != 1 {
					s.t.Errorf("%d lines about the takeover, want 1:\n%s", n, s.log)
				}
				s.logs("acknowledged commits are on another primary only", "canary_commits="+s.oneOrMore())
				must(s.t, s.primary.Stop(s.t.Context(), pgcluster.Fast))
				reclonePrimary(s)
			},
			// The old primary acknowledged one more before it was known to be the old one:
			// at risk while it took writes, lost with it.
			healed: "up 1, primaries 1, primary synced, replica leads, primary_changes_total 1, lost_writes_total 1",
			alerts: "PgCanarySplitBrain",
		},
		{
			name: "replica promoted with writes in flight",
			hit: func(s *scene) {
				s.cutReceiver()
				for range 3 {
					s.keep(s.scrape())
				}
				failOver(s)
			},
			publishes: "up 1, primaries 1, primary unreachable (connect), replica leads, lost_writes_total 3",
			check: func(s *scene, _ samples) {
				s.logs("acknowledged commits are lost", "canary_commits=3", "wal_bytes_left_behind=")
			},
			heal:   reclonePrimary,
			healed: "up 1, primaries 1, primary synced, replica leads, lost_writes_total 3",
			alerts: "PgCanaryLostWrites, PgCanaryReplicaUnreachable",
		},
		{
			name:      "two primaries on one timeline",
			hit:       (*scene).secondPrimary,
			publishes: "up 1, primaries 2, primary up, replica diverged, primary_changes_total 0, lost_writes_total 0",
			heal: func(s *scene) {
				must(s.t, s.replica.Stop(s.t.Context(), pgcluster.Fast))
				must(s.t, s.servers.Reclone(s.t.Context(), s.replica, s.primary))
			},
			alerts: "PgCanarySplitBrain",
		},
		{
			name: "no primary for long",
			hit: func(s *scene) {
				killPrimary(s)
				for range 50 {
					m := s.scrape()
					s.keep(m)
					m.samples.want(s.t, "pg_canary_up", 0)
				}
			},
			publishes: "up 0, primaries 0, primary down (connect), replica disconnected",
			heal:      startPrimary,
			healed:    "up 1, primaries 1, primary up, replica synced, lost_writes_total 0",
			alerts:    "PgCanaryNoPrimary",
		},
		{
			name:      "middle of a replication chain killed",
			with:      func(l *layout) { l.more = (*scene).addLeaf },
			hit:       func(s *scene) { must(s.t, s.replica.Kill()); s.receiverGone(s.nodes[2].server) },
			publishes: "up 1, primaries 1, primary up, middle unreachable (connect), leaf disconnected",
			heal:      startReplica,
			alerts:    "PgCanaryReplicaDisconnected, PgCanaryReplicaUnreachable",
		},
		{
			name: "middle of a replication chain promoted",
			with: func(l *layout) { l.more = (*scene).addLeaf },
			hit: func(s *scene) {
				failOver(s)
				must(s.t, s.nodes[2].server.WaitStreaming(s.t.Context()))
			},
			publishes: "up 1, primaries 1, primary unreachable (connect), middle leads, leaf synced, primary_timeline 2",
			heal:      reclonePrimary,
			healed:    "up 1, primaries 1, primary synced, middle leads, leaf synced",
			alerts:    "PgCanaryReplicaUnreachable",
		},
	}
}

// returnFaults are those of an old primary that is back.
func returnFaults() []fault {
	return []fault{
		{
			name: "old primary back as it was",
			hit: func(s *scene) {
				s.leaveBehind()
				startPrimary(s)
			},
			publishes: "up 1, primaries 2, primary diverged, replica leads, primary_changes_total 1",
			heal: func(s *scene) {
				must(s.t, s.primary.Stop(s.t.Context(), pgcluster.Fast))
				reclonePrimary(s)
			},
			healed: "up 1, primaries 1, primary synced, replica leads",
			alerts: "PgCanarySplitBrain",
		},
		{
			name: "old primary back as a replica without pg_rewind",
			hit: func(s *scene) {
				s.leaveBehind()
				must(s.t, s.primary.Follow(s.t.Context(), s.replica, ""))
				startPrimary(s)
			},
			publishes: "up 1, primaries 1, primary diverged, replica leads, primary_changes_total 1",
			heal: func(s *scene) {
				must(s.t, s.primary.Stop(s.t.Context(), pgcluster.Fast))
				reclonePrimary(s)
			},
			healed: "up 1, primaries 1, primary synced, replica leads",
			alerts: "PgCanaryReplicaDiverged",
		},
		{
			name: "old primary back as a replica after pg_rewind",
			with: func(l *layout) { l.settings = map[string]string{"wal_log_hints": "on"} },
			hit: func(s *scene) {
				s.leaveBehind()
				must(s.t, s.servers.Rewind(s.t.Context(), s.primary, s.replica))
			},
			publishes: "up 1, primaries 1, primary synced, replica leads, primary_changes_total 1",
			heal:      func(*scene) {},
			healed:    "up 1, primaries 1, primary synced, replica leads",
		},
		{
			name: "old primary back as a replica by a new clone",
			hit: func(s *scene) {
				s.leaveBehind()
				reclonePrimary(s)
			},
			publishes: "up 1, primaries 1, primary synced, replica leads, primary_changes_total 1",
			heal:      func(*scene) {},
			healed:    "up 1, primaries 1, primary synced, replica leads",
		},
	}
}

// oneOrMore is what a log line begins the number of a single commit with; that of any number of them with a pulse,
// whose beats are commits too.
func (s *scene) oneOrMore() string {
	if s.config.probe.Pulse > 0 {
		return ""
	}
	return "1 "
}

// failOver kills the primary and promotes the replica.
func failOver(s *scene) {
	s.killed++
	must(s.t, s.primary.Kill())
	must(s.t, s.replica.Promote(s.t.Context()))
}

// reclonePrimary makes the old primary, which does not run, a replica of the new one.
func reclonePrimary(s *scene) {
	must(s.t, s.servers.Reclone(s.t.Context(), s.primary, s.replica))
}

// leaveBehind fails over, with WAL on the old primary that the new one never
// got, and lets the exporter follow.
func (s *scene) leaveBehind() {
	s.cutReceiver()
	s.exec(s.primary, "CREATE TABLE lost AS SELECT generate_series(1, 1000) AS n")
	failOver(s)
	must(s.t, s.primary.SetHBA(s.t.Context()))
	m := s.scrape()
	s.keep(m)
	m.samples.want(s.t, "pg_canary_up", 1)
}

// secondPrimary starts the replica as if it had never been one: it comes out of
// recovery on the timeline that the primary is on.
func (s *scene) secondPrimary() {
	must(s.t, s.replica.Stop(s.t.Context(), pgcluster.Fast))
	must(s.t, os.Remove(filepath.Join(s.replica.DataDir, "standby.signal")))
	startReplica(s)
	s.until(s.replica, "the replica leads", "SELECT NOT pg_is_in_recovery()")
}

// addLeaf adds a replica of the replica.
func (s *scene) addLeaf(c *pairConfig) {
	leaf, err := s.servers.AddReplica(s.t.Context(), pgcluster.ReplicaOptions{Name: "leaf", Upstream: s.replica})
	must(s.t, err)
	c.more = append(c.more, leaf.DSN(canaryRole, canaryPassword, "postgres"))
	s.rename("replica", "middle")
	s.nodes = append(s.nodes, sceneNode{"leaf", leaf.Addr(), leaf})
}

// logs fails when no line of the log has all the parts.
func (s *scene) logs(parts ...string) {
	s.t.Helper()
	for line := range strings.SplitSeq(s.log.String(), "\n") {
		all := true
		for _, part := range parts {
			all = all && strings.Contains(line, part)
		}
		if all {
			return
		}
	}
	s.t.Errorf("no line of the log has %q:\n%s", parts, s.log)
}
