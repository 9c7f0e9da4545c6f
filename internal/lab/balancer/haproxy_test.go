//go:build unix

package balancer

import (
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgbouncer"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster/pgtest"
)

// What the guide's example asks for: how stale a read may be, and how long a check may take by itself, which is allowed for.
const (
	staleness = 500 * time.Millisecond
	allowed   = staleness / 2
)

// TestHAProxy runs the guide's configuration under a stream of reads: a replica that is paused is out and back by itself, and
// no read is older than max and what has gone by since the last check that let its server pass, of which a check may
// take half of max: on a machine that is in time that is max and the interval of the checks.
func TestHAProxy(t *testing.T) {
	s := newScene(t)
	s.behindHAProxy(map[string]string{"db-a": s.Primary.Addr(), "db-b": s.b.Addr(), "db-c": s.c.Addr()}, example(t, "haproxy", 0),
		through(t, s.Primary.SuperDSN(), "127.0.0.1:1"))
}

// TestPgBouncerBehindHAProxy is the same, with a pooler before each server.
func TestPgBouncerBehindHAProxy(t *testing.T) {
	s := newScene(t)
	pooled := map[string]string{}
	var dsn string
	for name, server := range map[string]*pgcluster.Server{"db-a": s.Primary, "db-b": s.b, "db-c": s.c} {
		config, err := pgx.ParseConfig(server.SuperDSN())
		must(t, err)
		bouncer := pgbouncer.Start(t, pgbouncer.Config{
			Server:   "host=127.0.0.1 port=" + port(t, server.Addr()) + " dbname=postgres user=" + config.User + " password=" + config.Password,
			PoolMode: "transaction", PoolSize: 4, Users: map[string]string{"reader": ""},
		})
		pooled[name], dsn = bouncer.Addr(), bouncer.DSN("reader")
	}
	config := filled(t, example(t, "haproxy", 0), serverLines(t, example(t, "haproxy", 0)), example(t, "haproxy", 1))
	s.behindHAProxy(pooled, config, dsn)
}

// behindHAProxy runs a configuration of the guide, with the addresses of the servers and a reader's connection string
// but for where it leads.
func (s *scene) behindHAProxy(servers map[string]string, config, reader string) {
	t := s.t
	t.Helper()
	second := s.start(s.DSNs(), "")
	watched := watchChecks(t, s.address)
	gate, reads, writes := strconv.Itoa(pgtest.Port(t)), strconv.Itoa(pgtest.Port(t)), strconv.Itoa(pgtest.Port(t))
	addresses := []string{
		"/fresh/orders/", "/fresh/default/", "/writable/orders/", "/writable/default/", ":5001", "127.0.0.1:" + reads, ":5000", "127.0.0.1:" + writes,
		"127.0.0.1:10188", "127.0.0.1:" + gate, "port 10188", "port " + gate, "10.0.0.8:10187", watched.address(), "10.0.0.9:10187", second.Address,
	}
	for node, ip := range map[string]string{"db-a": "10.0.0.1", "db-b": "10.0.0.2", "db-c": "10.0.0.3"} {
		addresses = append(addresses, node+" "+ip+":"+portOf(config, node, ip), node+" "+servers[node])
	}
	h := StartHAProxy(t, filled(t, config, addresses...), reads)
	up := func(names ...string) func() bool {
		return func() bool {
			all := h.Up()
			for _, name := range names {
				want := name[0] != '!'
				if all[trim(name)] != want {
					return false
				}
			}
			return true
		}
	}
	eventually(t, "the gate is asked", func() bool { return len(watched.of("db-b")) > 0 && len(watched.of("db-c")) > 0 })
	eventually(t, "all are in rotation", up("reads-fresh/db-a", "reads-fresh/db-b", "reads-fresh/db-c", "writes/db-a", "!writes/db-b", "!writes/db-c"))
	flow := startStream(t, s.Primary.SuperDSN(), through(t, reader, "127.0.0.1:"+reads), s.makeStream)
	eventually(t, "reads come", func() bool { return flow.came() > 500 })
	for range 3 {
		paused := time.Now()
		must(t, s.PauseReplay(t.Context()))
		eventually(t, "the paused one is out, and no other", up("reads-fresh/db-a", "!reads-fresh/db-b", "reads-fresh/db-c"))
		out := time.Since(paused)
		count := flow.came()
		eventually(t, "reads go on without it", func() bool { return flow.came() > count+200 })
		must(t, s.ResumeReplay(t.Context()))
		resumed := time.Now()
		eventually(t, "it is back", up("reads-fresh/db-a", "reads-fresh/db-b", "reads-fresh/db-c"))
		t.Logf("out %v after the pause, back %v after its end", out.Round(time.Millisecond), time.Since(resumed).Round(time.Millisecond))
	}
	flow.stop()
	flow.judge(map[int][]checked{s.b.Port: watched.of("db-b"), s.c.Port: watched.of("db-c"), s.Primary.Port: watched.of("db-a")})

	// With one exporter reads are still checked, and with none they go on.
	must(t, s.running.Stop())
	eventually(t, "the second exporter answers", up("!gate/exporter-1", "gate/exporter-2", "reads-fresh/db-b", "reads-fresh/db-c"))
	must(t, second.Stop())
	eventually(t, "nobody answers", up("!gate/exporter-1", "!gate/exporter-2", "!reads-fresh/db-b", "!reads-fresh/db-c", "!writes/db-a"))
	unchecked := startStream(t, s.Primary.SuperDSN(), through(t, reader, "127.0.0.1:"+reads), s.makeStream)
	eventually(t, "reads go on", func() bool { return unchecked.came() > 100 })
	unchecked.stop()
}

// judge holds every read against the last check before it that let its server pass.
func (s *stream) judge(checks map[int][]checked) {
	worst, late := map[int]time.Duration{}, time.Duration(0)
	for _, r := range s.reads {
		stale, since := s.stale(r), r.sent.Sub(lastOpen(checks[r.port], r.sent))
		worst[r.port], late = max(worst[r.port], stale), max(late, since)
		if stale > staleness-allowed+since {
			s.t.Errorf("a read of port %d was %v stale, %v after the last check that let the server pass", r.port, stale, since)
		}
	}
	s.t.Logf("%d reads of %d values, %d failed; the oldest were %v stale, the longest time since a check that let its server pass was %v",
		len(s.reads), len(s.acknowledged), s.failed, worst, late)
	if len(worst) < 2 {
		s.t.Errorf("only %d servers were read", len(worst))
	}
}
