package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// marked is a password that must not appear in any output.
const marked = "pa55-MARKED"

// output is what a run wrote; it may be read while the run goes on.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// runWith runs the program and returns what it wrote and its exit status.
func runWith(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, errs output
	status = exitStatus(run(t.Context(), args, &out, &errs), &errs)
	for _, text := range []string{out.String(), errs.String()} {
		if strings.Contains(text, marked) {
			t.Errorf("%v gives the password away:\n%s", args, text)
		}
	}
	return out.String(), errs.String(), status
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// prepared returns a primary that is set up, with a role whose password is marked.
func prepared(t *testing.T) (*pgcluster.Cluster, string) {
	t.Helper()
	servers := pgtest.New(t, pgcluster.Options{})
	must(t, pgnode.Setup{Role: "canary", Password: marked}.Run(t.Context(), servers.Primary().SuperDSN()))
	return servers, servers.Primary().DSN("canary", marked, "postgres")
}

// TestHelp looks for what each command does: kingpin's own compact help has the
// names alone.
func TestHelp(t *testing.T) {
	o := newOptions()
	var help strings.Builder
	o.app.UsageWriter(&help).Terminate(nil)
	if _, err := o.app.Parse([]string{"--help"}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"serve  Answer scrapes", "check  Run one probe", "setup  Create the schema", "--web.telemetry-path", "$PG_CANARY_PRIMARY_DSN"} {
		if !strings.Contains(help.String(), want) {
			t.Errorf("the help lacks %q:\n%s", want, help.String())
		}
	}
	if strings.Contains(help.String(), "healthy") {
		t.Error("the help shows the hidden command")
	}
}

func TestMistakesInFlags(t *testing.T) {
	const dsn = "--primary.dsn=postgres://canary:" + marked + "@db/app"
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"no primary":        {[]string{"check"}, "give --primary.dsn or PG_CANARY_PRIMARY_DSN"},
		"serve, no primary": {nil, "give --primary.dsn or PG_CANARY_PRIMARY_DSN"},
		"setup, no primary": {[]string{"setup"}, "administrator's connection string in --primary.dsn or PG_CANARY_PRIMARY_DSN"},
		"unknown flag":      {[]string{"--nonsense"}, "--nonsense"},
		"unknown command":   {[]string{"nonsense"}, "nonsense"},
		"a DSN that does not parse": {
			[]string{"--primary.dsn=postgres://canary:x/" + marked + "@db/app"}, "--primary.dsn: the connection string has more than one @, or one behind the host",
		},
		"a replica's DSN that does not": {
			[]string{dsn, "--replica.dsn=host=a", "--replica.dsn=" + marked}, "--replica.dsn (number 2): the connection string is neither",
		},
		"the same node twice": {
			[]string{dsn, "--replica.dsn=host=db password=" + marked}, "--replica.dsn (number 1): db:5432 is the node of --primary.dsn already",
		},
		"a long section":       {[]string{dsn, "--canary.section=" + strings.Repeat("x", 1000)}, "use 1 to 63 letters"},
		"a section with quote": {[]string{dsn, `--canary.section=a'"b`}, "use 1 to 63 letters"},
		"a verdict after the wait": {
			[]string{dsn, "--probe.synced-within=2s"}, "--probe.synced-within=2s is longer than --probe.wait=1s",
		},
		"no time":             {[]string{dsn, "--probe.timeout=0s"}, "must be above 0"},
		"no duration":         {[]string{dsn, "--probe.wait=soon"}, "soon"},
		"a negative interval": {[]string{dsn, "--probe.min-interval=-1ms"}, "--probe.min-interval=-1ms is below 0"},
		"another's path":      {[]string{dsn, "--web.telemetry-path=/-/healthy"}, "--web.telemetry-path: \"/-/healthy\" is the exporter's own"},
		"a strange path":      {[]string{dsn, "--web.telemetry-path=metrics"}, "give a path such as /metrics"},
		"the probe's path":    {[]string{dsn, "--web.telemetry-path=/probe"}, "--web.telemetry-path: \"/probe\" is the exporter's own"},
		"a strange commit":    {[]string{dsn, "--probe.synchronous-commit=maybe"}, "maybe"},
		"no web config":       {[]string{dsn, "--web.listen-address=127.0.0.1:0", "--web.config.file=/does/not/exist"}, "/does/not/exist"},
		"no role":             {[]string{"setup", dsn, "--role=pg_canary"}, "reserves names that begin with pg_"},
		"a strange role":      {[]string{"setup", dsn, "--role=a'b"}, "not a role name"},
		"no password file":    {[]string{"setup", dsn, "--role.password-file=/does/not/exist"}, "--role.password-file: open /does/not/exist"},
		"the password as a flag": {
			[]string{"setup", dsn, "--role.password=" + "secret"}, "unknown long flag '--role.password'",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("PG_CANARY_PRIMARY_DSN", "")
			_, stderr, status := runWith(t, test.args...)
			if !strings.Contains(stderr, test.want) || status == 0 {
				t.Errorf("status %d and %q; want a failure that says %q", status, stderr, test.want)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	servers, primary := prepared(t)
	server, err := servers.AddReplica(t.Context(), pgcluster.ReplicaOptions{Name: "replica"})
	must(t, err)
	replica := server.DSN("canary", marked, "postgres")
	t.Setenv("PG_CANARY_PRIMARY_DSN", primary)
	t.Setenv("PG_CANARY_REPLICA_DSN", replica+"\n")
	patient := []string{"check", "--probe.wait=4s", "--probe.synced-within=4s"}

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
		var out output
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
	t.Run("replica down", func(t *testing.T) {
		must(t, server.Stop(t.Context(), pgcluster.Fast))
		stdout, stderr, status := runWith(t, "check")
		if status != 2 || !strings.Contains(stdout, "unreachable") || !strings.Contains(stderr, "connect:") {
			t.Errorf("status %d\n%s\n%s", status, stdout, stderr)
		}
	})
	t.Run("primary down", func(t *testing.T) {
		must(t, servers.Primary().Stop(t.Context(), pgcluster.Fast))
		stdout, stderr, status := runWith(t, "check")
		if status != 2 || !strings.Contains(stdout, "not written") || !strings.Contains(stderr, "is PostgreSQL running there") {
			t.Errorf("status %d\n%s\n%s", status, stdout, stderr)
		}
	})
}

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
		if _, stderr, status := runWith(t, "check", "--primary.dsn="+canary); status != 0 {
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
		if _, stderr, status := runWith(t, "check", "--primary.dsn="+canary, "--canary.section=second"); status != 0 {
			t.Errorf("it cannot be probed: %s", stderr)
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
	node, err := pgnode.New(dsn, pgnode.Options{Section: "default", SynchronousCommit: "local", StatementTimeout: 5 * time.Second})
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
	if size != 8192 || hot != updates || perWrite > 160 {
		t.Errorf("heap of %d bytes (want 8192), %.0f bytes of WAL a write (want at most 160), %d of %d updates HOT",
			size, perWrite, hot, updates)
	}
}

func TestExitStatus(t *testing.T) {
	var out output
	if got := exitStatus(&statusError{status: 1}, &out); got != 1 || out.String() != "" {
		t.Errorf("status %d, output %q", got, out.String())
	}
	if got := exitStatus(errors.New("oh"), &out); got != 2 || out.String() != "pg_canary_exporter: oh\n" {
		t.Errorf("status %d, output %q", got, out.String())
	}
}
