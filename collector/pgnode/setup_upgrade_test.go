package pgnode

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// before runs what setup was before it left a mark, with the role that it made.
func (d *database) before(role string) {
	d.t.Helper()
	sql, err := os.ReadFile("testdata/setup_before.sql")
	must(d.t, err)
	d.exec(strings.NewReplacer("@role_name@", role, "@role@", role, "@limit@", "8",
		"@password@", " PASSWORD '"+rolePassword+"'").Replace(string(sql)))
}

func TestSetupUpgrades(t *testing.T) {
	s := newStage(t)
	t.Run("what it made before", func(t *testing.T) {
		d := s.database(t)
		d.before(d.role)
		d.exec("INSERT INTO canary.section VALUES ('default', 41, now())")
		for range 2 {
			must(t, d.setup())
			if got := d.rights(d.role); got != justRights {
				t.Errorf("the role has\n%s, want\n%s", got, justRights)
			}
		}
		if got := d.ask("SELECT capacity FROM canary.section WHERE name = 'default'"); got != "41" {
			t.Errorf("the value became %s", got)
		}
		if got := d.ask("SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = '" + d.role + "'"); got == "" {
			t.Error("the role has no mark")
		}
	})
	t.Run("the table, and the next beat begins an era", func(t *testing.T) {
		d := s.database(t)
		d.before(d.role)
		d.exec("INSERT INTO canary.section VALUES ('default', 41, now())")
		node := d.node(t, "")
		if _, err := node.Write(t.Context()); probe.ReasonOf(err) != probe.ReasonMissingTable || !strings.Contains(err.Error(), "`pg_canary_exporter setup` again") {
			t.Errorf("a write to the table of before ends in %v", err)
		}
		if _, err := node.Read(t.Context()); probe.ReasonOf(err) != probe.ReasonMissingTable {
			t.Errorf("a read of the table of before ends in %v", err)
		}
		must(t, d.setup())
		w, err := node.Write(t.Context())
		must(t, err)
		if w.Capacity != 42 || w.Born == 0 || len(w.Eras) != 1 || w.Eras[0] != (verdict.Era{ID: w.Mark, From: 41}) {
			t.Errorf("the first beat left %+v", w.Row)
		}
		must(t, d.setup())
		read, err := node.Read(t.Context())
		must(t, err)
		if diff := cmp.Diff(w.Row, read.Row); diff != "" {
			t.Errorf("the read after another run (-written +read):\n%s", diff)
		}
	})
	t.Run("a table that other roles may read and write", func(t *testing.T) {
		d := s.database(t)
		d.before(d.role)
		must(t, d.setup())
		reader := d.role + "_reader"
		// Roles with rights of columns, as setup gave them before the table had more of these.
		d.exec("DROP TABLE canary.section;" + strings.TrimPrefix(plainTable, "CREATE SCHEMA canary;") + `
			CREATE ROLE ` + reader + `; GRANT SELECT (capacity) ON canary.section TO ` + reader + `;
			GRANT SELECT (name, capacity, written_at), UPDATE (capacity, written_at) ON canary.section TO ` + d.role)
		must(t, Setup{Role: d.role + "_other", Password: rolePassword}.Run(t.Context(), d.super()))
		if got := d.rights(d.role); !strings.Contains(got, "SELECT canary.section.capacity") || !strings.Contains(got, "UPDATE canary.section.capacity") {
			t.Errorf("an exporter of before cannot go on with %s", got)
		}
		if got := d.ask("SELECT has_column_privilege('" + reader + "', 'canary.section', 'capacity', 'SELECT')"); got != "t" {
			t.Error("who could read the value cannot any more")
		}
	})
	t.Run("two roles, and one in two databases", func(t *testing.T) {
		d, other := s.database(t), s.database(t)
		d.before(d.role)
		d.before(other.role)
		other.before(other.role)
		must(t, d.setup())
		d.role = other.role
		must(t, d.setup())
		must(t, other.setup())
		if got := other.rights(other.role); got != justRights {
			t.Errorf("the role has\n%s, want\n%s", got, justRights)
		}
	})
}
