package pgnode

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

// trap is what an attacker puts wherever he may: each function notes who called
// it, makes him a superuser if that one can, and reads what others run.
const trap = `
CREATE TABLE public.caught (who text, super text, queries bigint, at timestamptz DEFAULT pg_catalog.now());
GRANT ALL ON public.caught TO PUBLIC;
CREATE FUNCTION public.spring() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO public.caught SELECT current_user, pg_catalog.current_setting('is_superuser'),
		(SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity a WHERE a.query OPERATOR(pg_catalog.~~) '%secret of another%');
	BEGIN
		EXECUTE 'ALTER ROLE attacker SUPERUSER';
	EXCEPTION WHEN OTHERS THEN
		NULL;
	END;
END $$;`

// function is one that shadows pg_catalog's: more exact in its types, or earlier
// in the search path.
func function(schema, name, args, returns, value string) string {
	return fmt.Sprintf(`CREATE FUNCTION %s.%s(%s) RETURNS %s LANGUAGE plpgsql AS $$
BEGIN PERFORM public.spring(); RETURN %s; END $$;`, schema, name, args, returns, value)
}

// operator shadows one of pg_catalog's with a function of the attacker's.
func operator(schema, name, left, right string) string {
	f := fmt.Sprintf("op_%x_%s_%s", name, strings.Trim(left, `"[]`), strings.Trim(right, `"[]`))
	return function(schema, f, left+", "+right, "boolean", "true") +
		fmt.Sprintf("CREATE OPERATOR %[1]s.%[2]s (LEFTARG = %[3]s, RIGHTARG = %[4]s, FUNCTION = %[1]s.%[5]s);", schema, name, left, right, f)
}

// traps are all of them, in one schema.
func traps(schema string) string {
	var b strings.Builder
	for _, f := range [][4]string{
		{"format", "text, name, text", "text", "'ALTER ROLE attacker SUPERUSER'"},
		{"format", "text, text", "text", "'ALTER ROLE attacker SUPERUSER'"},
		{"format", "text, text, text", "text", "'ALTER ROLE attacker SUPERUSER'"},
		{"format", "text, name", "text", "'ALTER ROLE attacker SUPERUSER'"},
		{"format", "text, name, name", "text", "'ALTER ROLE attacker SUPERUSER'"},
		{"quote_ident", "name", "text", "'attacker'"},
		{"quote_ident", "text", "text", "'attacker'"},
		{"current_database", "", "name", "'x'"},
		{"clock_timestamp", "", "timestamptz", "pg_catalog.now()"},
		{"current_setting", "text", "text", "''"},
		{"set_config", "text, text, boolean", "text", "''"},
		{"pg_is_in_recovery", "", "boolean", "false"},
		{"pg_current_wal_lsn", "", "pg_lsn", "'0/0'"},
		{"pg_walfile_name", "pg_lsn", "text", "'000000010000000000000001'"},
		{"pg_last_wal_replay_lsn", "", "pg_lsn", "'0/0'"},
		{"pg_postmaster_start_time", "", "timestamptz", "pg_catalog.now()"},
		{"left", "text, integer", "text", "'00000001'"},
		{"unnest", "text[]", "text", "''"},
		{"array_append", "text[], text", "text[]", "'{}'::text[]"},
		{"pg_has_role", "name, oid, text", "boolean", "true"},
		{"pg_has_role", "text, oid, text", "boolean", "true"},
		{"shobj_description", "oid, name", "text", "''"},
	} {
		b.WriteString(function(schema, f[0], f[1], f[2], f[3]))
	}
	for _, o := range [][3]string{
		{"=", "name", "text"},
		{"=", "text", "name"},
		{"=", "oid", "oid"},
		{"=", `"char"`, `"char"`},
		{"=", "text", "text"},
		{"<>", "oid", "oid"},
		{"<>", "text", "text"},
		{"<", "integer", "integer"},
		{"||", "text", "text"},
		{"||", "text[]", "text[]"},
		{"+", "bigint", "integer"},
		{"=", "text", "varchar"},
		{"~~", "text", "text"},
	} {
		b.WriteString(operator(schema, o[0], o[1], o[2]))
	}
	return b.String()
}

