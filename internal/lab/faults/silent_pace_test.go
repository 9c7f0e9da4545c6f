package faults_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

// TestSilentNodeDelaysNobody has one more node that never answers. The beat goes out as
// soon as without it, takes as long, and the scrape ends long before its time is over.
func TestSilentNodeDelaysNobody(t *testing.T) {
	writes := &writeTimes{}
	p := newPair(t, func(c *pairConfig) {
		c.wrap = func(n probe.Node) probe.Node { return timedNode{n, writes} }
	})
	p.closeExporters()
	without := p.pace(writes, p.config)
	for name, silent := range map[string]func() string{
		"accepts and says nothing": func() string {
			return listen(t, func(conn net.Conn) error { return saysNothing(conn.(*net.TCPConn)) })
		},
		"does not answer": func() string {
			listener, err := net.Listen("tcp", "127.0.0.4:0") // A free port.
			must(t, err)
			must(t, listener.Close())
			listenFull(t, listener.Addr().String())
			return listener.Addr().String()
		},
	} {
		t.Run(name, func(t *testing.T) {
			config := p.config
			config.more = []string{through(p.replica, silent()) + "&connect_timeout=1"}
			with := p.pace(writes, config)
			p.closeExporters()
			t.Logf("without it %+v, with it %+v", without, with)
			if most := without.untilWrite + tolerable; with.untilWrite > most {
				t.Errorf("the beat goes out after %v, without the silent node after %v", with.untilWrite, without.untilWrite)
			}
			if most := without.write + tolerable; with.write > most {
				t.Errorf("the beat takes %v, without the silent node %v", with.write, without.write)
			}
			if with.longest > scrapeTimeout/2 {
				t.Errorf("a scrape took %v of its %v", with.longest, scrapeTimeout)
			}
		})
	}
}

// tolerable is by how much a busy machine may differ from itself.
const tolerable = 200 * time.Millisecond

// pace is how fast scrapes were: medians, and the longest scrape.
type pace struct{ untilWrite, write, longest time.Duration }

// pace makes scrapes with a new exporter. The first one does not count.
func (p *pair) pace(writes *writeTimes, config pairConfig) pace {
	p.t.Helper()
	config.withoutSync = true
	p.serve(config)
	p.scrape(scrapeTimeout)
	var all pace
	var until, write []time.Duration
	for range 25 {
		began := time.Now()
		m := p.scrape(scrapeTimeout)
		all.longest = max(all.longest, time.Since(began))
		m.want(p.t, "pg_canary_up", 1)
		if state := m.stateOf(p.t, p.replica); state != "synced" {
			p.t.Errorf("the replica is %q beside a silent node", state)
		}
		until = append(until, writes.last().Sub(began))
		write = append(write, time.Duration(m["pg_canary_write_duration_seconds"]*float64(time.Second)))
	}
	all.untilWrite, all.write = median(until), median(write)
	return all
}

// writeTimes knows when the last beat was sent.
type writeTimes struct {
	mu sync.Mutex
	at time.Time
}

func (w *writeTimes) last() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

// timedNode tells when it is written to.
type timedNode struct {
	probe.Node
	writes *writeTimes
}

// Write notes when it was called.
func (n timedNode) Write(ctx context.Context) (probe.Write, error) {
	n.writes.mu.Lock()
	n.writes.at = time.Now()
	n.writes.mu.Unlock()
	return n.Node.Write(ctx)
}
