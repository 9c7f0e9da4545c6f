//go:build unix

package main

import (
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// commits returns how many canary commits the primary has made.
func commits(t *testing.T, servers *pgcluster.Cluster) int64 {
	t.Helper()
	var n int64
	must(t, servers.Primary().QueryRow(t.Context(), "SELECT coalesce(max(capacity), 0) FROM canary.section", &n))
	return n
}

// TestFloodOfScrapesCostsFewCommits makes 10,000 requests from 50 clients.
func TestFloodOfScrapesCostsFewCommits(t *testing.T) {
	const requests, clients = 10_000, 50
	servers, dsn := prepared(t)
	e := start(t, "--primary.dsn="+dsn)
	transport := &http.Transport{MaxIdleConnsPerHost: clients, DisableCompression: true}
	client := &http.Client{Transport: transport}
	var left, answered atomic.Int64
	left.Store(requests)
	before, began := commits(t, servers), time.Now()
	var everybody sync.WaitGroup
	for range clients {
		everybody.Go(func() {
			for left.Add(-1) >= 0 {
				response, err := client.Get(e.url + "/metrics")
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
				if response.StatusCode == http.StatusOK {
					answered.Add(1)
				}
			}
		})
	}
	everybody.Wait()
	took, made := time.Since(began), commits(t, servers)-before
	transport.CloseIdleConnections()
	t.Logf("%d requests from %d clients in %v: %d canary commits", requests, clients, took, made)
	// Five in a second are one at each 200 ms, the first at once.
	if most := int64(took/(200*time.Millisecond)) + 1; made > most || made == 0 {
		t.Errorf("%d canary commits in %v, want at most %d", made, took, most)
	}
	if answered.Load() != requests {
		t.Errorf("%d of %d requests were answered with 200", answered.Load(), requests)
	}
	e.stop()
}

func TestHEADCostsNoCommit(t *testing.T) {
	servers, dsn := prepared(t)
	e := start(t, "--primary.dsn="+dsn, "--probe.min-interval=0")
	e.get("/metrics")
	before := commits(t, servers)
	for _, path := range []string{"/metrics", "/", "/-/healthy", "/-/ready"} {
		response, err := http.Head(e.url + path)
		must(t, err)
		must(t, response.Body.Close())
		if response.StatusCode != http.StatusOK {
			t.Errorf("HEAD %s: status %s", path, response.Status)
		}
	}
	if made := commits(t, servers) - before; made != 0 {
		t.Errorf("HEAD made %d commits", made)
	}
	e.stop()
}