// TestNobodyIsRicher has an attacker, who may create functions and schemas and
// even owns the database, do what he can before setup; then setup and probes run.
func TestNobodyIsRicher(t *testing.T) {
	s := newStage(t)
	must(t, s.server.Exec(t.Context(), "CREATE ROLE attacker LOGIN PASSWORD 'attacker'"))
	prepare := func(t *testing.T, sql string) *database {
		d := s.database(t)
		d.exec("GRANT CREATE ON DATABASE " + d.name + " TO attacker")
		must(t, d.as("attacker", trap+sql))
		return d
	}
	unharmed := func(d *database) {
		d.t.Helper()
		if got := d.ask("SELECT string_agg(DISTINCT concat_ws(' ', who, super, queries), ', ') FROM public.caught"); got != "" {
			d.t.Errorf("the attacker's functions ran as %s", got)
		}
		if got := d.ask("SELECT concat_ws(' ', rolsuper, (SELECT count(*) FROM pg_auth_members WHERE member = r.oid)) FROM pg_roles r WHERE rolname = 'attacker'"); got != "f 0" {
			d.t.Errorf("the attacker is now %s", got)
		}
		if got := d.ask("SELECT count(*) FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = to_regclass('canary.section') AND a.grantee IN (0, 'attacker'::regrole)"); got != "0" {
			d.t.Error("the attacker has rights on the table")
		}
	}

	for name, where := range map[string]string{
		"functions and operators in public": traps("public"),
		"in a schema of the admin's name":   "CREATE SCHEMA postgres;" + traps("postgres"),
		"in a schema of the role's name":    "CREATE SCHEMA canary_role;" + traps("canary_role"),
	} {
		t.Run("who made "+name, func(t *testing.T) {
			d := prepare(t, where)
			d.role = "canary_role"
			must(t, d.setup())
			unharmed(d)
			// The owner of a database decides on the path of those who connect.
			d.exec("ALTER DATABASE " + d.name + " OWNER TO attacker")
			must(t, d.as("attacker", "ALTER DATABASE "+d.name+" SET search_path = public, postgres, canary_role, pg_catalog"))
			must(t, d.setup())
			unharmed(d)
			// A session that nothing protects is caught.
			must(t, execute(t, d.super(), "SELECT clock_timestamp()"))
			if got := d.ask("SELECT rolsuper FROM pg_roles WHERE rolname = 'attacker'"); got != "t" {
				t.Error("the trap does not spring even where it should")
			}
			d.exec("ALTER ROLE attacker NOSUPERUSER")
		})
	}
	for name, made := range map[string]string{
		"a schema":             "CREATE SCHEMA canary",
		"a table":              plainTable,
		"a table with a rule":  plainTable + "CREATE RULE r AS ON UPDATE TO canary.section DO ALSO SELECT public.spring()",
		"a table with default": plainTable + function("public", "f", "", "bigint", "1") + "ALTER TABLE canary.section ALTER capacity SET DEFAULT public.f()",
		"a view":               "CREATE SCHEMA canary; CREATE VIEW canary.section AS SELECT public.spring()::text",
		"a table with a trigger that reads what others run": plainTable + `CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS
			$$ BEGIN PERFORM public.spring(); RETURN NEW; END $$;
			CREATE TRIGGER t BEFORE INSERT OR UPDATE ON canary.section FOR EACH ROW EXECUTE FUNCTION public.f();
			GRANT ALL ON SCHEMA canary TO PUBLIC; GRANT ALL ON canary.section TO PUBLIC`,
	} {
		t.Run("who made "+name, func(t *testing.T) {
			d := prepare(t, made)
			d.refused(d.setup(), "belongs to attacker")
			if got := d.ask("SELECT count(*) FROM public.caught") + d.ask("SELECT count(*) FROM pg_roles WHERE rolname = '"+d.role+"'"); got != "00" {
				t.Errorf("something ran, or was made (%s)", got)
			}
		})
	}
	t.Run("and probes", func(t *testing.T) {
		d := prepare(t, traps("public"))
		must(t, d.setup())
		d.exec("ALTER DATABASE " + d.name + " SET search_path = public, pg_catalog")
		node, err := New(d.server.DSN(d.role, rolePassword, d.name),
			Options{Section: DefaultSection, StatementTimeout: 5 * time.Second})
		must(t, err)
		defer func() { must(t, node.Close(t.Context())) }()
		const probes = 200
		for range probes {
			_, err := node.Write(t.Context())
			must(t, err)
			_, err = node.Inspect(t.Context())
			must(t, err)
		}
		unharmed(d)
		if got := d.ask("SELECT capacity FROM canary.section WHERE name = 'default'"); got != fmt.Sprint(probes) {
			t.Errorf("after %d probes the value is %s", probes, got)
		}
	})
}

