package pgnode

import (
	"testing"
	"time"
)

// TestRestLeavesNoBackend: a real server has no session of a node that nobody asks for any more, and has one
// again when somebody does.
func TestRestLeavesNoBackend(t *testing.T) {
	d := newStage(t).database(t)
	must(t, d.setup())
	node, err := New(d.server.DSN(d.role, rolePassword, d.name), Options{
		Section: DefaultSection, StatementTimeout: 10 * time.Second, Rest: 100 * time.Millisecond,
	})
	must(t, err)
	const sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pg_canary_exporter'"
	for range 2 {
		if !node.Ready() {
			node.Prepare()
		}
		must(t, node.Connect(t.Context()))
		if n := d.ask(sessions); n != "1" {
			t.Errorf("%s sessions while it is connected", n)
		}
		w, err := node.Write(t.Context())
		must(t, err)
		if !w.Found {
			t.Error("nothing was written")
		}
		d.until("no session is left", func() bool { return d.ask(sessions) == "0" })
		if node.Connected() || !node.Since().IsZero() {
			t.Error("it takes itself for connected")
		}
	}
	must(t, node.Close(t.Context()))
}
