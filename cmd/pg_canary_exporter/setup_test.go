package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster/pgtest"
)

func TestSetup(t *testing.T) {
	servers := pgtest.New(t, pgcluster.Options{})
	admin := servers.Primary().SuperDSN()
	t.Setenv("PG_CANARY_PRIMARY_DSN", admin)

	t.Run("printed", func(t *testing.T) {
		t.Setenv(passwordVariable, marked)
		stdout, _, status := runWith(t, "setup", "--print")
		if status != 0 || !strings.Contains(stdout, "CREATE TABLE canary.section") || !strings.Contains(stdout, "SCRAM-SHA-256$4096:") {
			t.Errorf("status %d\n%s", status, stdout)
		}
		must(t, servers.Primary().Exec(t.Context(), stdout))
	})
	t.Run("without a password", func(t *testing.T) {
		_, stderr, status := runWith(t, "setup")
		if status != 0 || !strings.Contains(stderr, "No password was given") {
			t.Errorf("status %d: %s", status, stderr)
		}
	})
	file := filepath.Join(t.TempDir(), "password")
	must(t, os.WriteFile(file, []byte(marked+"\n"), 0o600))
	for _, name := range []string{"the first time", "again"} {
		t.Run(name, func(t *testing.T) {
			if _, stderr, status := runWith(t, "setup", "--role.password-file="+file); status != 0 {
				t.Fatalf("status %d: %s", status, stderr)
			}
		})
	}
	t.Run("with just the rights that it needs", func(t *testing.T) {
		canary := servers.Primary().DSN("canary", marked, "postgres")
		if _, stderr, status := runWith(t, "check", "--no-replica", "--primary.dsn="+canary); status != 0 {
			t.Errorf("the new role cannot probe: %s", stderr)
		}
		var deletes, creates, super bool
		must(t, servers.Primary().QueryRow(t.Context(), `SELECT has_table_privilege('canary', 'canary.section', 'DELETE'),
			has_schema_privilege('canary', 'canary', 'CREATE'), rolsuper FROM pg_roles WHERE rolname = 'canary'`, &deletes, &creates, &super))
		if deletes || creates || super {
			t.Error("the role has more rights than it needs")
		}
	})
	t.Run("for an administrator's role", func(t *testing.T) {
		_, stderr, status := runWith(t, "setup", "--role=postgres")
		if status == 0 || !strings.Contains(stderr, "give the exporter a role of its own") {
			t.Errorf("status %d: %s", status, stderr)
		}
	})
	t.Run("for a role that it did not make", func(t *testing.T) {
		must(t, servers.Primary().Exec(t.Context(), "CREATE ROLE app LOGIN PASSWORD 'app'"))
		_, stderr, status := runWith(t, "setup", "--role=app")
		if status == 0 || !strings.Contains(stderr, "was not made by setup") || !strings.Contains(stderr, "--role.adopt") {
			t.Errorf("status %d: %s", status, stderr)
		}
		if _, stderr, status := runWith(t, "setup", "--role=app", "--role.adopt"); status != 0 {
			t.Errorf("adopting it ends with status %d: %s", status, stderr)
		}
	})
	t.Run("for another section", func(t *testing.T) {
		if _, stderr, status := runWith(t, "setup", "--canary.section=second"); status != 0 {
			t.Fatalf("status %d: %s", status, stderr)
		}
		canary := servers.Primary().DSN("canary", marked, "postgres")
		if _, stderr, status := runWith(t, "check", "--no-replica", "--primary.dsn="+canary, "--canary.section=second"); status != 0 {
			t.Errorf("it cannot be probed: %s", stderr)
		}
	})
	t.Run("for a cluster with a name", func(t *testing.T) {
		if _, stderr, status := runWith(t, "setup", "--canary.section=named", "--cluster.name=west"); status != 0 {
			t.Fatalf("status %d: %s", status, stderr)
		}
		check := []string{"check", "--no-replica", "--canary.section=named", "--primary.dsn=" + servers.Primary().DSN("canary", marked, "postgres")}
		if _, stderr, status := runWith(t, check...); status != 2 || !strings.Contains(stderr, `made for cluster "west"`) || !strings.Contains(stderr, "--cluster.name=west") {
			t.Errorf("without a name it ends with status %d: %s", status, stderr)
		}
		_, stderr, status := runWith(t, "setup", "--canary.section=named", "--cluster.name=east")
		if status == 0 || !strings.Contains(stderr, "was made for the cluster west") {
			t.Errorf("set up for another one it ends with status %d: %s", status, stderr)
		}
		t.Setenv("PG_CANARY_CLUSTER_NAME", "west")
		if _, stderr, status := runWith(t, check...); status != 0 {
			t.Errorf("with its name it ends with status %d: %s", status, stderr)
		}
	})
	t.Run("by one who may not", func(t *testing.T) {
		_, stderr, status := runWith(t, "setup", "--role=other", "--primary.dsn="+servers.Primary().DSN("canary", marked, "postgres"))
		if status == 0 || !strings.Contains(stderr, "setup needs a role that may create schemas") {
			t.Errorf("status %d: %s", status, stderr)
		}
	})
	t.Run("on a replica", func(t *testing.T) {
		replica, err := servers.AddReplica(t.Context(), pgcluster.ReplicaOptions{Name: "replica"})
		must(t, err)
		_, stderr, status := runWith(t, "setup", "--primary.dsn="+replica.SuperDSN())
		if status == 0 || !strings.Contains(stderr, "the node is a replica") {
			t.Errorf("status %d: %s", status, stderr)
		}
	})
}

// TestTableStaysOnOnePage makes 5,000 probes and looks at what they cost.
func TestTableStaysOnOnePage(t *testing.T) {
	servers, dsn := prepared(t)
	node, err := pgnode.New(dsn, pgnode.Options{Section: "default", StatementTimeout: 5 * time.Second})
	must(t, err)
	defer func() { must(t, node.Close(context.WithoutCancel(t.Context()))) }()
	first, err := node.Write(t.Context())
	must(t, err)
	const writes = 5000
	last := first
	for range writes {
		last, err = node.Write(t.Context())
		must(t, err)
	}
	var size, updates, hot int64
	must(t, servers.Primary().QueryRow(t.Context(), "SELECT pg_relation_size('canary.section')", &size))
	for hot == 0 { // The session reports its statistics with a delay.
		must(t, servers.Primary().QueryRow(t.Context(), `SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'section'`, &updates, &hot))
		time.Sleep(10 * time.Millisecond)
	}
	perWrite := float64(last.LSN.Since(first.LSN)) / writes
	t.Logf("heap of %d bytes, %.0f bytes of WAL a write, %d of %d updates HOT", size, perWrite, hot, updates)
	if size != 8192 || hot != updates || perWrite > 150 {
		t.Errorf("heap of %d bytes (want 8192), %.0f bytes of WAL a write (want at most 150), %d of %d updates HOT",
			size, perWrite, hot, updates)
	}
}
