package faults_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/load"
)

// renewals is how many connections TestRenewals lets each server see.
const renewals = 1000

// TestRenewals renews the connections as fast as they can be made, beside an application
// that writes. Nobody notices in what is published, and nothing is left.
func TestRenewals(t *testing.T) {
	links := [2]*link{}
	p := newPair(t, func(c *pairConfig) {
		// A busy machine can take more than 100 ms to replay.
		c.probe.Wait, c.probe.SyncedWithin = 4*time.Second, 4*time.Second
		c.primaryRuns = func(p *pair, c *pairConfig) {
			links[0] = newLink(t, p.primary.Addr())
			c.primaryDSN = through(p.primary, links[0].Listen)
		}
		c.replicaRuns = func(p *pair, c *pairConfig) {
			links[1] = newLink(t, p.replica.Addr())
			c.replicaDSN = through(p.replica, links[1].Listen)
		}
	})
	ctx, stop := context.WithCancel(t.Context())
	loaded := make(chan error, 1)
	go func() { loaded <- load.Steadily(ctx, p.servers) }()
	kept := p.lags(func(n int) bool { return n < 200 })
	p.closeExporters()

	for _, l := range links {
		l.atMost(mostSessions)
	}
	seen := func() int {
		primary, _ := links[0].counts()
		replica, _ := links[1].counts()
		return min(primary, replica)
	}
	config := p.config
	config.node.Lifetime = 5 * time.Millisecond
	p.serve(config)
	renewed := p.lags(func(int) bool { return seen() < renewals })
	t.Logf("%d scrapes with %d connections: median lag %v; %d scrapes with one: %v",
		len(renewed), seen(), median(renewed), len(kept), median(kept))
	if most := median(kept) + tolerable; median(renewed) > most {
		t.Errorf("the median lag is %v with renewals, %v without", median(renewed), median(kept))
	}
	p.closeExporters()
	stop()
	must(t, <-loaded)
	for i, l := range links {
		if _, excess := l.counts(); excess > 0 {
			t.Errorf("node %d had more than %d connections %d times", i, mostSessions, excess)
		}
		if n := connections(t, p.servers.Servers()[i]); n > 0 {
			waitFor(t, "the connections are gone", func() bool { return connections(t, p.servers.Servers()[i]) == 0 })
		}
	}
}

// lags scrapes as long as more are wanted, and returns the replica's lags. In each scrape
// all is well, and known to be.
func (p *pair) lags(more func(scraped int) bool) []time.Duration {
	p.t.Helper()
	var lags []time.Duration
	for began := time.Now(); more(len(lags)) && !p.t.Failed(); {
		if time.Since(began) > 5*time.Minute {
			p.t.Fatalf("only %d scrapes in %v", len(lags), time.Since(began))
		}
		m := p.scrape(scrapeTimeout)
		m.want(p.t, "pg_canary_up", 1)
		m.want(p.t, "pg_canary_primaries", 1)
		m.want(p.t, "pg_canary_synced", 1)
		lag, ok := m["pg_canary_lag_seconds"]
		if !ok {
			p.t.Error("nobody knows the lag")
		}
		for name, value := range m {
			if value > 0 && (strings.HasPrefix(name, "pg_canary_failures_total") || name == "pg_canary_backward_reads_total") {
				p.t.Errorf("%s is %v", name, value)
			}
		}
		if p.t.Failed() {
			p.t.Logf("scrape %d: %v\nlog:\n%s", len(lags), m, p.log)
		}
		lags = append(lags, time.Duration(lag*float64(time.Second)))
	}
	return lags
}

// median returns the one in the middle.
func median(durations []time.Duration) time.Duration {
	slices.Sort(durations)
	return durations[len(durations)/2]
}
