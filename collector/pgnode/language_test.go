package pgnode

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster/pgtest"
)

// germanStage is a server whose messages are German. The locale is made for it.
func germanStage(t *testing.T) *stage {
	t.Helper()
	dir, err := os.MkdirTemp("", "locales-") // t.TempDir is this user's alone.
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	must(t, os.Chmod(dir, 0o755)) //nolint:gosec // The server may run as another user.
	made := exec.Command("localedef", "--no-archive", "-i", "de_DE", "-f", "UTF-8", filepath.Join(dir, "de_DE.utf8"))
	if out, err := made.CombinedOutput(); err != nil {
		t.Fatalf("localedef, which `make tools` installs with what it reads: %v\n%s", err, out)
	}
	return &stage{server: pgtest.New(t, pgcluster.Options{
		Settings: map[string]string{"lc_messages": "de_DE.utf8"}, Environment: []string{"LOCPATH=" + dir},
	}).Primary()}
}

// refusal is one way in which a real server refuses something.
type refusal struct {
	name string
	want probe.Reason
	// says are those of DETAIL and HINT that are in the text.
	says    []string
	provoke func(t *testing.T, d *database) error
}

// refusals are in their order: the last one ends the server.
var refusals = []refusal{
	{name: "wrong password", want: probe.ReasonAuth, provoke: func(t *testing.T, d *database) error {
		return d.dial(t, d.server.DSN(d.role, "wrong", d.name))
	}},
	{name: "no line in pg_hba.conf", want: probe.ReasonAuth, provoke: func(t *testing.T, d *database) error {
		return d.dial(t, d.server.DSN(d.role, rolePassword, d.name), func(config *pgconn.Config) {
			config.DialFunc = (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}).DialContext
		})
	}},
	{name: "a line that rejects", want: probe.ReasonAuth, provoke: func(t *testing.T, d *database) error {
		must(t, d.server.SetHBA(t.Context(), "hostnossl all "+d.role+" all reject"))
		defer func() { must(t, d.server.SetHBA(t.Context())) }()
		return d.dial(t, d.server.DSN(d.role, rolePassword, d.name))
	}},
	{name: "no such database", want: probe.ReasonMissingTable, provoke: func(t *testing.T, d *database) error {
		return d.dial(t, d.server.DSN(d.role, rolePassword, "nowhere"))
	}},
	{name: "no right to connect", want: probe.ReasonPermission, says: []string{"DETAIL"}, provoke: func(t *testing.T, d *database) error {
		d.exec("CREATE DATABASE closed")
		d.exec("REVOKE CONNECT ON DATABASE closed FROM PUBLIC")
		return d.dial(t, d.server.DSN(d.role, rolePassword, "closed"))
	}},
	{name: "no connection left", want: probe.ReasonTooManyConnections, provoke: func(t *testing.T, d *database) error {
		d.exec("CREATE ROLE nobody_else LOGIN CONNECTION LIMIT 0 PASSWORD 'nobody_else'")
		return d.dial(t, d.server.DSN("nobody_else", "nobody_else", d.name))
	}},
	statement("no right on a table", probe.ReasonPermission, "SELECT FROM pg_catalog.pg_authid"),
	statement("no table", probe.ReasonMissingTable, "SELECT FROM nothing"),
	statement("no schema", probe.ReasonMissingTable, "CREATE TABLE nowhere.nothing ()"),
	statement("no column", probe.ReasonMissingTable, "SELECT nothing FROM pg_catalog.pg_class"),
	statement("read-only", probe.ReasonReadOnly, "BEGIN READ ONLY; CREATE TABLE t ()"),
	statement("statement_timeout", probe.ReasonTimeout, "SET statement_timeout = 1; SELECT pg_catalog.pg_sleep(600)"),
	statement("a statement of another session", probe.ReasonPooler, "EXECUTE nothing"),
	statement("ended by an administrator", probe.ReasonShuttingDown, "SELECT pg_catalog.pg_terminate_backend(pg_catalog.pg_backend_pid())"),
	{name: "disk full", want: probe.ReasonDiskFull, provoke: func(t *testing.T, d *database) error {
		return execute(t, d.pinned(), "COPY (SELECT 1) TO '/dev/full'")
	}},
	{name: "lock", want: probe.ReasonLockTimeout, provoke: func(t *testing.T, d *database) error {
		holder := d.session(t, "BEGIN; SELECT FROM canary.section FOR UPDATE")
		defer func() { must(t, holder.Close(t.Context())) }()
		return d.run(t, "SET lock_timeout = 1; UPDATE canary.section SET capacity = capacity")
	}},
	{name: "deadlock", want: probe.ReasonConflict, says: []string{"DETAIL", "HINT"}, provoke: deadlock},
	{name: "shutting down", want: probe.ReasonStartingUp, provoke: func(t *testing.T, d *database) error {
		open := d.session(t, "")
		stopped := make(chan error)
		go func() { stopped <- d.server.Stop(t.Context(), pgcluster.StopMode(syscall.SIGTERM)) }()
		err := d.dial(t, d.server.DSN(d.role, rolePassword, d.name))
		for !hasCode(err, cannotConnectNow) {
			err = d.dial(t, d.server.DSN(d.role, rolePassword, d.name))
		}
		must(t, open.Close(t.Context()))
		must(t, <-stopped)
		return err
	}},
}

