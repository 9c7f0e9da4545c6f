//go:build unix && patroni

package patroni_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/discovery"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/patroni"
)

// TestExporter puts a real cluster through what may happen to it, while the whole exporter finds and probes it.
func TestExporter(t *testing.T) {
	p := newProbed(t)
	for _, each := range []struct {
		name string
		run  func(*probed)
	}{
		{"found", (*probed).found},
		{"switchover", (*probed).switchover},
		{"failover", (*probed).failover},
		{"reinit", (*probed).reinit},
		{"a member that changes its address", (*probed).moves},
		{"pause", (*probed).pause},
		{"a scheduled switchover", (*probed).scheduled},
		{"a leader whose Patroni hangs", (*probed).hung},
		{"a member that is stopped", (*probed).stopped},
		{"Patroni is silent", (*probed).silent},
	} {
		began := time.Now()
		ok := t.Run(each.name, func(t *testing.T) { each.run(p.under(t)) })
		t.Logf("%s took %v; the exporter says:\n%s", each.name, time.Since(began).Round(time.Second), p.log.since(began))
		if !ok {
			break // The next one begins with a cluster that is well.
		}
	}
}

func (p *probed) found() {
	leader, _ := p.leaderAndReplicas()
	names := p.names
	p.names = nil // There are none before Patroni has told.
	for _, cluster := range both {
		p.until(cluster, "all are found", func(s samples) bool { return slices.Equal(s.nodes(), names) })
	}
	p.names = names
	for _, cluster := range both {
		s := p.until(cluster, "it is well", p.well(leader.Name))
		p.Logf("%s is well %v after the exporter's start", cluster, time.Since(p.began))
		for name, want := range map[string]float64{"pg_canary_primary_changes_total": 0, "pg_canary_lost_writes_total": 0, "pg_canary_discovery_paused": 0, "pg_canary_discovery_switchover_timestamp_seconds": -1} {
			if got := s.value(name); got != want {
				p.Errorf("%s: %s is %v, want %v", cluster, name, got, want)
			}
		}
		if up, nodes := s.value("pg_canary_discovery_up", "source", "patroni"), s.value("pg_canary_discovery_nodes", "source", "patroni"); up != 1 || nodes != 3 {
			p.Errorf("%s: discovery is up: %v, with %v nodes", cluster, up, nodes)
		}
		if got := s.value("pg_canary_discovery_node_tag", "node", "n2", "tag", "clonefrom", "value", "true"); got != 1 {
			p.Errorf("%s: the tag clonefrom of n2 is %v", cluster, got)
		}
	}
}

func (p *probed) switchover() {
	first, replicas := p.leaderAndReplicas()
	p.takeover(first, func() { must(p.T, p.cluster.SwitchOver(p.Context(), replicas[0], time.Time{})) }, func() *patroni.Member {
		p.untilBoth("the new leader is well", p.well(replicas[0].Name))
		return replicas[0]
	})
}

// failover loses what the killed leader committed and no replica got.
func (p *probed) failover() {
	first, _ := p.leaderAndReplicas()
	p.takeover(first, func() {
		stalled := time.Now()
		must(p.T, first.StallReplication(p.Context()))
		for _, cluster := range both {
			p.until(cluster, "some beats are on the leader alone", func(samples) bool {
				return len(p.log.acknowledged(cluster, first.Name, stalled, 0)) >= 5
			})
		}
		must(p.T, first.Kill())
	}, func() *patroni.Member {
		killed := time.Now()
		p.until(pulsed, "another one takes writes", func(s samples) bool { return s.value("pg_canary_up") == 1 })
		p.Logf("another one takes writes %v after the end of the leader", time.Since(killed))
		second, err := p.cluster.Leader(p.Context())
		must(p.T, err)
		p.untilBoth("the killed one does not answer", func(s samples) bool {
			return s.value("pg_canary_primaries") == 1 && s.value("pg_canary_node_up", "node", first.Name) == 0 && s.state(first.Name) == "unreachable"
		})
		must(p.T, first.Start())
		p.untilBoth("the killed one is back", p.well(second.Name))
		return second
	})
	for _, cluster := range both {
		if p.lost[cluster] == 0 {
			p.Errorf("%s lost nothing, though no replica had the last beats", cluster)
		}
	}
}

// reinit has a replica throw away its data.
func (p *probed) reinit() {
	leader, replicas := p.leaderAndReplicas()
	name, marker := replicas[0].Name, filepath.Join(replicas[0].DataDir(), "marker")
	must(p.T, os.WriteFile(marker, nil, 0o600))
	must(p.T, replicas[0].Reinitialize(p.Context()))
	var states []string
	seen := func(s samples) string {
		state := s.state(name)
		if len(states) == 0 || states[len(states)-1] != state {
			states = append(states, state)
		}
		return state
	}
	p.until(pulsed, "the replica is away", func(s samples) bool { return seen(s) != "synced" })
	p.until(pulsed, "the replica is back", func(s samples) bool {
		_, err := os.Stat(marker)
		seen(s)
		return os.IsNotExist(err) && p.well(leader.Name)(s)
	})
	p.Logf("the replica's states: %q", states)
	p.untilBoth("it is well", p.well(leader.Name))
}

// moves: a replica is started at another address, with other tags, while somebody silent takes its place at the old one.
func (p *probed) moves() {
	leader, replicas := p.leaderAndReplicas()
	moving := replicas[0]
	must(p.T, moving.Stop(p.Context()))
	p.untilBoth("it does not answer", func(s samples) bool { return s.state(moving.Name) == "unreachable" })
	old := listenSilently(p.T, moving.Port)
	moving.NoFailover, moving.NoLoadBalance = true, true
	must(p.T, moving.Move())
	must(p.T, moving.Start())
	p.await("it at its new address", func(found discovery.Found) bool {
		n := node(found, moving.Name)
		return n.Port == moving.Port && (n.State == "running" || n.State == "streaming")
	})
	told := time.Now()
	for _, cluster := range both {
		p.until(cluster, "it is synced at its new address", p.well(leader.Name))
		p.Logf("%s is well %v after Patroni told the new address", cluster, time.Since(told))
	}
	accepted := old.awaitClosed(p.T)
	for range 3 {
		p.untilBoth("it is well", p.well(leader.Name))
	}
	if now := old.awaitClosed(p.T); now != accepted {
		p.Errorf("the old address was connected to %d times after the node had moved", now-accepted)
	}
	p.Logf("the old address was connected to %d times before the node had moved", accepted)
	for _, cluster := range both {
		p.until(cluster, "the tags are told", func(s samples) bool {
			return s.value("pg_canary_discovery_node_tag", "node", moving.Name, "tag", "nofailover", "value", "true") == 1 &&
				s.value("pg_canary_discovery_node_tag", "node", moving.Name, "tag", "noloadbalance", "value", "true") == 1
		})
	}
}
