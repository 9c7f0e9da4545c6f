package faults_test

import (
	"context"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
)

const scrapeTimeout = 5 * time.Second

// TestHealthyPair leaves the replica more time than the default, because a busy
// machine can really take more than 100 ms to replay.
func TestHealthyPair(t *testing.T) {
	p := newPair(t, func(c *pairConfig) { c.probe.Wait, c.probe.SyncedWithin = 4*time.Second, 4*time.Second })
	before := p.scrape(scrapeTimeout)
	for range 500 {
		m := p.scrape(scrapeTimeout)
		m.want(t, "pg_canary_up", 1)
		m.want(t, "pg_canary_synced", 1)
		m.want(t, "pg_canary_primaries", 1)
		if state := m.state(t); state != "synced" {
			t.Fatalf("state %q on a healthy pair", state)
		}
		if m["pg_canary_lag_bytes"] == 0 && m["pg_canary_replica_capacity"] != m["pg_canary_primary_capacity"] {
			t.Fatalf("a lag of 0 bytes beside a stale value: %v", m)
		}
		if m["pg_canary_replica_receive_lsn"] < m["pg_canary_replica_replay_lsn"] {
			t.Fatalf("more was replayed than received: %v", m)
		}
	}
	after := p.scrape(scrapeTimeout)
	for _, name := range []string{"pg_canary_probes_total", "pg_canary_reads_total", "pg_canary_visibility_delay_seconds"} {
		if got := after[name] - before[name]; got != 501 {
			t.Errorf("%s grew by %v in 501 scrapes", name, got)
		}
	}
	after.want(t, "pg_canary_backward_reads_total", 0)
	after.want(t, "pg_canary_primary_timeline", 1)
	after.want(t, "pg_canary_replica_timeline", 1)
	after.want(t, "pg_canary_replica_apply_delay_seconds", 0)
	if n := connections(t, p.primary) + connections(t, p.replica); n != 2 {
		t.Errorf("the exporter has %d connections to two nodes, want 2", n)
	}
}

// TestRestartedExporterKnowsTheLag as far as its memory goes: a lag is at least the age of
// the oldest canary that is remembered, and grows with it.
func TestRestartedExporterKnowsTheLag(t *testing.T) {
	p := newPair(t)
	p.pause()
	p.eventually("a commit is missing", func(m samples) bool { return m["pg_canary_synced"] == 0 })
	p.collector, p.handler = p.newExporter(defaultConfig())
	restarted := time.Now()
	p.scrape(scrapeTimeout)
	first := time.Now() // The first canary was acknowledged before this.
	for range 3 {
		m := p.scrape(scrapeTimeout)
		// The last read was sent within a pause of the end of the scrape.
		least, most := (time.Since(first) - 200*time.Millisecond).Seconds(), time.Since(restarted).Seconds()
		if lag := m["pg_canary_lag_seconds"]; lag < least || lag > most {
			t.Errorf("a lag of %v s, want %v to %v, as old as the first canary after the restart", lag, least, most)
		}
	}
}

// TestReplicaWithoutTheRow: a section that was set up while the replica did not replay.
func TestReplicaWithoutTheRow(t *testing.T) {
	p := newPair(t)
	p.pause()
	must(t, pgnode.Setup{Role: canaryRole, Password: canaryPassword, Section: "late"}.Run(t.Context(), p.primary.SuperDSN()))
	config := defaultConfig()
	config.node.Section = "late"
	p.collector, p.handler = p.newExporter(config)
	p.scrape(scrapeTimeout)
	first := time.Now()
	for range 2 {
		p.scrape(scrapeTimeout)
	}
	m := p.scrape(scrapeTimeout)
	m.want(t, "pg_canary_synced", 0)
	if lag, least := m["pg_canary_lag_seconds"], (time.Since(first) - 200*time.Millisecond).Seconds(); lag < least {
		t.Errorf("a lag of %v s, want at least %v", lag, least)
	}
}

// TestIdlePrimary: nothing but the canary writes, and nothing grows between two of them.
func TestIdlePrimary(t *testing.T) {
	p := newPair(t)
	p.scrape(scrapeTimeout)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	<-ctx.Done()
	if lag := p.scrape(scrapeTimeout)["pg_canary_lag_seconds"]; lag > 1 {
		t.Errorf("a lag of %v s on a pair that was idle for 2 s", lag)
	}
}

func TestBackwardRead(t *testing.T) {
	p := newPair(t)
	for range 5 {
		p.scrape(scrapeTimeout)
	}
	must(t, p.primary.Exec(t.Context(), "UPDATE canary.section SET capacity = 1"))
	must(t, p.replica.WaitCaughtUp(t.Context()))
	m := p.eventually("the pair is synced", func(m samples) bool { return m["pg_canary_synced"] == 1 })
	if m["pg_canary_backward_reads_total"] == 0 {
		t.Errorf("a value that went back was not counted: %v", m)
	}
}
