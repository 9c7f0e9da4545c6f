package pgnode

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster/pgtest"
)

const rolePassword = "counts"

// stage is one server with a database for each test.
type stage struct {
	server *pgcluster.Server
	dbs    int
}

// database is a new database, with a role's name that no other test uses, where
// everybody may create functions in public, as on PostgreSQL 13 and 14.
type database struct {
	t      *testing.T
	server *pgcluster.Server
	name   string
	role   string
}

func newStage(t *testing.T) *stage {
	return &stage{server: pgtest.New(t, pgcluster.Options{}).Primary()}
}

func (s *stage) database(t *testing.T) *database {
	t.Helper()
	s.dbs++
	d := &database{t: t, server: s.server, name: fmt.Sprintf("db_%d", s.dbs), role: fmt.Sprintf("canary_%d", s.dbs)}
	must(t, s.server.Exec(t.Context(), "CREATE DATABASE "+d.name))
	d.exec("GRANT CREATE ON SCHEMA public TO PUBLIC")
	return d
}

// again empties a database, which costs less than another one, and names a new role.
func (s *stage) again(t *testing.T, used *database) *database {
	t.Helper()
	s.dbs++
	d := &database{t: t, server: s.server, name: used.name, role: fmt.Sprintf("canary_%d", s.dbs)}
	d.exec(`DROP EVENT TRIGGER IF EXISTS e; DROP SCHEMA IF EXISTS canary CASCADE; DROP SCHEMA public CASCADE;
		CREATE SCHEMA public; GRANT ALL ON SCHEMA public TO PUBLIC; DROP FOREIGN DATA WRAPPER IF EXISTS f CASCADE`)
	return d
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// super is the DSN of the superuser in this database.
func (d *database) super() string {
	config, err := pgx.ParseConfig(d.server.SuperDSN())
	must(d.t, err)
	return d.server.DSN(config.User, config.Password, d.name)
}

// pinned is that DSN with a path that nothing in this database decides on.
func (d *database) pinned() string { return d.super() + "&search_path=public" }

// as runs statements as a role whose password is its name.
func (d *database) as(role, sql string) error {
	return execute(d.t, d.server.DSN(role, role, d.name), sql)
}

func (d *database) exec(sql string) {
	d.t.Helper()
	must(d.t, execute(d.t, d.pinned(), sql))
}

func execute(t *testing.T, dsn, sql string) error {
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		return err
	}
	defer conn.Close(t.Context()) //nolint:errcheck // The statement's error is what counts.
	_, err = conn.PgConn().Exec(t.Context(), sql).ReadAll()
	return err
}

// ask returns the first column of the first row, as text.
func (d *database) ask(sql string) string {
	d.t.Helper()
	conn, err := pgx.Connect(d.t.Context(), d.pinned())
	must(d.t, err)
	defer conn.Close(d.t.Context()) //nolint:errcheck // The row is what counts.
	results, err := conn.PgConn().Exec(d.t.Context(), sql).ReadAll()
	must(d.t, err)
	if len(results[0].Rows) == 0 {
		return ""
	}
	return string(results[0].Rows[0][0])
}

func (d *database) setup() error {
	return Setup{Role: d.role, Password: rolePassword}.Run(d.t.Context(), d.super())
}

// node is an exporter's node of a cluster with a name, in this database.
func (d *database) node(t *testing.T, cluster string) *Node {
	t.Helper()
	node, err := New(d.server.DSN(d.role, rolePassword, d.name), Options{
		Section: DefaultSection, Cluster: cluster, SynchronousCommit: "local", StatementTimeout: 5 * time.Second,
	})
	must(t, err)
	t.Cleanup(func() { must(t, node.Close(context.WithoutCancel(t.Context()))) })
	return node
}

func (d *database) refused(err error, wants ...string) {
	d.t.Helper()
	if err == nil {
		d.t.Fatal("setup did it")
	}
	for _, want := range wants {
		if !strings.Contains(err.Error(), want) {
			d.t.Errorf("setup says\n%v\nwithout %q", err, want)
		}
	}
}

