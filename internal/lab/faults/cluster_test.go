package faults_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster/pgtest"
)

// clusterFaults are those of a cluster that is another one than before, and of a standby
// that lives on an archive.
func clusterFaults() []fault {
	archived := func(l *layout) {
		l.settings = map[string]string{
			"archive_mode": "on", "archive_command": "mkdir -p ../archive && cp %p ../archive/%f", "wal_retrieve_retry_interval": "100ms",
		}
	}
	return []fault{
		{
			name:      "cluster re-created on the same addresses",
			with:      func(l *layout) { l.links = true },
			hit:       (*scene).recreate,
			publishes: "up 1, primaries 1, primary up, replica synced, lost_writes_total 0, primary_changes_total 0",
			within:    3,
			because:   "most of the nodes have to have been reached anew",
			check:     func(s *scene, _ samples) { s.logs("the nodes agree on another cluster") },
			heal: func(s *scene) {
				s.links[toPrimary].lead(s.primary.Addr())
				s.links[toReplica].lead(s.replica.Addr())
			},
			healed: "up 1, primaries 1, primary up, replica synced, lost_writes_total 0, primary_changes_total 0",
		},
		{
			name:      "replica fed from an archive",
			with:      archived,
			hit:       (*scene).feedFromArchive,
			publishes: "up 1, primaries 1, primary up, replica restoring",
			heal: func(s *scene) {
				must(s.t, s.replica.Follow(s.t.Context(), s.primary, ""))
				must(s.t, s.replica.WaitStreaming(s.t.Context()))
			},
			alerts: "PgCanaryReplicaLagging",
		},
	}
}

// recreate has the addresses lead to a pair that was made anew.
func (s *scene) recreate() {
	other, replica := newSetUpPair(s.t)
	s.links[toPrimary].lead(other.Primary().Addr())
	s.links[toReplica].lead(replica.Addr())
}

// newOtherCluster starts a primary where the exporter could write, for a cluster of that
// name unless it is "".
func newOtherCluster(t testing.TB, name string) *pgcluster.Cluster {
	t.Helper()
	other := pgtest.New(t, pgcluster.Options{})
	must(t, pgnode.Setup{Role: canaryRole, Password: canaryPassword, Cluster: name}.Run(t.Context(), other.Primary().SuperDSN()))
	return other
}

// newSetUpPair starts another cluster's pair.
func newSetUpPair(t testing.TB) (*pgcluster.Cluster, *pgcluster.Server) {
	t.Helper()
	other := newOtherCluster(t, "")
	replica, err := other.AddReplica(t.Context(), pgcluster.ReplicaOptions{})
	must(t, err)
	must(t, replica.WaitCaughtUp(t.Context()))
	return other, replica
}

// feedFromArchive takes the replica's WAL receiver away and gives it the primary's
// archive, and lets it replay a segment of that.
func (s *scene) feedFromArchive() {
	must(s.t, s.replica.Stop(s.t.Context(), pgcluster.Fast))
	archive := filepath.Join(filepath.Dir(s.primary.DataDir), "archive")
	must(s.t, s.replica.SetConfig(s.t.Context(), map[string]string{
		"primary_conninfo": "", "primary_slot_name": "", "restore_command": fmt.Sprintf("cp %s/%%f %%p", archive),
	}))
	startReplica(s)
	s.keep(s.scrape())
	var before string
	must(s.t, s.replica.QueryRow(s.t.Context(), "SELECT pg_last_wal_replay_lsn()::text", &before))
	s.exec(s.primary, "CREATE TABLE archived AS SELECT 1 AS n")
	s.exec(s.primary, "SELECT pg_switch_wal()")
	s.until(s.replica, "the replay has moved", "SELECT pg_last_wal_replay_lsn() > '"+before+"'")
}

// TestStartBesideAWrongNode: an exporter that starts while its primary is down and one
// address leads to another cluster agrees on the right one when that is back. Until
// then the name that setup gave the other cluster keeps it from writing there.
func TestStartBesideAWrongNode(t *testing.T) {
	p := newPair(t)
	other := newOtherCluster(t, "other")
	must(t, p.primary.Stop(t.Context(), pgcluster.Fast))
	config := defaultConfig()
	config.replicaDSN = other.Primary().DSN(canaryRole, canaryPassword, "postgres")
	p.collector, p.handler = p.newExporter(config)
	reason := fmt.Sprintf("pg_canary_failures_total{node=%q,reason=\"foreign\"}", other.Primary().Addr())
	for range 3 {
		m := p.scrape(scrapeTimeout)
		m.want(t, "pg_canary_up", 0)
	}
	if m := p.scrape(scrapeTimeout); m[reason] == 0 {
		t.Errorf("nothing says that the section is another cluster's: %v", m)
	}
	var capacity int64
	must(t, other.Primary().QueryRow(t.Context(), "SELECT capacity FROM canary.section WHERE name = 'default'", &capacity))
	if capacity != 0 {
		t.Errorf("%d beats were written to another cluster", capacity)
	}
	must(t, p.primary.Start(t.Context()))
	m := p.eventually("its own primary is written", func(m samples) bool { return m["pg_canary_up"] == 1 })
	m.want(t, "pg_canary_primary_changes_total", 0)
	if state := m.stateOf(t, other.Primary()); state != "foreign" {
		t.Errorf("the wrong node is %q", state)
	}
}
