package faults_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgbouncer"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// poolRole is the role of the pool's server sessions: the application's, which
// the pooler forces on all its clients.
const poolRole = "postgres"

// pooled is a pair behind two PgBouncers, one before each server, whose clients
// share one server connection each.
type pooled struct {
	*pair
	primaryPool, replicaPool *pgbouncer.Bouncer
}

func newPooled(t *testing.T, mode string, settings ...string) *pooled {
	t.Helper()
	p := &pooled{}
	p.pair = newPair(t, func(config *pairConfig) {
		config.primaryRuns = func(p2 *pair, config *pairConfig) {
			p.primaryPool = poolBefore(t, p2.primary, mode, settings)
			config.primaryDSN = p.primaryPool.DSN(canaryRole)
		}
		config.replicaRuns = func(p2 *pair, config *pairConfig) {
			p.replicaPool = poolBefore(t, p2.replica, mode, settings)
			config.replicaDSN = p.replicaPool.DSN(canaryRole)
		}
	})
	return p
}

func poolBefore(t *testing.T, server *pgcluster.Server, mode string, settings []string) *pgbouncer.Bouncer {
	t.Helper()
	return pgbouncer.Start(t, pgbouncer.Config{
		Server: poolServer(t, server), PoolMode: mode, PoolSize: 1, Settings: settings, Users: map[string]string{canaryRole: "", "app": ""},
	})
}

// poolServer is the entry of a server in a pooler.
func poolServer(t testing.TB, server *pgcluster.Server) string {
	t.Helper()
	config, err := pgx.ParseConfig(server.SuperDSN())
	must(t, err)
	return fmt.Sprintf("host=%s port=%d dbname=postgres user=%s password=%s", server.Host, server.Port, poolRole, config.Password)
}

// restart replaces the exporter by a new one, as a restart does.
func (p *pooled) restart() {
	p.t.Helper()
	p.closeExporters()
	config := defaultConfig()
	config.primaryDSN, config.replicaDSN = p.primaryPool.DSN(canaryRole), p.replicaPool.DSN(canaryRole)
	p.serve(config)
}

// synced scrapes until all is well again. A scrape in between may fail.
func (p *pooled) synced(after string) {
	p.t.Helper()
	p.eventually("synced after "+after, func(m samples) bool { return m["pg_canary_synced"] == 1 })
}

// sessionState is what a session may leave to the next one in the same server connection.
func sessionState(t testing.TB, pool *pgbouncer.Bouncer) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	config, err := pgx.ParseConfig(pool.DSN("app"))
	must(t, err)
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	conn, err := pgx.ConnectConfig(ctx, config)
	must(t, err)
	defer func() { must(t, conn.Close(ctx)) }()
	// The transaction's own settings and what the pooler keeps for each client are none of it.
	rows, err := conn.Query(ctx, `
SELECT 'setting ' || name || ' = ' || setting FROM pg_settings
 WHERE source NOT IN ('default', 'configuration file', 'override', 'environment variable', 'command line', 'database', 'user')
   AND name NOT IN ('application_name', 'client_encoding', 'DateStyle', 'TimeZone', 'transaction_isolation', 'transaction_read_only', 'transaction_deferrable', 'standard_conforming_strings', 'search_path')
UNION ALL SELECT 'search_path = ' || current_setting('search_path')
UNION ALL SELECT 'statement ' || name FROM pg_prepared_statements
UNION ALL SELECT 'cursor ' || name FROM pg_cursors WHERE name <> ''
UNION ALL SELECT 'lock ' || locktype FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'
ORDER BY 1`)
	must(t, err)
	state, err := pgx.CollectRows(rows, pgx.RowTo[string])
	must(t, err)
	return state
}

func TestThroughPooler(t *testing.T) {
	for _, test := range []struct {
		name, mode string
		settings   []string
	}{
		{"transaction pooling", "transaction", nil},
		{"session pooling", "session", nil},
		{"statement pooling", "statement", nil},
		{"session pooling that resets nothing", "session", []string{"server_reset_query ="}},
		{"a pooler that drops startup parameters", "transaction", []string{
			"ignore_startup_parameters = search_path,lock_timeout,statement_timeout,synchronous_commit," +
				"default_transaction_isolation,tcp_keepalives_idle,tcp_keepalives_interval,tcp_keepalives_count",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := newPooled(t, test.mode, test.settings...)
			p.closeExporters()
			before := sessionState(t, p.primaryPool)
			for range 3 {
				p.restart()
			}
			for _, commands := range [][]string{{"RECONNECT"}, {"PAUSE", "RESUME"}, {"PAUSE app", "RESUME app"}, {"KILL app", "RESUME app"}} {
				for _, pool := range []*pgbouncer.Bouncer{p.primaryPool, p.replicaPool} {
					for _, command := range commands {
						must(t, pool.Do(t.Context(), command))
						p.scrape(2 * time.Second)
					}
					p.synced(commands[0])
				}
			}
			p.closeExporters()
			for name, pool := range map[string]*pgbouncer.Bouncer{"primary": p.primaryPool, "replica": p.replicaPool} {
				if diff := cmp.Diff(before, sessionState(t, pool)); diff != "" {
					t.Errorf("the exporter left behind in the %s's pool:\n%s", name, diff)
				}
			}
			if !strings.Contains(p.log.String(), "a pooler stands") || strings.Count(p.log.String(), "a pooler stands") > 2*4 {
				t.Errorf("the log does not say once for each exporter and node that there is a pooler:\n%s", p.log)
			}
			for _, pool := range []*pgbouncer.Bouncer{p.primaryPool, p.replicaPool} {
				must(t, pool.Do(t.Context(), "PAUSE"))
			}
		})
	}
}

