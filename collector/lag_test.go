package collector_test

import (
	"context"
	"testing"
	"time"
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

func TestPausedReplay(t *testing.T) {
	p := newPair(t)
	p.pause()
	firstUnseen := time.Now()
	first := p.scrape(scrapeTimeout)
	first.want(t, "pg_canary_synced", 0)
	if state := first.state(t); state != "paused" {
		t.Errorf("state %q within one scrape of the pause", state)
	}
	last := first
	for range 3 {
		m := p.scrape(scrapeTimeout)
		truth := time.Since(firstUnseen).Seconds()
		if m["pg_canary_lag_bytes"] <= last["pg_canary_lag_bytes"] || m["pg_canary_lag_seconds"] <= last["pg_canary_lag_seconds"] {
			t.Errorf("the lag does not grow: %v then %v bytes, %v then %v seconds", last["pg_canary_lag_bytes"],
				m["pg_canary_lag_bytes"], last["pg_canary_lag_seconds"], m["pg_canary_lag_seconds"])
		}
		if lag := m["pg_canary_lag_seconds"]; lag > truth {
			t.Errorf("a lag of %v s, %v s after the first commit that is missing", lag, truth)
		}
		m.want(t, "pg_canary_replica_capacity", first["pg_canary_replica_capacity"])
		last = m
	}
	must(t, p.replica.Exec(t.Context(), "SELECT pg_wal_replay_resume()"))
	p.eventually("the replay has resumed", func(m samples) bool { return m["pg_canary_synced"] == 1 })
}

// TestRestartedExporterKnowsTheLag: the memory is gone, the stamps of the section are not.
func TestRestartedExporterKnowsTheLag(t *testing.T) {
	p := newPair(t)
	p.pause()
	p.eventually("a commit is missing", func(m samples) bool { return m["pg_canary_synced"] == 0 })
	before := p.scrape(scrapeTimeout)["pg_canary_lag_seconds"]
	p.collector, p.handler = p.newExporter(defaultConfig())
	m := p.scrape(scrapeTimeout)
	if lag := m["pg_canary_lag_seconds"]; lag < before {
		t.Errorf("a lag of %v s after a restart of the exporter, %v s before it", lag, before)
	}
}

func TestDelayedStandby(t *testing.T) {
	p := newPair(t, func(c *pairConfig) {
		c.replica.Settings = map[string]string{"recovery_min_apply_delay": "3s"}
		c.withoutSync = true
	})
	began := time.Now()
	m := p.scrape(scrapeTimeout)
	m.want(t, "pg_canary_synced", 0)
	m.want(t, "pg_canary_replica_apply_delay_seconds", 3)
	for time.Since(began) < 2*time.Second {
		m = p.scrape(scrapeTimeout)
		if state := m.state(t); state != "delayed" {
			t.Errorf("state %q while the delay holds the canary back", state)
		}
	}
	if lag := m["pg_canary_lag_seconds"]; lag < 1.5 || lag > 3.5 {
		t.Errorf("a lag of %v s under a delay of 3 s", lag)
	}
}

func TestReceiverCut(t *testing.T) {
	p := newPair(t)
	must(t, p.primary.SetHBA(t.Context(), "host replication all all reject"))
	must(t, p.primary.Exec(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_replication"))
	m := p.eventually("the receiver is gone", func(m samples) bool { return m.state(t) == "disconnected" })
	m.want(t, "pg_canary_synced", 0)
	later := p.scrape(scrapeTimeout)
	if later["pg_canary_lag_bytes"] <= m["pg_canary_lag_bytes"] || later["pg_canary_lag_seconds"] <= m["pg_canary_lag_seconds"] {
		t.Errorf("the lag does not grow while replication is cut: %v, then %v", m, later)
	}
	must(t, p.primary.SetHBA(t.Context()))
	p.eventually("replication is back", func(m samples) bool { return m["pg_canary_synced"] == 1 })
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
	m := p.eventually("the pair is synced", func(m samples) bool { return m["pg_canary_synced"] == 1 })
	if m["pg_canary_backward_reads_total"] == 0 {
		t.Errorf("a value that went back was not counted: %v", m)
	}
}
