//go:build unix

package soak

import (
	"slices"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
)

// written is what fits every scrape with an acknowledged beat.
func written(s *history.Scrape) bool { return s.Acknowledged != nil }

// scrapes changes every scrape of a kind.
func scrapes(which func(*history.Scrape) bool, how func(*history.Scrape)) func(*history.History) {
	return func(h *history.History) {
		for i := range h.Scrapes {
			if which(&h.Scrapes[i]) {
				how(&h.Scrapes[i])
			}
		}
	}
}

// states changes what is said of replicas in one state.
func states(state string, how func(*history.Scrape, *history.NodeSaid)) func(*history.History) {
	return scrapes(written, func(s *history.Scrape) {
		for name, said := range s.Nodes {
			if said.State == state {
				how(s, &said)
				s.Nodes[name] = said
			}
		}
	})
}

// from changes the scrapes of the exporter that runs all the time, from the middle of those on.
func from(which func(*history.Scrape) bool, how func(*history.Scrape)) func(*history.History) {
	return func(h *history.History) {
		var chosen []*history.Scrape
		for i := range h.Scrapes {
			if s := &h.Scrapes[i]; s.Exporter == steady && which(s) {
				chosen = append(chosen, s)
			}
		}
		for _, s := range chosen[len(chosen)/2:] {
			how(s)
		}
	}
}

// notices changes those of a kind, of all exporters; one without a kind is left out.
func notices(kind string, how func(*history.Notice)) func(*history.History) {
	return func(h *history.History) {
		for i := range h.Beats {
			b := &h.Beats[i]
			for n := range b.Notices {
				if b.Notices[n].Kind == kind {
					how(&b.Notices[n])
				}
			}
			b.Notices = slices.DeleteFunc(b.Notices, func(n history.Notice) bool { return n.Kind == "" })
		}
	}
}

func drop(n *history.Notice) { n.Kind = "" }

func loses(s *history.Scrape) bool { return s.Lost > 0 }

// lineLies are those that only who knows the true lines can find.
var lineLies = map[string]lie{
	"synced on another line": {
		states("diverged", func(_ *history.Scrape, n *history.NodeSaid) { n.Synced = new(true) }),
		"VIOLATION synced 1 on the primary's line only",
	},
	"a fresh read on another line": {
		states("diverged", func(s *history.Scrape, n *history.NodeSaid) { n.FirstFresh = new(*s.Acknowledged + millisecond) }),
		"VIOLATION a fresh read on the primary's line only",
	},
	"late although it was there": {
		states("synced", func(_ *history.Scrape, n *history.NodeSaid) { n.Synced = new(false) }),
		"VIOLATION synced 0 of what was not there in time",
	},
	"an ancestor that is said to have left": {
		states("synced", func(_ *history.Scrape, n *history.NodeSaid) { n.State = "diverged" }),
		"VIOLATION diverged is no ancestor",
	},
	"one that has left and is said to be behind": {
		states("diverged", func(_ *history.Scrape, n *history.NodeSaid) { n.State = "replaying" }),
		"VIOLATION who has left is diverged",
	},
	"a beat that nobody has": {
		scrapes(written, func(s *history.Scrape) { s.Capacity = new(*s.Capacity + 1000) }),
		"VIOLATION who acknowledged a beat has it",
	},
	"a beat of one that takes no writes": {
		scrapes(written, func(s *history.Scrape) {
			for name, said := range s.Nodes {
				if said.State == "synced" {
					s.Written = name
				}
			}
		}),
		"VIOLATION who acknowledged a beat has it",
	},
	"another timeline": {
		scrapes(written, func(s *history.Scrape) { s.Timeline = new(*s.Timeline + 1) }),
		"VIOLATION primary_timeline is the writer's",
	},
	"two primaries where there is one": {
		scrapes(written, func(s *history.Scrape) { s.Primaries = new(int64(2)) }),
		"VIOLATION primaries counts those that take writes",
	},
	"one primary in a split brain": {
		scrapes(written, func(s *history.Scrape) { s.Primaries = new(int64(1)) }),
		"VIOLATION primaries of a split brain",
	},
	"a takeover that was not": {
		from(written, func(s *history.Scrape) { s.Changes++ }),
		"VIOLATION primary_changes_total by one a takeover",
	},
	"a takeover that is not counted": {
		scrapes(written, func(s *history.Scrape) { s.Changes = 0 }),
		"VIOLATION primary_changes_total by one a takeover",
	},
	"more lost than is": {
		from(written, func(s *history.Scrape) { s.Lost += 10 }),
		"VIOLATION lost_writes_total is what is lost",
	},
	"less lost than is": {
		// By as many as above: a beat whose acknowledgement is in doubt explains one.
		from(loses, func(s *history.Scrape) { s.Lost = max(0, s.Lost-10) }),
		"VIOLATION lost_writes_total is what is lost",
	},
	"lost beats that are not counted": {
		scrapes(loses, func(s *history.Scrape) { s.Lost = 0 }),
		"VIOLATION lost_writes_total is what is lost",
	},
	"lost without a line in the log": {
		notices(history.Lost, drop),
		"VIOLATION the log counts what the counters count",
	},
	"always at risk": {
		func(h *history.History) {
			for i := range h.Beats {
				if b := &h.Beats[i]; b.Exporter == steady {
					b.Notices = append(b.Notices, history.Notice{Kind: history.AtRisk})
				}
			}
		},
		"VIOLATION at risk is what only another primary has",
	},
	"never at risk": {
		notices(history.AtRisk, drop),
		"VIOLATION at risk is what only another primary has",
	},
	"lost although another primary has them": {
		notices(history.AtRisk, func(n *history.Notice) { n.Kind = history.Lost }),
		"VIOLATION lost_writes_total is what is lost",
	},
	"a beat that loses more than is lost": {
		notices(history.Lost, func(n *history.Notice) { n.Commits += 10 }),
		"VIOLATION lost_writes_total is what is lost",
	},
	"a takeover of which the log has no line": {
		notices(history.TookOver, drop),
		"VIOLATION primary_changes_total by one a takeover",
	},
	"a row with another mark": {
		func(h *history.History) {
			for i := 0; i < len(h.Shown); i += 5 {
				h.Shown[i].Mark++
			}
		},
		"VIOLATION what servers show fits their branches",
	},
	"nobody watched the servers": {
		func(h *history.History) { h.Shown = nil },
		"nothing to compare: no proof",
	},
	"no failover was made": {
		func(h *history.History) { h.Scrapes = nil },
		"nothing to compare: no proof",
	},
	"fresher than it is": {
		states("disconnected", func(_ *history.Scrape, n *history.NodeSaid) { shrink(n.Bound) }),
		"VIOLATION the bound on the primary's line",
	},
	"a bound that is not of the beat that is shown": {
		states("synced", func(_ *history.Scrape, n *history.NodeSaid) { add(n.Bound, 0.001) }),
		"VIOLATION the bound on the primary's line",
	},
	"a longer lag than there is": {
		states("disconnected", func(_ *history.Scrape, n *history.NodeSaid) { add(n.LagSeconds, 10) }),
		"VIOLATION the lag on the primary's line",
	},
}