// TestSessionPoolingIsPaused pauses the pooler while scrapes follow one another.
func TestSessionPoolingIsPaused(t *testing.T) {
	t.Parallel()
	p := newPooled(t, "session")
	paused := make(chan error, 1)
	go func() { paused <- p.primaryPool.Do(context.WithoutCancel(t.Context()), "PAUSE") }()
	for end := time.Now().Add(5 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		select {
		case err := <-paused:
			must(t, err)
			must(t, p.primaryPool.Do(t.Context(), "RESUME"))
			p.synced("RESUME")
			return
		default:
		}
		if time.Now().After(end) {
			t.Fatal("the exporter's connection held up PAUSE for five minutes")
		}
		p.scrape(time.Second)
	}
}

// TestPoolerThatRefuses has the pooler refuse for a reason that no other session
// settings can mend.
func TestPoolerThatRefuses(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.closeExporters()
	config := defaultConfig()
	config.withoutSync = true
	config.primaryDSN = strings.Replace(poolBefore(t, p.primary, "transaction", nil).DSN(canaryRole), "/app", "/unknown", 1)
	p.serve(config)
	m := p.scrape(5 * time.Second)
	m.want(t, "pg_canary_up", 0)
	parsed, err := pgx.ParseConfig(config.primaryDSN)
	must(t, err)
	m.want(t, fmt.Sprintf(`pg_canary_failures_total{node="127.0.0.1:%d",reason="pooler"}`, parsed.Port), 1)
	if !strings.Contains(p.log.String(), "docs/between.md") {
		t.Errorf("the log does not say what a pooler needs:\n%s", p.log)
	}
}

// pgbenchScript fails where a setting is not the pool's own, and writes.
const pgbenchScript = `
SELECT 1 / (current_setting('lock_timeout') = '0' AND current_setting('statement_timeout') = '0'
  AND current_setting('synchronous_commit') = 'on' AND current_setting('search_path') = '"$user", public'
  AND current_setting('default_transaction_read_only') = 'off'
  AND NOT EXISTS (SELECT FROM pg_prepared_statements))::int;
INSERT INTO application VALUES (1);
`

// TestPoolSharedWithApplication runs pgbench through the exporter's pool of one
// server connection: with the exporter beside it, its clients must see what they
// see without.
func TestPoolSharedWithApplication(t *testing.T) {
	t.Parallel()
	p := newPooled(t, "transaction")
	pgbench, found := p.servers.Installation().Program("pgbench")
	if !found {
		t.Fatal("no pgbench beside the server's programs and none in PATH")
	}
	must(t, p.primary.Exec(t.Context(), "CREATE TABLE application (n int)"))
	script := filepath.Join(t.TempDir(), "script.sql")
	must(t, os.WriteFile(script, []byte(pgbenchScript), 0o644))
	load := func() error {
		command := exec.CommandContext(t.Context(), pgbench, "--no-vacuum", "--client=6", "--transactions=500",
			"--file="+script, p.primaryPool.DSN("app"))
		output, err := command.CombinedOutput()
		if err != nil || !strings.Contains(string(output), "number of transactions actually processed: 3000/3000") {
			return fmt.Errorf("pgbench: %w\n%s", err, output)
		}
		return nil
	}
	p.closeExporters()
	must(t, load())
	p.restart()
	loaded := make(chan error, 1)
	go func() { loaded <- load() }()
	written := 0
	for {
		select {
		case err := <-loaded:
			must(t, err)
			if written == 0 {
				t.Error("no scrape wrote beside pgbench")
			}
			p.closeExporters()
			must(t, load()) // What the exporter left would stay when it is gone.
			return
		default:
			if p.scrape(5 * time.Second)["pg_canary_up"] == 1 {
				written++
			}
		}
	}
}
