package collector_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/internal/pgcluster"
)

// breakages are the ways in which a server goes away, and how it comes back.
var breakages = map[string]struct {
	away func(context.Context, *pgcluster.Server) error
	back func(context.Context, *pgcluster.Server) error
}{
	"stopped": {
		func(ctx context.Context, s *pgcluster.Server) error { return s.Stop(ctx, pgcluster.Fast) },
		func(ctx context.Context, s *pgcluster.Server) error { return s.Start(ctx) },
	},
	"killed": {
		func(_ context.Context, s *pgcluster.Server) error { return s.Kill() },
		func(ctx context.Context, s *pgcluster.Server) error { return s.Start(ctx) },
	},
	"frozen": {
		func(_ context.Context, s *pgcluster.Server) error { return s.Freeze() },
		func(_ context.Context, s *pgcluster.Server) error { return s.Thaw() },
	},
}

func TestReplicaGoesAway(t *testing.T) {
	for name, breakage := range breakages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t)
			must(t, breakage.away(t.Context(), p.replica))
			for range 3 {
				m := p.scrape(time.Second)
				m.want(t, "pg_canary_up", 1)
				if got := m.up(p.primary); got != 1 {
					t.Errorf("node_up of the primary is %v", got)
				}
				if got := m.up(p.replica); got != 0 {
					t.Errorf("node_up of the replica is %v", got)
				}
				if state := m.state(t); state != "unreachable" {
					t.Errorf("state %q", state)
				}
				m.absent(t, "pg_canary_synced", "pg_canary_lag_bytes", "pg_canary_lag_seconds", "pg_canary_replica_replay_lsn")
			}
			must(t, breakage.back(t.Context(), p.replica))
			p.eventually("the replica is back", func(m samples) bool { return m["pg_canary_synced"] == 1 })
			p.leavesNoConnections()
		})
	}
}

func TestPrimaryGoesAway(t *testing.T) {
	for name, breakage := range breakages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t)
			must(t, breakage.away(t.Context(), p.primary))
			for range 3 {
				m := p.scrape(time.Second)
				m.want(t, "pg_canary_up", 0)
				m.want(t, "pg_canary_primaries", 0)
				if got := m.up(p.primary); got != 0 {
					t.Errorf("node_up of the primary is %v", got)
				}
				if got := m.up(p.replica); got != 1 {
					t.Errorf("node_up of the replica is %v", got)
				}
				m.absent(t, "pg_canary_synced", "pg_canary_lag_bytes", "pg_canary_lag_seconds",
					"pg_canary_primary_lsn", "pg_canary_primary_capacity", "pg_canary_write_duration_seconds")
				if m["pg_canary_replica_replay_lsn"] == 0 || m["pg_canary_replica_capacity"] == 0 {
					t.Errorf("what the replica says is lost: %v", m)
				}
			}
			must(t, breakage.back(t.Context(), p.primary))
			p.eventually("the primary is back", func(m samples) bool { return m["pg_canary_synced"] == 1 })
			p.leavesNoConnections()
		})
	}
}

// leavesNoConnections fails when a node has more than two connections of the exporter.
func (p *pair) leavesNoConnections() {
	p.t.Helper()
	for _, server := range []*pgcluster.Server{p.primary, p.replica} {
		if n := connections(p.t, server); n > 2 {
			p.t.Errorf("the exporter has %d connections to %s, want at most 2", n, address(server))
		}
	}
}

func TestMissingSynchronousStandby(t *testing.T) {
	for _, commit := range []string{"local", "on"} {
		t.Run(commit, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, func(c *pairConfig) { c.node.SynchronousCommit = commit })
			must(t, p.primary.SetConfig(t.Context(), map[string]string{"synchronous_standby_names": "nobody"}))
			waitFor(t, "the setting is in force", func() bool {
				var names string
				must(t, p.primary.QueryRow(t.Context(), "SHOW synchronous_standby_names", &names))
				return names == "nobody"
			})
			for range 3 {
				m := p.scrape(2 * time.Second)
				if commit == "local" {
					m.want(t, "pg_canary_up", 1)
					m.want(t, "pg_canary_synced", 1)
					continue
				}
				m.want(t, "pg_canary_up", 0)
				m.absent(t, "pg_canary_synced", "pg_canary_primary_capacity")
			}
			p.leavesNoConnections()
			must(t, p.primary.SetConfig(t.Context(), map[string]string{"synchronous_standby_names": ""}))
			p.eventually("commits are acknowledged again", func(m samples) bool { return m["pg_canary_synced"] == 1 })
		})
	}
}

// TestLockedRow scrapes 200 times at once while another session holds the row:
// one probe runs, all get its answer, and nothing is left over.
func TestLockedRow(t *testing.T) {
	p := newPair(t)
	conn, err := pgx.Connect(t.Context(), p.primary.SuperDSN())
	must(t, err)
	defer conn.Close(context.WithoutCancel(t.Context())) //nolint:errcheck // It is a test's.
	tx, err := conn.Begin(t.Context())
	must(t, err)
	_, err = tx.Exec(t.Context(), "SELECT FROM canary.section FOR UPDATE")
	must(t, err)

	before := p.scrape(scrapeTimeout)
	before.want(t, "pg_canary_up", 0)
	if got := before.failures(p.primary, probe.ReasonLockTimeout); got != 1 {
		t.Errorf("%v failures by lock_timeout, want 1", got)
	}
	if got := before.up(p.primary); got != 1 {
		t.Errorf("node_up of a primary that answers is %v", got)
	}
	var scrapes sync.WaitGroup
	answers := make([]samples, 200)
	for i := range answers {
		scrapes.Go(func() {
			text, _ := p.scrapeText(scrapeTimeout)
			answers[i] = parse(t, text)
		})
	}
	scrapes.Wait()
	for _, m := range answers {
		m.want(t, "pg_canary_up", 0)
		if got, want := m["pg_canary_probes_total"], before["pg_canary_probes_total"]+1; got != want {
			t.Fatalf("%v probes, want %v", got, want)
		}
	}
	p.leavesNoConnections()
	must(t, tx.Rollback(t.Context()))
	p.eventually("the row is free", func(m samples) bool { return m["pg_canary_synced"] == 1 })
}

// TestLittleRights takes pg_monitor, and then the replay functions, from the role.
func TestLittleRights(t *testing.T) {
	p := newPair(t)
	must(t, p.primary.Exec(t.Context(), "REVOKE pg_monitor FROM "+canaryRole))
	must(t, p.primary.Exec(t.Context(), "REVOKE EXECUTE ON FUNCTION pg_last_wal_replay_lsn() FROM PUBLIC"))
	m := p.eventually("the replica tells little", func(m samples) bool {
		_, known := m["pg_canary_replica_replay_lsn"]
		return !known
	})
	m.want(t, "pg_canary_synced", 1)
	m.absent(t, "pg_canary_lag_bytes", "pg_canary_replica_receive_lsn", "pg_canary_replica_timeline")
	if state := m.state(t); state != "synced" {
		t.Errorf("state %q", state)
	}
}