// rights are all that a role was given, by name, in this database.
func (d *database) rights(role string) string {
	d.t.Helper()
	return d.ask(fmt.Sprintf(`SELECT string_agg(what, ', ' ORDER BY what) FROM (
		SELECT DISTINCT a.privilege_type || ' ' || l.what FROM (
			SELECT 'database', datacl FROM pg_database WHERE datname = current_database()
			UNION ALL SELECT nspname, nspacl FROM pg_namespace
			UNION ALL SELECT relname, relacl FROM pg_class
			UNION ALL SELECT attrelid::regclass || '.' || attname, attacl FROM pg_attribute) l(what, acl), aclexplode(acl) a
		 WHERE a.grantee = '%[1]s'::regrole
		UNION ALL SELECT 'member of ' || roleid::regrole FROM pg_auth_members WHERE member = '%[1]s'::regrole) r(what)`, role))
}

var justRights = "CONNECT database, SELECT canary.section." +
	strings.Join([]string{"born", "capacity", "cluster", "eras", "fork", "mark", "name", "recovered", "started", "timeline", "written_at"}, ", SELECT canary.section.") +
	", UPDATE canary.section." +
	strings.Join([]string{"capacity", "eras", "fork", "mark", "recovered", "started", "timeline", "written_at"}, ", UPDATE canary.section.") +
	", USAGE canary, member of pg_read_all_stats"

func TestSetup(t *testing.T) {
	s := newStage(t)
	t.Run("gives just what a probe needs", func(t *testing.T) {
		d := s.database(t)
		for range 2 {
			must(t, d.setup())
			if got := d.rights(d.role); got != justRights {
				t.Errorf("the role has\n%s, want\n%s", got, justRights)
			}
		}
		if got := d.ask("SELECT string_agg(name || capacity, ', ' ORDER BY name) FROM canary.section"); got != "default0, drill0" {
			t.Errorf("the rows are %q", got)
		}
		if got := d.ask(`SELECT concat_ws(' ', rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls, rolconnlimit)
			FROM pg_roles WHERE rolname = '` + d.role + "'"); got != "f t f f t f f 8" {
			t.Errorf("the role's attributes are %s", got)
		}
	})
	t.Run("makes another section with one more run", func(t *testing.T) {
		d := s.database(t)
		must(t, d.setup())
		d.exec("UPDATE canary.section SET capacity = 5 WHERE name = 'default'")
		must(t, Setup{Role: d.role, Section: "second"}.Run(t.Context(), d.super()))
		if got := d.ask("SELECT string_agg(name || capacity, ', ' ORDER BY name) FROM canary.section"); got != "default5, drill0, second0" {
			t.Errorf("the rows are %q", got)
		}
	})
	t.Run("keeps a connection limit that was changed", func(t *testing.T) {
		d := s.database(t)
		must(t, d.setup())
		d.exec("ALTER ROLE " + d.role + " CONNECTION LIMIT 20")
		must(t, d.setup())
		if got := d.ask("SELECT rolconnlimit FROM pg_roles WHERE rolname = '" + d.role + "'"); got != "20" {
			t.Errorf("the limit is %s", got)
		}
	})
	t.Run("runs beside itself", func(t *testing.T) {
		d := s.database(t)
		var runs sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			runs.Go(func() { errs[i] = d.setup() })
		}
		runs.Wait()
		for _, err := range errs {
			must(t, err)
		}
	})
	t.Run("is not misled by settings", func(t *testing.T) {
		d := s.database(t)
		d.exec("ALTER DATABASE " + d.name + " SET search_path = public, pg_catalog")
		d.exec("ALTER DATABASE " + d.name + " SET standard_conforming_strings = off")
		d.exec("ALTER DATABASE " + d.name + " SET default_transaction_isolation = serializable")
		d.role += "$setup$-X"
		must(t, d.setup())
		must(t, d.setup())
	})
}

func TestLiteral(t *testing.T) {
	s := newStage(t)
	for _, setting := range []string{"on", "off"} {
		conn, err := pgx.Connect(t.Context(), s.server.SuperDSN())
		must(t, err)
		_, err = conn.Exec(t.Context(), "SET standard_conforming_strings = "+setting)
		must(t, err)
		for _, want := range []string{"", "a", "a'b", `a\'b`, `\`, "$setup$", "ä 漢 🐤", "a\n\tb", `"x"`} {
			results, err := conn.PgConn().Exec(t.Context(), "SELECT "+literal(want)).ReadAll()
			must(t, err)
			if got := string(results[0].Rows[0][0]); got != want {
				t.Errorf("literal(%q) = %s means %q", want, literal(want), got)
			}
		}
		must(t, conn.Close(t.Context()))
	}
}
