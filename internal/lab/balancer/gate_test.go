//go:build unix

package balancer

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgbouncer"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
)

// TestGateOfAClusterThatNobodyScrapes, through what happens to it.
func TestGateOfAClusterThatNobodyScrapes(t *testing.T) {
	s := newScene(t)
	const query = "?max=1s"
	s.all(query, "primary", "fresh", "fresh")
	s.until("/writable/default/db-a", "writable")
	s.until("/writable/default/db-b", "not_primary")

	must(t, s.PauseReplay(t.Context()))
	s.all(query, "primary", "paused", "fresh")
	s.until("/fresh/default/db-b?max=1s&primary-down=keep", "paused")
	must(t, s.ResumeReplay(t.Context()))
	s.all(query, "primary", "fresh", "fresh")

	must(t, s.Primary.Freeze())
	s.until("/fresh/default/db-b"+query, "no_primary")
	s.until("/fresh/default/db-c?max=1s&primary-down=keep", "kept")
	s.until("/writable/default/db-a", "no_primary")
	must(t, s.Primary.Thaw())
	s.all(query, "primary", "fresh", "fresh")

	must(t, s.c.Stop(t.Context(), pgcluster.Fast))
	s.all(query, "primary", "fresh", "unreachable")
	must(t, s.c.Start(t.Context()))
	s.all(query, "primary", "fresh", "fresh")

	must(t, s.Primary.Kill())
	s.until("/fresh/default/db-b"+query, "no_primary")
	s.until("/fresh/default/db-b?max=1s&primary-down=keep", "kept")
	must(t, s.b.Promote(t.Context()))
	s.until("/writable/default/db-b", "writable")
	must(t, s.c.Follow(t.Context(), s.b, ""))
	s.all(query, "unreachable", "primary", "fresh")

	// The old primary comes back, and takes writes as before.
	must(t, s.Primary.Start(t.Context()))
	s.all(query, "split", "split", "split")
	s.until("/writable/default/db-b", "writable")
	s.until("/writable/default/db-a", "not_primary")
	must(t, s.Primary.Kill())
	s.all(query, "unreachable", "primary", "fresh")
}

// TestGateOfWhatWasLost: a replica that has what the new primary lacks is on another history, also while it shows
// beats that were acknowledged just now; and one that was promoted beside the primary is on its own.
func TestGateOfWhatWasLost(t *testing.T) {
	s := newSceneOn(t, rig.Options{Replicas: 2, Linked: true})
	s.all("?max=1s", "primary", "fresh", "fresh")
	must(t, s.Link.BlackHole(t.Context()))
	s.all("?max=1s", "primary", "receiving", "fresh")
	must(t, s.Primary.Kill())
	must(t, s.b.Promote(t.Context()))
	s.until("/writable/default/db-b", "writable")
	s.all("?max=1s", "unreachable", "primary", "diverged")
	s.until("/fresh/default/db-c?max=1h&primary-down=keep", "diverged")
	must(t, s.c.Stop(t.Context(), pgcluster.Fast))
	must(t, s.Servers.Reclone(t.Context(), s.c, s.b))
	s.all("?max=1s", "unreachable", "primary", "fresh")
	must(t, s.c.Promote(t.Context()))
	s.all("?max=1s", "unreachable", "split", "split")
}

// TestGateOfAPooler: what a pooler's clients are led to next, nobody knows. That a beat went that way is known.
func TestGateOfAPooler(t *testing.T) {
	s := newScene(t)
	through := func(server *pgcluster.Server) string {
		config, err := pgx.ParseConfig(server.SuperDSN())
		must(t, err)
		return pgbouncer.Start(t, pgbouncer.Config{
			Server:   "host=127.0.0.1 port=" + port(t, server.Addr()) + " dbname=postgres user=" + config.User + " password=" + config.Password,
			PoolMode: "transaction", PoolSize: 2, Users: map[string]string{"canary": ""},
		}).DSN("canary")
	}
	s.address = s.start([]string{through(s.Primary), through(s.b), s.DSN(s.c)}, "").Address
	s.all("?max=1s", "pooled", "pooled", "fresh")
	s.until("/writable/default/db-a", "writable")
	s.until("/writable/default/db-b", "not_primary")
	s.address = s.start([]string{s.DSN(s.Primary), s.DSN(s.b), s.DSN(s.c)}, "", "--probe.fresh-connection=db-b").Address
	s.all("?max=1s", "primary", "balanced", "fresh")
}

