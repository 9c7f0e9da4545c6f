package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

func TestCheck(t *testing.T) {
	servers, primary := prepared(t)
	first := servers.Primary()
	server, err := servers.AddReplica(t.Context(), pgcluster.ReplicaOptions{Name: "replica"})
	must(t, err)
	replica := server.DSN("canary", marked, "postgres")
	t.Setenv("PG_CANARY_PRIMARY_DSN", primary)
	t.Setenv("PG_CANARY_REPLICA_DSN", replica+"\n")
	patient := []string{"check", "--probe.wait=5s", "--probe.synced-within=4s"}

	t.Run("synced", func(t *testing.T) {
		stdout, stderr, status := runWith(t, patient...)
		if status != 0 || stderr != "" {
			t.Errorf("status %d, %q", status, stderr)
		}
		lines := strings.Split(strings.TrimSpace(stdout), "\n")
		if len(lines) != 3 || !strings.HasPrefix(lines[0], "NODE") || !strings.Contains(lines[2], "synced") {
			t.Errorf("the table is\n%s", stdout)
		}
	})
	t.Run("as JSON", func(t *testing.T) {
		stdout, _, status := runWith(t, append(patient, "--output=json")...)
		var document struct {
			Verdict string
			Write   struct{ LSN string }
			Nodes   []struct {
				Role    string
				Replica *struct {
					State     string
					ReplayLSN string `json:"replay_lsn"`
				}
			}
		}
		must(t, json.Unmarshal([]byte(stdout), &document))
		if status != 0 || document.Verdict != "synced" || len(document.Nodes) != 2 || document.Nodes[0].Role != "primary" ||
			document.Nodes[1].Replica.State != "synced" || !strings.HasPrefix(document.Nodes[1].Replica.ReplayLSN, "0/") {
			t.Errorf("status %d, document\n%s", status, stdout)
		}
	})
	t.Run("watching", func(t *testing.T) {
		ctx, interrupt := context.WithCancel(t.Context())
		defer interrupt()
		var out lab.Log
		ended := make(chan error, 1)
		go func() {
			ended <- run(ctx, append(patient, "--watch", "--watch.interval=10ms"), &out, &out)
		}()
		for strings.Count(out.String(), "NODE") < 3 {
			time.Sleep(time.Millisecond)
		}
		interrupt()
		if err := <-ended; err != nil {
			t.Errorf("it ended with %v", err)
		}
	})
	t.Run("lagging", func(t *testing.T) {
		must(t, server.Exec(t.Context(), "SELECT pg_wal_replay_pause()"))
		stdout, stderr, status := runWith(t, "check")
		if status != 1 || !strings.Contains(stdout, "paused") || !strings.Contains(stderr, "pg_wal_replay_resume()") {
			t.Errorf("status %d\n%s\n%s", status, stdout, stderr)
		}
		must(t, server.Exec(t.Context(), "SELECT pg_wal_replay_resume()"))
	})
	t.Run("no replica", func(t *testing.T) {
		t.Setenv("PG_CANARY_REPLICA_DSN", "")
		_, stderr, status := runWith(t, "check")
		if status != 2 || !strings.Contains(stderr, "no replica: name one with --replica.dsn") {
			t.Errorf("status %d\n%s", status, stderr)
		}
		if _, stderr, status := runWith(t, "check", "--no-replica"); status != 0 || stderr != "" {
			t.Errorf("where none is meant to be there: status %d\n%s", status, stderr)
		}
	})
	t.Run("the primary under another name", func(t *testing.T) {
		t.Setenv("PG_CANARY_REPLICA_DSN", strings.Replace(primary, "127.0.0.1", "localhost", 1))
		stdout, stderr, status := runWith(t, "check")
		if status != 2 || !strings.Contains(stderr, "primary: the address leads to the primary") {
			t.Errorf("status %d\n%s\n%s", status, stdout, stderr)
		}
	})
	t.Run("replica down", func(t *testing.T) {
		must(t, server.Stop(t.Context(), pgcluster.Fast))
		stdout, stderr, status := runWith(t, "check")
		if status != 2 || !strings.Contains(stdout, "unreachable") || !strings.Contains(stderr, "connect:") {
			t.Errorf("status %d\n%s\n%s", status, stdout, stderr)
		}
	})
	t.Run("split brain", func(t *testing.T) {
		must(t, server.Start(t.Context()))
		must(t, server.Promote(t.Context()))
		stdout, stderr, status := runWith(t, "check")
		if status != 2 || !strings.Contains(stderr, "split brain: 2 servers take writes") || !strings.Contains(stdout, "diverged") {
			t.Errorf("status %d\n%s\n%s", status, stdout, stderr)
		}
		must(t, server.Stop(t.Context(), pgcluster.Fast))
	})
	t.Run("primary down", func(t *testing.T) {
		must(t, first.Stop(t.Context(), pgcluster.Fast))
		stdout, stderr, status := runWith(t, "check")
		if status != 2 || !strings.Contains(stdout, "not written") || !strings.Contains(stderr, "is PostgreSQL running there") {
			t.Errorf("status %d\n%s\n%s", status, stdout, stderr)
		}
	})
}
