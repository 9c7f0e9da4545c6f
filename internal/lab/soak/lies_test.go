//go:build unix

package soak

import "github.com/pg-canary/pg_canary_exporter/internal/lab/history"

const (
	second      = history.Moment(1e9)
	millisecond = history.Moment(1e6)
)

// lie is a change to a history that was sound, and what has to be printed then.
type lie struct {
	plant func(*history.History)
	found string
}

// late are the probes of a replica that did not show the canary at all, and
// visible those of one that did, over a connection that was there at the acknowledgement.
func late(p *history.Probe) bool {
	return p.LastStale != nil && p.FirstFresh == nil && p.Synced != nil
}

func visible(p *history.Probe) bool {
	return p.FirstFresh != nil && p.Synced != nil && *p.Synced && p.LagSeconds != nil
}

// change changes every probe of a kind.
func change(which func(*history.Probe) bool, how func(*history.Probe)) func(*history.History) {
	return func(h *history.History) {
		for i := range h.Probes {
			if which(&h.Probes[i]) {
				how(&h.Probes[i])
			}
		}
	}
}

var lies = map[string]lie{
	"synced although it is not": {
		change(late, func(p *history.Probe) { p.Synced = new(true) }),
		"VIOLATION synced 1 is not contradicted",
	},
	"not synced although it is": {
		change(visible, func(p *history.Probe) { p.Synced = new(false) }),
		"VIOLATION synced 0 is not contradicted",
	},
	"a lag of 0 bytes beside a stale value": {
		change(late, func(p *history.Probe) { p.LagBytes = new(int64(0)) }),
		"VIOLATION lag_bytes 0 beside a fresh read only",
	},
	"a lag of 0 bytes beside a value that was not there": {
		change(late, func(p *history.Probe) { p.LagBytes, p.ReplicaCapacity = new(int64(0)), p.Capacity }),
		"VIOLATION lag_bytes 0 beside a fresh read only",
	},
	"visible before it was": {
		change(late, func(p *history.Probe) { p.FirstFresh, p.LastStale = p.FirstReceived, nil }),
		"VIOLATION the intervals overlap",
	},
	"visible after it was": {
		change(visible, func(p *history.Probe) {
			p.LastStale, p.FirstFresh = new(*p.FirstFresh+50*millisecond), new(*p.FirstFresh+51*millisecond)
		}),
		"VIOLATION the intervals overlap",
	},
	"a lag that is too short": {
		change(late, func(p *history.Probe) { p.LagSeconds = new(*p.LagSeconds / 2) }),
		"VIOLATION lag_seconds of a replica that is behind",
	},
	"a lag that is too long": {
		change(late, func(p *history.Probe) { p.LagSeconds = new(*p.LagSeconds + 1) }),
		"VIOLATION lag_seconds of a replica that is behind",
	},
	"a delay that is not that of the reads": {
		change(visible, func(p *history.Probe) { p.LagSeconds = new(*p.LagSeconds + 0.0001) }),
		"VIOLATION lag_seconds of a replica that shows it",
	},
	"a value written twice": {
		func(h *history.History) { h.Probes[len(h.Probes)/2].Capacity = h.Probes[len(h.Probes)/2-1].Capacity },
		"VIOLATION written values and positions grow",
	},
	"a position that does not move": {
		func(h *history.History) {
			h.Probes[len(h.Probes)/2].PrimaryLSN = h.Probes[len(h.Probes)/2-1].PrimaryLSN
		},
		"VIOLATION written values and positions grow",
	},
	"a read of the exporter that goes back": {
		// Every other one: after a busy machine's soak few are visible at all.
		change(func(p *history.Probe) bool { return p.ReplicaCapacity != nil && p.Number%2 == 0 }, func(p *history.Probe) {
			p.ReplicaCapacity = new(*p.ReplicaCapacity - 5)
		}),
		"VIOLATION the exporter's reads never go back",
	},
	"a read of the observer that goes back": {
		func(h *history.History) {
			for i := 0; i < len(h.Seen); i += 7 {
				h.Seen[i].Value -= 5
			}
		},
		"VIOLATION the observer's reads never go back",
	},
	"a value that is seen before it was sent": {
		change(visible, func(p *history.Probe) { p.Sent = new(*p.FirstFresh + second) }),
		"VIOLATION nobody sees a canary before it was sent",
	},
	"fresher than it is, for a beat": {
		change(late, func(p *history.Probe) { shrink(p.Bound) }),
		"VIOLATION staleness_bound_seconds is never below the truth",
	},
	"a bound that is not of the beat that is shown": {
		change(visible, func(p *history.Probe) { add(p.Bound, 0.001) }),
		"VIOLATION staleness_bound_seconds is of the newest beat shown",
	},
	"a lag beyond the truth": {
		change(late, func(p *history.Probe) { add(p.LagSeconds, 10) }),
		"VIOLATION lag_seconds is never above the truth",
	},
	"a beat more that is not shown": {
		change(late, func(p *history.Probe) { *p.Unseen += 1000 }),
		"VIOLATION unseen_beats counts what is not shown",
	},
	"no beat that is not shown": {
		change(late, func(p *history.Probe) { *p.Unseen = 0 }),
		"VIOLATION unseen_beats counts what is not shown",
	},
	"an observer that saw nothing": {
		func(h *history.History) { h.Seen = nil },
		"nothing to compare: no proof",
	},
	"a replica of which nothing is said while it is behind": {
		change(func(p *history.Probe) bool { return p.FirstFresh == nil }, func(p *history.Probe) { p.Synced, p.LagSeconds = nil, nil }),
		"nothing to compare: no proof",
	},
}

// shrink leaves so little of a time that a beat which a server does not show is older: half of a bound may be
// what is left between two beats.
func shrink(seconds *float64) {
	if seconds != nil {
		*seconds /= 100
	}
}

func add(seconds *float64, more float64) {
	if seconds != nil {
		*seconds += more
	}
}
