//go:build unix

package soak

import (
	"slices"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
)

// totals changes those of all scrapes on the pair and on three servers.
func totals(how func(*history.Totals)) func(*history.History) {
	return func(h *history.History) {
		for i := range h.Probes {
			how(&h.Probes[i].Totals)
		}
		for i := range h.Scrapes {
			how(&h.Scrapes[i].Totals)
		}
	}
}

// nodeTotals changes those of each replica.
func nodeTotals(how func(*history.NodeTotals)) func(*history.History) {
	return totals(func(t *history.Totals) {
		for node, n := range t.Nodes {
			how(&n)
			t.Nodes[node] = n
		}
	})
}

// pulses changes the acknowledged beats of the pulse, of all exporters, with their reads.
func pulses(how func(*history.Beat, *history.Reads)) func(*history.History) {
	return func(h *history.History) {
		for i := range h.Beats {
			b := &h.Beats[i]
			if b.Scraped {
				continue
			}
			for node, reads := range b.Reads {
				how(b, &reads)
				b.Reads[node] = reads
			}
		}
	}
}

// totalLies are of what is counted of all beats.
var totalLies = map[string]lie{
	"a commit that is counted twice": {
		totals(func(t *history.Totals) { t.Commits *= 2 }),
		"VIOLATION commit_duration_seconds counts each beat once",
	},
	"verdicts on some beats alone": {
		nodeTotals(func(n *history.NodeTotals) { n.Unknown, n.Synced, n.Late = n.Unknown/2, n.Synced/2, n.Late/2 }),
		"VIOLATION verdicts_total counts each beat once",
	},
	"a beat that is late counted as synced": {
		nodeTotals(func(n *history.NodeTotals) { n.Synced, n.Late = n.Synced+n.Late, 0 }),
		"VIOLATION verdicts_total is what the reads prove",
	},
	"a delay that is counted twice": {
		func(h *history.History) { h.Delays = slices.Concat(h.Delays, h.Delays[:1]) },
		"VIOLATION each delay is counted once",
	},
	"a delay that is not counted": {
		func(h *history.History) { h.Delays = h.Delays[len(h.Delays)/2:] },
		"VIOLATION each delay is counted once",
	},
	"a delay of the server that acknowledged the beat": {
		func(h *history.History) {
			for i := range h.Beats {
				b := &h.Beats[i]
				for node := range b.Reads {
					b.Written = node
				}
			}
		},
		"VIOLATION each delay is counted once",
	},
	"a delay that was shorter": {
		func(h *history.History) {
			for i := range h.Delays {
				h.Delays[i].Received = h.Delays[i].Acknowledged
			}
		},
		"VIOLATION what was seen was visible",
	},
	"a histogram with a delay more": {
		nodeTotals(func(n *history.NodeTotals) { n.Delays += 1000 }),
		"VIOLATION visibility_delay_seconds is the delays",
	},
	"a histogram of other delays": {
		nodeTotals(func(n *history.NodeTotals) { n.DelaySeconds++ }),
		"VIOLATION visibility_delay_seconds is the delays",
	},
	"a beat of which there is no account": {
		func(h *history.History) { h.Beats = slices.Delete(h.Beats, 1, 2) },
		"VIOLATION every beat is accounted for",
	},
	"nobody accounts for beats": {
		func(h *history.History) { h.Beats = nil },
		"nothing to compare: no proof",
	},
}

// outageLies are of the times in which nobody could write, which each failover makes one of.
var outageLies = map[string]lie{
	"an outage that begins by itself": {
		func(h *history.History) {
			for i := range h.Beats {
				if b := &h.Beats[i]; b.Acknowledged != nil {
					b.Notices = append(b.Notices, history.Notice{Kind: history.OutageBegan, Since: b.Attempted})
					return
				}
			}
		},
		"VIOLATION outages begin and end with the beats",
	},
	"outages of which the log has no line": {
		notices(history.OutageBegan, drop),
		"VIOLATION outages begin and end with the beats",
	},
	"outages that begin with another beat": {
		notices(history.OutageBegan, func(n *history.Notice) { n.Since -= second }),
		"VIOLATION outages begin and end with the beats",
	},
	"outages that do not end": {
		notices(history.OutageEnded, drop),
		"VIOLATION outages begin and end with the beats",
	},
	"outages that last longer than they do": {
		notices(history.OutageEnded, func(n *history.Notice) { n.After += second }),
		"VIOLATION outages begin and end with the beats",
	},
	"outages that are not counted": {
		totals(func(t *history.Totals) { t.Outages = 0 }),
		"VIOLATION write_outages_total counts the outages",
	},
	"more outages than there are": {
		totals(func(t *history.Totals) { t.Outages++ }),
		"VIOLATION write_outages_total counts the outages",
	},
	"no time of outages": {
		totals(func(t *history.Totals) { t.OutageSeconds = 0 }),
		"VIOLATION write_outage_seconds_total is their time",
	},
	"more time of outages than there is": {
		totals(func(t *history.Totals) { t.OutageSeconds++ }),
		"VIOLATION write_outage_seconds_total is their time",
	},
}

// pulseLies are of beats between the scrapes.
var pulseLies = map[string]lie{
	"a late beat of the pulse that is in time": {
		pulses(func(b *history.Beat, r *history.Reads) {
			if r.LastStale != nil && r.FirstFresh == nil {
				r.LastStale, r.FirstFresh = nil, new(*b.Acknowledged+millisecond)
			}
		}),
		"VIOLATION a beat of the pulse in time",
	},
	"a beat of the pulse in time that is late": {
		pulses(func(b *history.Beat, r *history.Reads) {
			if r.FirstFresh != nil && *r.FirstFresh < *b.Acknowledged+50*millisecond {
				r.FirstFresh, r.LastStale = nil, new(*b.Acknowledged+100*millisecond)
			}
		}),
		"VIOLATION a beat of the pulse that is late",
	},
	"a beat of the pulse that is seen before it is visible": {
		pulses(func(b *history.Beat, r *history.Reads) {
			if r.LastStale != nil && r.FirstFresh == nil {
				r.FirstFresh, r.LastStale = new(*b.Acknowledged+millisecond), nil
			}
		}),
		"VIOLATION the intervals of the pulse's beats overlap",
	},
	"a beat of the pulse on another server": {
		pulses(func(b *history.Beat, _ *history.Reads) {
			for node := range b.Reads {
				b.Written = node
			}
		}),
		"VIOLATION who acknowledged a beat has it",
	},
	"no beat of the pulse": {
		func(h *history.History) {
			for i := range h.Beats {
				h.Beats[i].Scraped = true
			}
		},
		"nothing to compare: no proof",
	},
}