// TestStolenPassword tries with the exporter's password what it is no good for.
func TestStolenPassword(t *testing.T) {
	d := newStage(t).database(t)
	must(t, d.setup())
	d.exec("CREATE TABLE secrets (s text)")
	for _, sql := range []string{
		"INSERT INTO canary.section VALUES ('x', 1, now())", "DELETE FROM canary.section", "TRUNCATE canary.section",
		"UPDATE canary.section SET name = 'x'", "CREATE TABLE canary.t ()", "ALTER TABLE canary.section SET UNLOGGED",
		"CREATE TRIGGER t BEFORE UPDATE ON canary.section FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
		"BEGIN; LOCK TABLE canary.section IN ACCESS EXCLUSIVE MODE", "SELECT * FROM secrets", "CREATE ROLE r", "CREATE DATABASE r",
		"CREATE SCHEMA s", "SHOW primary_conninfo", "SELECT pg_read_file('postgresql.conf')", "COPY secrets TO PROGRAM 'id'",
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'", "SELECT * FROM pg_authid",
		"GRANT pg_read_all_stats TO CURRENT_USER", "ALTER ROLE CURRENT_USER CONNECTION LIMIT -1",
	} {
		if err := execute(t, d.server.DSN(d.role, rolePassword, d.name), sql); sqlstate(err) != "42501" {
			t.Errorf("%s: %v, want permission denied", sql, err)
		}
	}
}

func sqlstate(err error) string {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		return pgErr.Code
	}
	return ""
}

// TestTableSaysWhatIsWrong asks about the table as the exporter's role does.
func TestTableSaysWhatIsWrong(t *testing.T) {
	s := newStage(t)
	for name, test := range map[string]struct{ made, want string }{
		"nothing":            {"", ""},
		"row-level security": {"ALTER TABLE canary.section ENABLE ROW LEVEL SECURITY", "DISABLE ROW LEVEL SECURITY"},
		"a rule":             {"CREATE RULE r AS ON UPDATE TO canary.section DO INSTEAD NOTHING", "DROP RULE r ON canary.section"},
		"a trigger that swallows the write": {`CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
			CREATE TRIGGER t BEFORE UPDATE ON canary.section FOR EACH ROW EXECUTE FUNCTION f()`, "DROP TRIGGER t ON canary.section"},
		"unlogged, and a policy": {"ALTER TABLE canary.section SET UNLOGGED; CREATE POLICY \"p\n\" ON canary.section USING (true)", "SET LOGGED; "},
		"a view":                 {"ALTER TABLE canary.section RENAME TO t; CREATE VIEW canary.section AS TABLE canary.t", "relkind v"},
		"none at all":            {"DROP TABLE canary.section", ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := s.database(t)
			must(t, d.setup())
			d.exec(test.made)
			conn, err := pgx.Connect(t.Context(), d.server.DSN(d.role, rolePassword, d.name))
			must(t, err)
			defer conn.Close(t.Context()) //nolint:errcheck // The row is what counts.
			results, err := conn.PgConn().Exec(t.Context(), tableSQL).ReadAll()
			must(t, err)
			err = tableError(string(results[0].Rows[0][0]))
			if test.want == "" {
				if err != nil {
					t.Errorf("it says %v", err)
				}
				return
			}
			var known *probe.Error
			if !errors.As(err, &known) || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("it says %q, want %q in one line", err, test.want)
			}
		})
	}
}
