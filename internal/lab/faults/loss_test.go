package faults_test

import (
	"testing"

	"github.com/pg-canary/pg_canary_exporter/collector"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster/pgtest"
)

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
	p.eventually("all nodes have answered", func(m samples) bool {
		return m["pg_canary_primaries"] == 1 && m.stateOf(t, other.Primary()) == "foreign"
	})
	must(t, p.primary.Stop(t.Context(), pgcluster.Fast))
	m := p.scrape(scrapeTimeout)
	m.want(t, "pg_canary_up", 0)
	m.want(t, "pg_canary_primaries", 0)
	var schemas int
	must(t, other.Primary().QueryRow(t.Context(), "SELECT count(*) FROM pg_namespace WHERE nspname = 'canary'", &schemas))
	if schemas != 0 {
		t.Error("something was written to the node of another cluster")
	}
}
