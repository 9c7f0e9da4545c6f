package pgnode

import (
	"slices"
	"strings"
	"testing"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

// TestNodeLeavesAForeignTableAlone puts things on the table that would run with
// the role's rights, or hide what it does, and takes them away again.
func TestNodeLeavesAForeignTableAlone(t *testing.T) {
	s := newStage(t)
	for name, test := range map[string]struct{ put, mend string }{
		"trigger": {`CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
			CREATE TRIGGER t BEFORE UPDATE ON canary.section FOR EACH ROW EXECUTE FUNCTION f()`, "DROP TRIGGER t ON canary.section"},
		"rule":     {"CREATE RULE r AS ON UPDATE TO canary.section DO INSTEAD NOTHING", "DROP RULE r ON canary.section"},
		"security": {"ALTER TABLE canary.section ENABLE ROW LEVEL SECURITY", "ALTER TABLE canary.section DISABLE ROW LEVEL SECURITY"},
		"unlogged": {"ALTER TABLE canary.section SET UNLOGGED", "ALTER TABLE canary.section SET LOGGED"},
	} {
		t.Run(name, func(t *testing.T) {
			d := s.database(t)
			must(t, d.setup())
			d.exec(test.put)
			node := d.node(t, "")
			if _, err := node.Write(t.Context()); probe.ReasonOf(err) != probe.ReasonNotWritten {
				t.Errorf("the write ends in %v", err)
			}
			if read, err := node.Read(t.Context()); probe.ReasonOf(err) != probe.ReasonNotWritten || read.Received.IsZero() {
				t.Errorf("the read ends in %v, and its state was received at %v", err, read.Received)
			}
			d.exec(test.mend)
			if _, err := node.Write(t.Context()); err != nil {
				t.Errorf("after it was mended the write ends in %v", err)
			}
		})
	}
	t.Run("trigger on a table that was in use", func(t *testing.T) {
		d := s.database(t)
		must(t, d.setup())
		node := d.node(t, "")
		_, err := node.Write(t.Context())
		must(t, err)
		for _, returned := range []string{"NULL", "OLD"} {
			d.exec(`DROP FUNCTION IF EXISTS f() CASCADE;
				CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN ` + returned + `; END';
				CREATE TRIGGER t BEFORE UPDATE ON canary.section FOR EACH ROW EXECUTE FUNCTION f()`)
			if _, err := node.Write(t.Context()); probe.ReasonOf(err) != probe.ReasonNotWritten {
				t.Errorf("with a trigger that returns %s the write ends in %v", returned, err)
			}
		}
	})
}

// TestNodeLeavesTheSectionOfAnotherClusterAlone has exporters of three names
// write a section that was made for one of them.
func TestNodeLeavesTheSectionOfAnotherClusterAlone(t *testing.T) {
	s := newStage(t)
	d := s.database(t)
	setup := Setup{Role: d.role, Password: rolePassword}
	must(t, setup.Run(t.Context(), d.super()))
	if w, err := d.node(t, "east").Write(t.Context()); err != nil || w.Capacity != 1 {
		t.Errorf("a section of which nobody said the cluster: %+v, %v", w, err)
	}
	setup.Cluster = "west"
	must(t, setup.Run(t.Context(), d.super()))
	_, err := d.node(t, "east").Write(t.Context())
	if probe.ReasonOf(err) != probe.ReasonForeign {
		t.Errorf("the write ends in %v", err)
	}
	for _, want := range []string{`made for cluster "west"`, `of cluster "east"`, "--cluster.name=west", "connection string"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	if got := d.ask("SELECT capacity FROM canary.section WHERE name = 'default'"); got != "1" {
		t.Errorf("the value became %s", got)
	}
	east := d.node(t, "east")
	must(t, east.Connect(t.Context()))
	if read, err := east.Read(t.Context()); err != nil || read.Row.Capacity != 1 {
		t.Errorf("it is read as %+v, %v", read, err)
	}
	if w, err := d.node(t, "west").Write(t.Context()); err != nil || w.Capacity != 2 {
		t.Errorf("its own exporter: %+v, %v", w, err)
	}

	setup.Cluster = ""
	must(t, setup.Run(t.Context(), d.super()))
	setup.Cluster = "it's"
	d.refused(setup.Run(t.Context(), d.super()), "--cluster.name", "is not a name for a cluster")
	setup.Cluster = "east"
	err = setup.Run(t.Context(), d.super())
	d.refused(err, "was made for the cluster west, and not for east", "--canary.section")
	if got := d.ask("SELECT cluster FROM canary.section WHERE name = 'default'"); got != "west" {
		t.Errorf("the section is of the cluster %s now", got)
	}
	said := err.Error()
	d.exec(said[strings.LastIndex(said, ": ")+2:])
	must(t, setup.Run(t.Context(), d.super()))
}

// TestNodeWritesWithoutPositions takes functions from the role, and gives them back.
func TestNodeWritesWithoutPositions(t *testing.T) {
	s := newStage(t)
	d := s.database(t)
	must(t, d.setup())
	const function = "FUNCTION pg_walfile_name(pg_lsn), pg_current_wal_lsn()"
	d.exec("REVOKE EXECUTE ON " + function + " FROM PUBLIC")
	node := d.node(t, "")
	basic, err := node.Write(t.Context())
	must(t, err)
	if basic.Capacity != 1 || basic.Timeline != 0 || basic.LSN != 0 || len(basic.Eras) != 1 || basic.Acknowledged.IsZero() {
		t.Errorf("without the functions: %+v", basic)
	}
	d.exec("GRANT EXECUTE ON " + function + " TO PUBLIC")
	same, err := node.Write(t.Context())
	must(t, err)
	full, err := d.node(t, "").Write(t.Context())
	must(t, err)
	if same.Timeline != 0 || full.Timeline != 1 || full.LSN == 0 || full.Capacity != 3 || !slices.Equal(full.Eras, basic.Eras) {
		t.Errorf("the same session: %+v; a new one: %+v", same, full)
	}
	// A right that is missing altogether does not make it forget the functions.
	d.exec("REVOKE UPDATE (mark) ON canary.section FROM " + d.role)
	later := d.node(t, "")
	if _, err := later.Write(t.Context()); probe.ReasonOf(err) != probe.ReasonPermission {
		t.Errorf("without the right to write: %v", err)
	}
	must(t, d.setup())
	if w, err := later.Write(t.Context()); err != nil || w.Timeline != 1 || w.Mark == full.Mark {
		t.Errorf("with all rights: %+v, %v", w, err)
	}
}