// TestGateAfterACrash: a standby that crashed recovers to less than it showed, within the same life of its postmaster. What
// it showed before proves nothing then.
func TestGateAfterACrash(t *testing.T) {
	s := newScene(t)
	// Nothing is written to disk but by a restartpoint, so that it recovers to what it was at the last of these.
	must(t, s.b.SetConfig(t.Context(), map[string]string{"bgwriter_lru_maxpages": "0"}))
	s.until("/fresh/default/db-b?max=1h", "fresh")
	shown := capacity(t, s.b)
	// What is replayed after the recovery waits, so that it can be seen for as long as a test likes.
	must(t, s.b.SetConfig(t.Context(), map[string]string{"recovery_min_apply_delay": "1h"}))
	var victim int
	must(t, s.b.QueryRow(t.Context(), "SELECT pid FROM pg_stat_activity WHERE usename = 'canary' LIMIT 1", &victim))
	other, err := pgx.Connect(t.Context(), s.b.SuperDSN())
	must(t, err)
	defer other.Close(context.WithoutCancel(t.Context())) //nolint:errcheck // It has been ended.
	must(t, syscall.Kill(victim, syscall.SIGKILL))
	eventually(t, "the server ends all sessions", func() bool {
		_, err := other.Exec(t.Context(), "SELECT 1")
		return err != nil
	})
	eventually(t, "the standby is back", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		return s.b.Exec(ctx, "SELECT 1") == nil
	})
	a := check(t, s.address, "/fresh/default/db-b?max=1h")
	if now := capacity(t, s.b); now >= shown {
		t.Fatalf("the standby shows %d after %d: nothing can be seen of the crash", now, shown)
	} else if a.status == http.StatusOK {
		t.Errorf("a standby that shows %d, after %d before its crash, is let through: %+v", now, shown, a)
	}
	must(t, s.b.SetConfig(t.Context(), map[string]string{"recovery_min_apply_delay": "0"}))
	s.until("/fresh/default/db-b?max=1h", "fresh")
}

// TestGateCostsFiveCommits a second, however many ask: they are counted on the primary.
func TestGateCostsFiveCommits(t *testing.T) {
	s := newScene(t)
	s.all("?max=500ms", "primary", "fresh", "fresh")
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	defer transport.CloseIdleConnections()
	keeping := &http.Client{Transport: transport, Timeout: time.Minute}
	before, began := capacity(t, s.Primary), time.Now()
	var let, refused, failed atomic.Int64
	var group sync.WaitGroup
	const each, workers = 125, 32 // 4,000 checks, as fast as the machine makes them.
	for w := range workers {
		group.Go(func() {
			for range each {
				path := []string{"/fresh/default/db-b?max=500ms", "/fresh/default/db-c?max=500ms", "/fresh/default/db-a?max=500ms", "/writable/default/db-a"}[w%4]
				response, err := keeping.Get("http://" + s.address + path)
				if err != nil {
					failed.Add(1)
					continue
				}
				_ = response.Body.Close()
				if response.StatusCode == http.StatusOK {
					let.Add(1)
				} else {
					refused.Add(1)
				}
			}
		})
	}
	group.Wait()
	took, beats := time.Since(began), capacity(t, s.Primary)-before
	t.Logf("%d checks in %v: %d let through, %d refused, %d beats", each*workers, took, let.Load(), refused.Load(), beats)
	if most := int64(took/(200*time.Millisecond)) + 2; beats > most || failed.Load() > 0 || let.Load() == 0 {
		t.Errorf("%d beats in %v, want %d at the most; %d failed", beats, took, most, failed.Load())
	}
}

// TestGateByPosition writes nothing, and does without a beat of its own where another exporter makes them.
func TestGateByPosition(t *testing.T) {
	s := newScene(t, "--gate=lsn")
	s.until("/fresh/default/db-b?max=500ms", "unknown") // Nobody has written this primary's row yet.
	s.until("/writable/default/db-a", "writable")       // That takes a beat.
	s.all("?max=500ms", "primary", "fresh", "fresh")
	before := capacity(t, s.Primary)
	must(t, s.PauseReplay(t.Context()))
	must(t, s.Primary.Exec(t.Context(), "CREATE TABLE something AS SELECT 1"))
	s.all("?max=500ms", "primary", "paused", "fresh")
	must(t, s.ResumeReplay(t.Context()))
	s.all("?max=500ms", "primary", "fresh", "fresh")
	// An idle primary at the beginning of a segment.
	must(t, s.Primary.Exec(t.Context(), "SELECT pg_switch_wal()"))
	s.all("?max=500ms", "primary", "fresh", "fresh")
	if after := capacity(t, s.Primary); after != before {
		t.Errorf("%d beats were written", after-before)
	}
	must(t, s.Primary.Kill())
	s.until("/fresh/default/db-b?max=500ms", "no_primary")
	must(t, s.b.Promote(t.Context()))
	s.until("/fresh/default/db-c?max=500ms", "no_primary")
	s.until("/writable/default/db-b", "writable") // The search for another primary comes with a beat.
	must(t, s.c.Follow(t.Context(), s.b, ""))
	s.all("?max=500ms", "unreachable", "primary", "fresh")
}
