package faults_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// TestBalancerOverTwoReplicas has an address lead to two replicas in turn, one of which
// is behind: with connections that are kept, and with one for each probe.
func TestBalancerOverTwoReplicas(t *testing.T) {
	p := newPair(t)
	p.closeExporters()
	older, err := p.servers.AddReplica(t.Context(), pgcluster.ReplicaOptions{Name: "older"})
	must(t, err)
	must(t, older.Exec(t.Context(), "SELECT pg_wal_replay_pause()"))
	waitFor(t, "the replay is paused", func() bool {
		var paused bool
		must(t, older.QueryRow(t.Context(), "SELECT pg_is_wal_replay_paused()", &paused))
		return paused
	})
	balancer := newLink(t, p.replica.Addr())
	balancer.leadNew(p.replica.Addr(), older.Addr())
	servers := fmt.Sprintf("pg_canary_node_servers{node=%q}", balancer.Listen)
	config := p.config
	config.replicaDSN = through(p.replica, balancer.Listen)
	config.probe.SyncedWithin = config.probe.Wait / 2
	config.withoutSync = true
	said := func() int { return strings.Count(p.log.String(), "leads to several servers in turn") }

	t.Run("connections kept", func(t *testing.T) {
		config := config
		config.node.Lifetime = 200 * time.Millisecond
		p.serve(config)
		met := map[string]int{}
		p.eventually("the log says that there are several servers", func(m samples) bool {
			met[m.state(t)]++
			return said() > 0
		})
		for range 20 {
			m := p.scrape(scrapeTimeout)
			m.want(t, servers, 2)
			met[m.state(t)]++
		}
		if met["synced"] == 0 || met["paused"] == 0 || len(met) > 2 {
			t.Errorf("the states were %v, want synced and paused", met)
		}
		p.closeExporters()
		if n := said(); n != 1 {
			t.Errorf("the log says it %d times:\n%s", n, p.log)
		}
	})
	t.Run("connected anew for each probe", func(t *testing.T) {
		before := said()
		config := config
		config.freshReplicas = true
		p.serve(config)
		p.scrape(scrapeTimeout)
		const scrapes = 20
		met := map[string]int{}
		for range scrapes {
			m := p.scrape(scrapeTimeout)
			m.want(t, servers, 2)
			met[m.state(t)]++
		}
		if least := scrapes / 3; met["synced"] < least || met["paused"] < least || met["synced"]+met["paused"] != scrapes {
			t.Errorf("the states were %v in %d scrapes, want half of them synced and half paused", met, scrapes)
		}
		p.closeExporters()
		if n := said() - before; n != 1 {
			t.Errorf("the log says it %d times:\n%s", n, p.log)
		}
	})
}
