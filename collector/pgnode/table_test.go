package pgnode

import (
	"testing"
	"time"

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
			node, err := New(d.server.DSN(d.role, rolePassword, d.name), Options{Section: DefaultSection, StatementTimeout: 5 * time.Second})
			must(t, err)
			defer func() { must(t, node.Close(t.Context())) }()
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
		node, err := New(d.server.DSN(d.role, rolePassword, d.name), Options{Section: DefaultSection, StatementTimeout: 5 * time.Second})
		must(t, err)
		defer func() { must(t, node.Close(t.Context())) }()
		_, err = node.Write(t.Context())
		must(t, err)
		d.exec(`CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
			CREATE TRIGGER t BEFORE UPDATE ON canary.section FOR EACH ROW EXECUTE FUNCTION f()`)
		if _, err := node.Write(t.Context()); probe.ReasonOf(err) != probe.ReasonNotWritten {
			t.Errorf("the write ends in %v", err)
		}
	})
}
