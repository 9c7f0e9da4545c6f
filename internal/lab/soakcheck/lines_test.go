package soakcheck

import (
	"testing"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
)

// forked is a primary a on branch 1, of which b took over at value 10 and position
// 1000, and then c of b at value 20: what a wrote above 10 is on branch 1 alone.
func forked() *history.History {
	look := func(at history.Moment, lsn int64) history.Look {
		return history.Look{Read: history.Read{Sent: at * ms, Received: at*ms + 1}, LSN: lsn}
	}
	shown := func(server string, value, mark int64, from, to history.Moment) history.Shown {
		return history.Shown{Server: server, Capacity: value, Mark: mark, First: look(from, 900+value), Last: look(to, 901+value)}
	}
	span := func(server string, branch int, primary bool, from, to history.Moment) history.Span {
		return history.Span{Server: server, Branch: branch, Primary: primary, Began: from * ms, From: from*ms + 1, To: to * ms, Gone: to*ms + 1}
	}
	return &history.History{
		Settings: history.Settings{SyncedWithin: 100 * ms, Failovers: 1},
		Branches: []history.Branch{
			{ID: 1, Server: "a", Timeline: 1, Began: history.Always},
			{ID: 2, Parent: 1, Server: "b", Timeline: 2, Fork: 1000, Began: 100 * ms},
			{ID: 3, Parent: 2, Server: "c", Timeline: 3, Fork: 2000, Began: 200 * ms},
		},
		Spans: []history.Span{
			span("a", 1, true, 0, 1000), span("b", 1, false, 0, 100), span("b", 2, true, 100, 1000),
			span("c", 2, false, 150, 200), span("c", 3, true, 200, 1000), span("d", 1, false, 0, 1000),
		},
		Shown: []history.Shown{
			shown("a", 10, 110, 10, 20), shown("a", 11, 111, 30, 900), shown("b", 10, 110, 20, 90), shown("b", 10, 110, 101, 102),
			shown("b", 11, 211, 110, 120), shown("b", 20, 220, 130, 500), shown("b", 21, 221, 510, 900), shown("c", 20, 220, 160, 190), shown("c", 21, 321, 210, 900),
			shown("d", 10, 110, 20, 900),
		},
	}
}

func TestLines(t *testing.T) {
	g := newGraph(forked())
	for _, c := range []struct {
		commit commit
		on     int
		want   answer
	}{
		{commit{1, 10}, 1, yes},
		{commit{1, 10}, 2, yes},
		{commit{1, 11}, 2, no},
		{commit{1, 10}, 3, yes},
		{commit{1, 11}, 3, no},
		{commit{2, 11}, 1, no},
		{commit{2, 20}, 3, yes},
		{commit{2, 21}, 3, no},
		{commit{3, 21}, 2, no},
	} {
		if got := g.leadsTo(c.commit, c.on); got != c.want {
			t.Errorf("%v is on the line to branch %d: %v, want %v", c.commit, c.on, got, c.want)
		}
	}
	for value, want := range map[int64]int{10: 1, 11: 2, 20: 2, 21: 3} {
		if got, ok := g.resolve(3, value); !ok || got.branch != want {
			t.Errorf("%d on the line to branch 3 is of branch %d, %v, want %d", value, got.branch, ok, want)
		}
	}
	// What was not seen of b before and after the promotion leaves a beat in doubt.
	h := forked()
	h.Shown = append(h.Shown[:2:2], h.Shown[4:]...)
	h.Shown[2].Capacity = 12 // Its first reads as a primary come late.
	if got := newGraph(h).leadsTo(commit{1, 11}, 2); got != unproved {
		t.Errorf("a beat in doubt: %v", got)
	}
}

// TestClaimsOfLines plants one scrape, of a beat that was acknowledged at 300 ms.
func TestClaimsOfLines(t *testing.T) {
	for name, c := range map[string]struct {
		written  string
		value    int64
		of       string
		said     history.NodeSaid
		check    string
		violated bool
	}{
		"synced on the line":               {"a", 10, "d", history.NodeSaid{Synced: new(true)}, checkLineSynced, false},
		"synced 1 of a standby that waits": {"a", 11, "d", history.NodeSaid{Synced: new(true)}, checkLineSynced, true},
		"synced 1 of another primary":      {"a", 11, "b", history.NodeSaid{Synced: new(true)}, checkLineSynced, true},
		"a fresh read of another primary":  {"a", 11, "b", history.NodeSaid{Reads: history.Reads{FirstFresh: new(301 * ms)}}, checkLineFresh, true},
		"late although it has it":          {"a", 10, "d", history.NodeSaid{Synced: new(false)}, checkLineLate, true},
		"diverged ancestor":                {"b", 20, "d", history.NodeSaid{State: "diverged"}, checkAncestor, true},
		"another primary that is behind":   {"a", 11, "b", history.NodeSaid{State: "replaying", Reads: history.Reads{FirstReceived: new(301 * ms)}}, checkLeft, true},
		"another primary that has left":    {"a", 11, "b", history.NodeSaid{State: "diverged", Reads: history.Reads{FirstReceived: new(301 * ms)}}, checkLeft, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := forked()
			h.Scrapes = []history.Scrape{{
				Source: history.Source{Exporter: "first", Run: 1}, Began: 299 * ms, Ended: 310 * ms, Up: true, Capacity: &c.value, Written: c.written,
				Sent: new(299 * ms), Acknowledged: new(300 * ms), Nodes: map[string]history.NodeSaid{c.of: c.said},
			}}
			v := examine(h).verdicts[c.check]
			if v.compared != 1 || (len(v.violations) > 0) != c.violated {
				t.Errorf("%d compared, violations %q, want one: %v", v.compared, v.violations, c.violated)
			}
		})
	}
}
