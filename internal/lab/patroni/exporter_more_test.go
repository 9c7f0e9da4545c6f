//go:build unix && patroni

package patroni_test

import (
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/discovery"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/patroni"
)

func (p *probed) pause() {
	leader, _ := p.leaderAndReplicas()
	for _, paused := range []bool{true, false} {
		must(p.T, p.cluster.Pause(p.Context(), paused))
		p.untilBoth("it is told whether Patroni pauses", func(s samples) bool {
			return s.value("pg_canary_discovery_paused") == map[bool]float64{true: 1}[paused] && p.well(leader.Name)(s)
		})
	}
}

func (p *probed) scheduled() {
	const metric = "pg_canary_discovery_switchover_timestamp_seconds"
	first, replicas := p.leaderAndReplicas()
	to := replicas[slices.IndexFunc(replicas, func(m *patroni.Member) bool { return !m.NoFailover })]
	at := time.Now().Add(time.Hour).Truncate(time.Second)
	must(p.T, p.cluster.SwitchOver(p.Context(), to, at))
	p.untilBoth("it is told", func(s samples) bool { return s.value(metric) == float64(at.Unix()) })
	must(p.T, p.cluster.CancelSwitchOver(p.Context()))
	p.untilBoth("it is gone", func(s samples) bool { return s.value(metric) == -1 })
	p.takeover(first, func() {
		must(p.T, p.cluster.SwitchOver(p.Context(), to, time.Now().Add(30*time.Second)))
		p.untilBoth("it is told", func(s samples) bool { return s.value(metric) > 0 })
	}, func() *patroni.Member {
		p.untilBoth("it is done", func(s samples) bool { return s.value(metric) == -1 && p.well(to.Name)(s) })
		return to
	})
}

// hung: the Patroni of the leader hangs, and its PostgreSQL takes writes beside the next leader until its host is
// reset. What only that one got is lost then.
func (p *probed) hung() {
	first, _ := p.leaderAndReplicas()
	p.takeover(first, func() { must(p.T, first.Suspend()) }, func() *patroni.Member {
		p.untilBoth("two take writes", func(s samples) bool { return s.value("pg_canary_primaries") == 2 })
		found := p.await("another leader", func(found discovery.Found) bool { return leader(found) != "" && leader(found) != first.Name })
		second := p.cluster.Member(leader(found))
		p.untilBoth("the next leader is written", func(s samples) bool {
			return s.value("pg_canary_up") == 1 && s.value("pg_canary_primaries") == 2 && s.state(first.Name) != "" && s.state(second.Name) == ""
		})
		for _, cluster := range both {
			p.last[cluster] = p.section(first, cluster, "capacity")
		}
		must(p.T, first.Kill())
		must(p.T, first.Start())
		p.untilBoth("it is well", p.well(second.Name))
		return second
	})
}

// stopped: who says good-bye is a node until Patroni has forgotten it. Its series go then, and those of the others stay.
func (p *probed) stopped() {
	leader, replicas := p.leaderAndReplicas()
	leaving, all := replicas[0], p.names
	staying := slices.DeleteFunc(slices.Clone(all), func(name string) bool { return name == leaving.Name })
	must(p.T, leaving.Stop(p.Context()))
	p.untilBoth("it does not answer", func(s samples) bool { return s.state(leaving.Name) == "unreachable" })
	p.names = nil
	p.untilBoth("it is no node any more", func(s samples) bool { return slices.Equal(s.nodes(), staying) })
	p.names = staying
	for _, cluster := range both {
		for series := range p.until(cluster, "the others are well", p.well(leader.Name)) {
			if _, node, _ := nodeOf(series); node == leaving.Name {
				p.Errorf("%s still has %s", cluster, series)
			}
		}
	}
	must(p.T, leaving.Start())
	p.names = nil
	p.untilBoth("it is one again", func(s samples) bool { return slices.Equal(s.nodes(), all) })
	p.names = all
	p.untilBoth("it is well", p.well(leader.Name))
}

// silent: no Patroni answers, and what it told last stays.
func (p *probed) silent() {
	leader, _ := p.leaderAndReplicas()
	for _, member := range p.cluster.Members() {
		must(p.T, member.Suspend())
	}
	for _, cluster := range both {
		s := p.until(cluster, "nobody tells", func(s samples) bool { return s.value("pg_canary_discovery_up", "source", "patroni") == 0 })
		probes := s.value("pg_canary_probes_total")
		p.until(cluster, "it is probed all the same", func(s samples) bool {
			return s.value("pg_canary_probes_total") > probes && s.value("pg_canary_discovery_nodes", "source", "patroni") == 3 && p.well(leader.Name)(s)
		})
	}
	for _, member := range p.cluster.Members() {
		must(p.T, member.Resume())
	}
	p.untilBoth("Patroni tells again", func(s samples) bool { return s.value("pg_canary_discovery_up", "source", "patroni") == 1 })
	leader, _ = p.leaderAndReplicas()
	p.untilBoth("it is well", p.well(leader.Name))
}

// silentListener takes connections and answers none.
type silentListener struct {
	mu             sync.Mutex
	accepted, open int
}

// listenSilently does so on a port until the test ends.
func listenSilently(t *testing.T, port int) *silentListener {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	must(t, err)
	l := &silentListener{}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			l.count(1, 1)
			running.Go(func() {
				_, _ = io.Copy(io.Discard, conn) // What is meant for somebody else.
				_ = conn.Close()
				l.count(0, -1)
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		running.Wait()
	})
	return l
}

func (l *silentListener) count(accepted, open int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.accepted, l.open = l.accepted+accepted, l.open+open
}

// awaitClosed waits until nobody is connected, and returns how many were so far.
func (l *silentListener) awaitClosed(t *testing.T) int {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		l.mu.Lock()
		accepted, open := l.accepted, l.open
		l.mu.Unlock()
		if open == 0 {
			return accepted
		}
	}
	t.Fatal("somebody stays connected to the old address")
	return 0
}
