package faults_test

import (
	"testing"
	"time"
)

// farAway is the round trip to a replica whose connection takes many of them to make.
const farAway = 300 * time.Millisecond

// TestReconnectIsNoLag has the idle connection to a far replica end before each scrape, by
// the server or somebody between: what it takes to make another is never told as lag.
func TestReconnectIsNoLag(t *testing.T) {
	var far *link
	p := newPair(t, func(c *pairConfig) {
		c.probe.Wait, c.probe.SyncedWithin = 3*time.Second, 2*time.Second
		c.replicaRuns = func(p *pair, c *pairConfig) {
			far = newLink(t, p.replica.Addr())
			c.replicaDSN = through(p.replica, farLink(t, far.Listen, farAway))
		}
	})
	for name, cut := range map[string]func(){
		"ended by the server": func() {
			must(t, p.replica.Exec(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '"+canaryRole+"'"))
		},
		"ended by a proxy": func() { far.hangUp() },
		"forgotten by NAT": func() { far.darken() },
	} {
		t.Run(name, func(t *testing.T) {
			for range 3 {
				p.eventually("the replica is seen in time", func(m samples) bool { return m["pg_canary_synced"] == 1 })
				cut()
				for range 2 {
					m := p.scrape(scrapeTimeout)
					if synced, ok := m["pg_canary_synced"]; ok && synced != 1 {
						t.Errorf("the replica is late: %v\nlog:\n%s", m, p.log)
					}
					// The connection alone takes four round trips at the least, and the read one more.
					if lag := m["pg_canary_lag_seconds"]; lag > (4 * farAway).Seconds() {
						t.Errorf("a lag of %v s: %v\nlog:\n%s", lag, m, p.log)
					}
				}
			}
		})
	}
}