// statement is a refusal of SQL that the exporter's role runs.
func statement(name string, want probe.Reason, sql string) refusal {
	return refusal{name: name, want: want, provoke: func(t *testing.T, d *database) error { return d.run(t, sql) }}
}

// dial connects, which has to fail.
func (d *database) dial(t *testing.T, dsn string, changes ...func(*pgconn.Config)) error {
	t.Helper()
	config, err := parseDSN(dsn)
	must(t, err)
	for _, change := range changes {
		change(config)
	}
	conn, err := dialConfig(t.Context(), config)
	if err == nil {
		must(t, conn.Close(t.Context()))
	}
	return err
}

// run runs statements as the exporter's role.
func (d *database) run(t *testing.T, sql string) error {
	t.Helper()
	return execute(t, d.server.DSN(d.role, rolePassword, d.name), sql)
}

// session opens a superuser's session that runs some SQL.
func (d *database) session(t *testing.T, sql string) *pgconn.PgConn {
	t.Helper()
	config, err := parseDSN(d.super())
	must(t, err)
	conn, err := dialConfig(t.Context(), config)
	must(t, err)
	_, err = conn.Exec(t.Context(), sql).ReadAll()
	must(t, err)
	return conn
}

// deadlock has two sessions wait for each other, and returns the error of the one that
// the server gives up.
func deadlock(t *testing.T, d *database) error {
	const begin = "SET deadlock_timeout = '10ms'; BEGIN; SELECT pg_catalog.pg_advisory_xact_lock"
	one, two := d.session(t, begin+"(1)"), d.session(t, begin+"(2)")
	first := make(chan error)
	lock := func(ctx context.Context, conn *pgconn.PgConn, sql string) error {
		_, err := conn.Exec(ctx, sql).ReadAll()
		return errors.Join(err, conn.Close(ctx))
	}
	go func() { first <- lock(t.Context(), one, "SELECT pg_catalog.pg_advisory_xact_lock(2)") }()
	second := lock(t.Context(), two, "SELECT pg_catalog.pg_advisory_xact_lock(1)")
	return errors.Join(<-first, second)
}

// TestReasonsInEveryLanguage has an English and a German server refuse the same things.
func TestReasonsInEveryLanguage(t *testing.T) {
	english, german := newStage(t).database(t), germanStage(t).database(t)
	must(t, english.setup())
	must(t, german.setup())
	for _, r := range refusals {
		t.Run(r.name, func(t *testing.T) {
			var texts []string
			for _, d := range []*database{english, german} {
				err := withReason(r.provoke(t, d))
				if err == nil {
					t.Fatal("it was not refused")
				}
				texts = append(texts, err.Error())
				if got := probe.ReasonOf(err); got != r.want {
					t.Errorf("%s, want %s: %v", got, r.want, err)
				}
				for _, part := range r.says {
					if !strings.Contains(err.Error(), "; "+part+": ") {
						t.Errorf("the server's %s is missing: %v", part, err)
					}
				}
			}
			t.Logf("%s\n%s", texts[0], texts[1])
			if texts[0] == texts[1] {
				t.Errorf("the server that is to be German is not; does the installation have PostgreSQL's translations? %s", texts[1])
			}
		})
	}
}
