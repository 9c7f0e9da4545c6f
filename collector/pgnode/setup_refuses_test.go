package pgnode

import (
	"fmt"
	"strings"
	"testing"
)

// mended runs what setup says mends each fault, until setup goes through.
func (d *database) mended(err error) {
	d.t.Helper()
	for range 5 {
		for _, line := range strings.Split(err.Error(), "\n") {
			if fault, found := strings.CutPrefix(line, "  - "); found {
				d.exec(fault[strings.LastIndex(fault, ": ")+2:])
			}
		}
		if err = d.setup(); err == nil {
			return
		}
	}
	d.t.Fatalf("setup goes on to say %v", err)
}

const plainTable = `CREATE SCHEMA canary;
	CREATE TABLE canary.section (name text PRIMARY KEY, capacity bigint NOT NULL, written_at timestamptz NOT NULL);`

// newTable is the table as setup makes it.
const newTable = `CREATE SCHEMA canary;
	CREATE TABLE canary.section (name text PRIMARY KEY, mark bigint NOT NULL, written_at timestamptz NOT NULL, capacity bigint NOT NULL,
		timeline int, fork pg_lsn, started timestamptz, recovered pg_lsn, born bigint NOT NULL, eras bigint[] NOT NULL, cluster text);`

// TestSetupRefusesTables makes one thing wrong with the schema or the table, has
// setup refuse it, and mends it by what setup said.
func TestSetupRefusesTables(t *testing.T) {
	s := newStage(t)
	must(t, s.server.Exec(t.Context(), "CREATE ROLE somebody"))
	shared := s.database(t)
	for name, test := range map[string]struct{ made, want string }{
		"schema of another":      {"CREATE SCHEMA canary AUTHORIZATION somebody", "SCHEMA canary belongs to somebody"},
		"schema for all":         {plainTable + "GRANT CREATE ON SCHEMA canary TO PUBLIC", "PUBLIC may create things"},
		"schema for another":     {plainTable + "GRANT CREATE ON SCHEMA canary TO somebody", "somebody may create things"},
		"table of another":       {plainTable + "ALTER TABLE canary.section OWNER TO somebody", "TABLE canary.section belongs to somebody"},
		"right to set a trigger": {plainTable + "GRANT TRIGGER ON canary.section TO somebody", "somebody has TRIGGER"},
		"right of a column":      {plainTable + "GRANT UPDATE (capacity) ON canary.section TO somebody", "somebody has UPDATE"},
		"view":                   {"CREATE SCHEMA canary; CREATE VIEW canary.section AS SELECT 1 AS capacity", "relkind v"},
		"materialized view":      {"CREATE SCHEMA canary; CREATE MATERIALIZED VIEW canary.section AS SELECT 1 AS capacity", "relkind m"},
		"sequence":               {"CREATE SCHEMA canary; CREATE SEQUENCE canary.section", "relkind S"},
		"composite type":         {"CREATE SCHEMA canary; CREATE TYPE canary.section AS (a int)", "relkind c"},
		"foreign table": {`CREATE FOREIGN DATA WRAPPER f; CREATE SERVER f FOREIGN DATA WRAPPER f;
			CREATE SCHEMA canary; CREATE FOREIGN TABLE canary.section (name text) SERVER f`, "relkind f"},
		"partitioned": {`CREATE SCHEMA canary; CREATE TABLE canary.section (name text PRIMARY KEY, capacity bigint NOT NULL,
			written_at timestamptz NOT NULL) PARTITION BY LIST (name)`, "relkind p"},
		"partition": {`CREATE SCHEMA canary; CREATE TABLE whole (name text PRIMARY KEY, capacity bigint NOT NULL,
			written_at timestamptz NOT NULL) PARTITION BY LIST (name); CREATE TABLE canary.section PARTITION OF whole DEFAULT`, "child of public.whole"},
		"child":       {plainTable + "CREATE TABLE parent (name text); ALTER TABLE canary.section INHERIT parent", "child of public.parent"},
		"parent":      {plainTable + "CREATE TABLE child () INHERITS (canary.section)", "has the child public.child"},
		"typed table": {"CREATE TYPE row AS (name text, capacity bigint, written_at timestamptz); CREATE SCHEMA canary; CREATE TABLE canary.section OF row (PRIMARY KEY (name), capacity NOT NULL, written_at NOT NULL)", "composite type"},
		"unlogged":    {strings.Replace(plainTable, "CREATE TABLE", "CREATE UNLOGGED TABLE", 1), "unlogged"},
		"row-level security": {
			plainTable + "ALTER TABLE canary.section ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
			"has row-level security",
		},
		"policy": {plainTable + "CREATE POLICY p ON canary.section USING (true)", "has the policy p"},
		"trigger": {
			plainTable + `CREATE TRIGGER "t""; x" BEFORE UPDATE ON canary.section FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()`,
			`has the trigger "t""; x"`,
		},
		"rule":             {plainTable + "CREATE RULE r AS ON UPDATE TO canary.section DO INSTEAD NOTHING", "has the rule r"},
		"extra column":     {plainTable + "ALTER TABLE canary.section ADD note text DEFAULT now()", "the column note"},
		"missing column":   {"CREATE SCHEMA canary; CREATE TABLE canary.section (name text PRIMARY KEY, capacity bigint NOT NULL)", "lacks the column written_at"},
		"other type":       {plainTable + "ALTER TABLE canary.section ALTER capacity TYPE int", "is of type integer"},
		"limited type":     {plainTable + "ALTER TABLE canary.section ALTER name TYPE varchar(5)", "is of type character varying(5)"},
		"domain":           {plainTable + "CREATE DOMAIN bigint AS pg_catalog.int8 CHECK (random() < 2); ALTER TABLE canary.section ALTER capacity TYPE public.bigint", `is of type public."bigint"`},
		"collation":        {plainTable + `ALTER TABLE canary.section ALTER name TYPE text COLLATE "C"`, "has a collation"},
		"default":          {plainTable + "ALTER TABLE canary.section ALTER written_at SET DEFAULT now()", "has a default"},
		"identity":         {plainTable + "ALTER TABLE canary.section ALTER capacity ADD GENERATED ALWAYS AS IDENTITY", "is an identity"},
		"generated column": {strings.Replace(plainTable, "capacity bigint NOT NULL", "capacity bigint NOT NULL GENERATED ALWAYS AS (length(name)) STORED", 1), "is generated"},
		"NULLs":            {plainTable + "ALTER TABLE canary.section ALTER capacity DROP NOT NULL", "may be NULL"},
		"missing new column": {
			newTable + "ALTER TABLE canary.section DROP COLUMN fork", "lacks the column fork",
		},
		"other types of new columns": {
			newTable + "ALTER TABLE canary.section ALTER timeline TYPE bigint, ALTER eras TYPE numeric[], ALTER started TYPE timestamp",
			"the column eras of canary.section is of type numeric[]",
		},
		"collation of a new column": {newTable + `ALTER TABLE canary.section ALTER cluster TYPE text COLLATE "C"`, "has a collation"},
		"default of a new column":   {newTable + "ALTER TABLE canary.section ALTER born SET DEFAULT 1", "has a default"},
		"NULLs in a new column":     {newTable + "ALTER TABLE canary.section ALTER eras DROP NOT NULL", "may be NULL"},
		"no NULLs in a new column":  {newTable + "ALTER TABLE canary.section ALTER fork SET NOT NULL", "may not be NULL"},
		"right of a new column":     {newTable + "GRANT UPDATE (cluster) ON canary.section TO somebody", "somebody has UPDATE"},
		"no primary key":            {plainTable + "ALTER TABLE canary.section DROP CONSTRAINT section_pkey", "no primary key on name alone"},
		"wider primary key": {
			plainTable + "ALTER TABLE canary.section DROP CONSTRAINT section_pkey, ADD UNIQUE (name, capacity)",
			"no primary key on name alone",
		},
		"check":            {plainTable + "ALTER TABLE canary.section ADD CHECK (capacity > random())", "the constraint section_capacity_check"},
		"foreign key":      {plainTable + "CREATE TABLE f (name text REFERENCES canary.section)", "the constraint f_name_fkey of public.f"},
		"unique":           {plainTable + "ALTER TABLE canary.section ADD UNIQUE (capacity)", "the constraint section_capacity_key"},
		"expression index": {plainTable + "CREATE INDEX i ON canary.section (lower(name))", "the index canary.i"},
		"statistics":       {plainTable + "CREATE STATISTICS canary.s ON name, capacity FROM canary.section", "the statistics canary.s"},
		"event trigger": {`CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
			ALTER FUNCTION e() OWNER TO somebody; CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION e()`, "the event trigger e calls a function of somebody"},
	} {
		t.Run(name, func(t *testing.T) {
			d := s.again(t, shared)
			d.exec(test.made)
			before := d.ask("SELECT count(*) FROM pg_roles") + d.ask("SELECT count(*) FROM pg_class")
			err := d.setup()
			d.refused(err, test.want)
			if after := d.ask("SELECT count(*) FROM pg_roles") + d.ask("SELECT count(*) FROM pg_class"); after != before {
				t.Error("it changed something all the same")
			}
			d.mended(err)
			if got := d.rights(d.role); got != justRights {
				t.Errorf("the role has\n%s, want\n%s", got, justRights)
			}
		})
	}
	t.Run("all of them at once", func(t *testing.T) {
		d := s.database(t)
		d.exec(plainTable + `ALTER TABLE canary.section ENABLE ROW LEVEL SECURITY; ALTER TABLE canary.section SET UNLOGGED;
			CREATE RULE r AS ON UPDATE TO canary.section DO INSTEAD NOTHING; ALTER TABLE canary.section OWNER TO somebody`)
		err := d.setup()
		d.refused(err, "row-level security", "unlogged", "the rule r", "belongs to somebody")
		d.mended(err)
	})
	t.Run("but takes away what default privileges gave", func(t *testing.T) {
		d := s.database(t)
		d.exec("ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO somebody, PUBLIC; ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO somebody, PUBLIC")
		must(t, d.setup())
		if got := d.rights("somebody"); got != "" {
			t.Errorf("somebody got %s", got)
		}
		if got := d.ask("SELECT has_table_privilege('public', 'canary.section', 'SELECT')"); got != "f" {
			t.Error("PUBLIC may read the table")
		}
	})
}

