package pgnode

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// TestIdleConnectionsCostNoGoroutine keeps connections to a real server, and has it end one: it is
// replaced though nobody asks.
func TestIdleConnectionsCostNoGoroutine(t *testing.T) {
	d := newStage(t).database(t)
	must(t, d.setup())
	before := runtime.NumGoroutine()
	nodes := make([]*Node, 4)
	for i := range nodes {
		node, err := New(d.server.DSN(d.role, rolePassword, d.name), Options{
			Name: fmt.Sprint(i), Section: DefaultSection, StatementTimeout: 10 * time.Second, Dials: NewDials(1, 1000),
		})
		must(t, err)
		node.Prepare()
		must(t, node.Connect(t.Context()))
		_, err = node.Write(t.Context())
		must(t, err)
		_, err = node.Read(t.Context())
		must(t, err)
		nodes[i] = node
	}
	d.until("connections need no goroutine", func() bool { return runtime.NumGoroutine() <= before })
	since, server := nodes[0].Since(), nodes[0].Identity()
	const sessions = "FROM pg_stat_activity WHERE application_name = 'pg_canary_exporter'"
	if killed := d.ask("SELECT count(pg_terminate_backend(pid)) " + sessions); killed != fmt.Sprint(len(nodes)) {
		t.Fatalf("%s sessions, want %d", killed, len(nodes))
	}
	d.until("the connection is another one", func() bool {
		now := nodes[0].Since()
		return !now.IsZero() && !now.Equal(since)
	})
	if now := nodes[0].Identity(); now != server || now == (verdict.Server{}) {
		t.Errorf("it is connected to %+v, and was to %+v", now, server)
	}
	for _, node := range nodes {
		must(t, node.Close(context.WithoutCancel(t.Context())))
	}
	d.until("no session is left", func() bool { return d.ask("SELECT count(*) "+sessions) == "0" })
}
