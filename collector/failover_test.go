package collector_test

import (
	"strings"
	"testing"

	"github.com/pg-canary/pg_canary_exporter/collector"
	"github.com/pg-canary/pg_canary_exporter/internal/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/pgcluster/pgtest"
)

// TestPromotionWithTheOldPrimaryDead: the canary goes to the new primary within
// one scrape, and the old one comes back as a replica.
func TestPromotionWithTheOldPrimaryDead(t *testing.T) {
	p := newPair(t)
	old, next := p.primary, p.replica
	must(t, old.Kill())
	p.scrape(scrapeTimeout).want(t, "pg_canary_primaries", 0)
	must(t, next.Promote(t.Context()))
	m := p.scrape(scrapeTimeout)
	m.want(t, "pg_canary_up", 1)
	m.want(t, "pg_canary_primaries", 1)
	m.want(t, "pg_canary_primary_changes_total", 1)
	m.want(t, "pg_canary_primary_timeline", 2)
	m.want(t, "pg_canary_lost_writes_total", 0)
	m.want(t, `pg_canary_node_is_primary{node="`+next.Addr()+`"}`, 1)
	if state := m.state(t); state != "unreachable" {
		t.Errorf("the dead primary is %q", state)
	}
	if text := p.log.String(); !strings.Contains(text, "another node took over as primary") || !strings.Contains(text, "timeline=2") {
		t.Errorf("the log does not tell of it:\n%s", text)
	}
	must(t, p.servers.Reclone(t.Context(), old, next))
	m = p.eventually("the old primary is a replica", func(m samples) bool { return m["pg_canary_synced"] == 1 })
	m.want(t, `pg_canary_node_is_primary{node="`+old.Addr()+`"}`, 0)
	m.want(t, "pg_canary_primary_changes_total", 1)
	p.leavesNoConnections()
}

// TestSplitBrain promotes the replica while the old primary lives on.
func TestSplitBrain(t *testing.T) {
	p := newPair(t)
	must(t, p.replica.Promote(t.Context()))
	for range 2 {
		m := p.scrape(scrapeTimeout)
		m.want(t, "pg_canary_up", 1)
		m.want(t, "pg_canary_primaries", 2)
		m.want(t, "pg_canary_primary_changes_total", 1)
		m.want(t, "pg_canary_primary_timeline", 2)
		m.want(t, "pg_canary_synced", 0)
		m.absent(t, "pg_canary_lag_bytes", "pg_canary_lag_seconds")
		if state := m.state(t); state != "diverged" {
			t.Errorf("the old primary is %q", state)
		}
	}
	if n := strings.Count(p.log.String(), "took over"); n != 1 {
		t.Errorf("%d lines about the takeover, want 1:\n%s", n, p.log)
	}
}

// TestLostWrites promotes a replica that had not received the last commits.
func TestLostWrites(t *testing.T) {
	p := newPair(t)
	must(t, p.primary.SetHBA(t.Context(), "host replication all all reject"))
	must(t, p.primary.Exec(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_replication"))
	before := p.eventually("replication is cut", func(m samples) bool { return m.state(t) == "disconnected" })
	for range 3 {
		before = p.scrape(scrapeTimeout)
	}
	unseen := before["pg_canary_primary_capacity"] - before["pg_canary_replica_capacity"]
	must(t, p.primary.Kill())
	must(t, p.replica.Promote(t.Context()))
	m := p.scrape(scrapeTimeout)
	m.want(t, "pg_canary_up", 1)
	m.want(t, "pg_canary_lost_writes_total", unseen)
	if text := p.log.String(); !strings.Contains(text, "acknowledged commits are lost") || !strings.Contains(text, "wal_bytes_left_behind=") {
		t.Errorf("the log does not tell of the loss:\n%s", text)
	}
	p.scrape(scrapeTimeout).want(t, "pg_canary_lost_writes_total", unseen)
}

// TestNoFalseLoss: neither a second exporter nor a restarted one finds a loss where none is.
func TestNoFalseLoss(t *testing.T) {
	p := newPair(t)
	first := p.handler
	_, second := p.newExporter(defaultConfig())
	for range 5 {
		for _, handler := range []*collector.Handler{first, second} {
			p.handler = handler
			m := p.scrape(scrapeTimeout)
			m.want(t, "pg_canary_lost_writes_total", 0)
			m.want(t, "pg_canary_backward_reads_total", 0)
		}
	}
	must(t, p.primary.Kill())
	must(t, p.primary.Start(t.Context()))
	_, restarted := p.newExporter(defaultConfig())
	for _, handler := range []*collector.Handler{first, second, restarted} {
		p.handler = handler
		m := p.eventually("the primary is back", func(m samples) bool { return m["pg_canary_up"] == 1 })
		m.want(t, "pg_canary_lost_writes_total", 0)
	}
}

// TestForeignNode gives the exporter the primary of another cluster as a replica,
// which it must never write to, not even when its own primary is gone.
func TestForeignNode(t *testing.T) {
	other := pgtest.New(t, pgcluster.Options{})
	p := newPair(t)
	config := defaultConfig()
	config.more = []string{other.Primary().SuperDSN()}
	p.collector, p.handler = p.newExporter(config)
	m := p.scrape(scrapeTimeout)
	m.want(t, "pg_canary_primaries", 1)
	if state := m.stateOf(t, other.Primary()); state != "foreign" {
		t.Errorf("the node of another cluster is %q", state)
	}
	must(t, p.primary.Stop(t.Context(), pgcluster.Fast))
	m = p.scrape(scrapeTimeout)
	m.want(t, "pg_canary_up", 0)
	m.want(t, "pg_canary_primaries", 0)
	var schemas int
	must(t, other.Primary().QueryRow(t.Context(), "SELECT count(*) FROM pg_namespace WHERE nspname = 'canary'", &schemas))
	if schemas != 0 {
		t.Error("something was written to the node of another cluster")
	}
}
