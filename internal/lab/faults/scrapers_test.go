package faults_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestScrapersAmongThemselves has one that waits for 5 s beside one that says 0.4 ms and one that
// says 60 s, both of which scrape all the time: it gets what it gets alone, in every situation.
func TestScrapersAmongThemselves(t *testing.T) {
	t.Parallel()
	p := newPair(t, func(c *pairConfig) {
		c.probe.MinInterval = 200 * time.Millisecond
		c.probe.SyncedWithin = c.probe.Wait / 2 // A busy machine takes more than the default.
	})
	for _, situation := range []struct {
		name      string
		hit, heal func() error
	}{
		{"healthy", nil, nil},
		{"replay paused", p.on(p.replica, "SELECT pg_wal_replay_pause()"), p.on(p.replica, "SELECT pg_wal_replay_resume()")},
		{"replica frozen", p.replica.Freeze, p.replica.Thaw},
		{"primary frozen", p.primary.Freeze, p.primary.Thaw},
	} {
		if situation.hit != nil {
			must(t, situation.hit())
		}
		// What is shared may be of before the hit.
		before := p.scrape(5 * time.Second)["pg_canary_probes_total"]
		alone := factsOf(p.eventually("it notices", func(m samples) bool { return m["pg_canary_probes_total"] >= before+2 }))
		if situation.name == "healthy" && alone["pg_canary_synced"] != 1 {
			t.Errorf("alone it gets %v of a healthy pair", alone)
		}
		leave := p.besides("0.0004", "60")
		for range 4 {
			if diff := cmp.Diff(alone, factsOf(p.scrape(5*time.Second))); diff != "" {
				t.Errorf("%s: beside others (-alone +beside):\n%s", situation.name, diff)
			}
		}
		leave()
		if situation.heal != nil {
			must(t, situation.heal())
		}
		p.eventually("the pair is synced again", func(m samples) bool { return m["pg_canary_synced"] == 1 })
	}
}

// on is a statement that a server is to run.
func (p *pair) on(server interface {
	Exec(ctx context.Context, sql string, args ...any) error
}, sql string,
) func() error {
	return func() error { return server.Exec(p.t.Context(), sql) }
}

// factsOf are the samples of a scrape that a situation decides, and no moment.
func factsOf(m samples) samples {
	facts := samples{}
	for name, value := range m {
		switch base, _, _ := strings.Cut(name, "{"); base {
		case "pg_canary_up", "pg_canary_primaries", "pg_canary_node_up", "pg_canary_synced", "pg_canary_replica_state":
			facts[name] = value
		}
	}
	return facts
}

// besides has scrapers with the given timeouts scrape again and again, until it is told to end that.
func (p *pair) besides(timeouts ...string) (end func()) {
	ctx, cancel := context.WithCancel(p.t.Context())
	var running sync.WaitGroup
	for _, timeout := range timeouts {
		running.Go(func() {
			for ctx.Err() == nil {
				request := httptest.NewRequestWithContext(ctx, http.MethodGet, "/metrics", nil)
				request.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", timeout)
				recorder := httptest.NewRecorder()
				p.handler.ServeHTTP(recorder, request)
				if recorder.Code != http.StatusOK {
					p.t.Errorf("the scraper with %s s got %d", timeout, recorder.Code)
				}
			}
		})
	}
	return func() {
		cancel()
		running.Wait()
	}
}