func TestSetupRefusesRoles(t *testing.T) {
	s := newStage(t)
	must(t, s.server.Exec(t.Context(), "CREATE ROLE somebody LOGIN; CREATE ROLE team; CREATE ROLE mighty CREATEDB"))
	for name, test := range map[string]struct {
		made, want string
		adopt      bool // and whether adopting it works
	}{
		"of an application":       {"", "was not made by setup", true},
		"of a monitor":            {"ALTER ROLE %[1]s CONNECTION LIMIT 8; GRANT pg_monitor TO %[1]s", "was not made by setup", true},
		"superuser":               {"ALTER ROLE %[1]s SUPERUSER", "is an administrator", false},
		"CREATEROLE":              {"ALTER ROLE %[1]s CREATEROLE", "is an administrator", false},
		"CREATEDB":                {"ALTER ROLE %[1]s CREATEDB", "is an administrator", false},
		"REPLICATION":             {"ALTER ROLE %[1]s REPLICATION", "is an administrator", false},
		"BYPASSRLS":               {"ALTER ROLE %[1]s BYPASSRLS", "is an administrator", false},
		"owner of something":      {"CREATE TABLE o_%[1]s (); ALTER TABLE o_%[1]s OWNER TO %[1]s", "owns something", false},
		"that others are part of": {"GRANT %[1]s TO somebody", "somebody is a member of", false},
		"of a group":              {"GRANT team TO %[1]s", "is a member of team", true},
		"of a mighty group":       {"GRANT mighty TO %[1]s", "is a member of mighty", false},
		"that reads all settings": {"GRANT pg_read_all_settings TO %[1]s", "is a member of pg_read_all_settings", false},
		"a program's executor":    {"GRANT pg_execute_server_program TO %[1]s", "is a member of pg_execute_server_program", false},
	} {
		t.Run(name, func(t *testing.T) {
			d := s.database(t)
			d.exec(fmt.Sprintf("CREATE ROLE %[1]s LOGIN PASSWORD 'its own';"+test.made, d.role))
			before := d.ask("SELECT rolpassword FROM pg_authid WHERE rolname = '" + d.role + "'")
			d.refused(d.setup(), test.want)
			err := Setup{Role: d.role, Password: rolePassword, Adopt: true}.Run(t.Context(), d.super())
			if (err == nil) != test.adopt {
				t.Fatalf("with --role.adopt: %v", err)
			}
			if now := d.ask("SELECT rolpassword FROM pg_authid WHERE rolname = '" + d.role + "'"); (now != before) != test.adopt {
				t.Error("the password changed, or did not")
			}
			if test.adopt && strings.Contains(d.rights(d.role), "pg_monitor") {
				t.Error("it may read the replication password")
			}
		})
	}
	t.Run("its own, made mighty since", func(t *testing.T) {
		d := s.database(t)
		must(t, d.setup())
		d.exec("ALTER ROLE " + d.role + " SUPERUSER")
		d.refused(d.setup(), "is an administrator")
	})
	t.Run("one like those it made before, but for one right", func(t *testing.T) {
		for _, more := range []string{
			"GRANT DELETE ON canary.section TO %s", "GRANT CREATE ON SCHEMA canary TO %s", "GRANT SELECT ON other TO %s",
			"ALTER ROLE %s CONNECTION LIMIT 9", "GRANT team TO %s", "GRANT CREATE ON DATABASE postgres TO %s",
		} {
			d := s.database(t)
			d.before(d.role)
			d.exec("CREATE TABLE other ();" + fmt.Sprintf(more, d.role))
			d.refused(d.setup(), "was not made by setup")
		}
	})
}

// TestSetupByAnAdministrator runs it as a role like those of managed services.
func TestSetupByAnAdministrator(t *testing.T) {
	s := newStage(t)
	must(t, s.server.Exec(t.Context(), "CREATE ROLE admin LOGIN CREATEROLE PASSWORD 'admin'"))
	must(t, s.server.Exec(t.Context(), "CREATE ROLE clerk LOGIN PASSWORD 'clerk'"))
	must(t, s.server.Exec(t.Context(), "GRANT pg_read_all_stats TO admin WITH ADMIN OPTION"))
	by := func(d *database, admin string) error {
		return Setup{Role: d.role, Password: rolePassword}.Run(t.Context(), d.server.DSN(admin, admin, d.name))
	}
	t.Run("who owns the database", func(t *testing.T) {
		d := s.database(t)
		d.exec("ALTER DATABASE " + d.name + " OWNER TO admin")
		must(t, by(d, "admin"))
		must(t, by(d, "admin"))
		must(t, d.setup()) // A superuser after him, and he again.
		must(t, by(d, "admin"))
		if got := d.rights(d.role); got != justRights {
			t.Errorf("the role has\n%s, want\n%s", got, justRights)
		}
	})
	t.Run("who may not change what another made", func(t *testing.T) {
		d := s.database(t)
		must(t, d.setup())
		d.refused(by(d, "admin"), "change canary.section, which", "setup needs a role that may create schemas")
	})
	t.Run("who may do nothing", func(t *testing.T) {
		d := s.database(t)
		d.refused(by(d, "clerk"), "create a schema in the database", "create roles",
			"GRANT pg_read_all_stats TO clerk WITH ADMIN OPTION", "setup needs a role that may create schemas")
	})
}
