package soakcheck

import (
	"cmp"
	"slices"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
)

// life is a time in which the replica's server ran without a stop, and the
// observer's runs in it, in the order of time.
type life struct {
	from, to history.Moment
	runs     history.Sightings
}

// lives returns the replica's lives. A connection cannot outlive the server:
// one that read inside a life belongs to it with all its reads, also those
// during the restart that ended or began it. One that read only during a
// restart belongs to nobody knows which, and is left out.
func lives(h *history.History) []life {
	restarts := slices.DeleteFunc(slices.Clone(h.Faults), func(f history.Fault) bool { return !f.Restart })
	slices.SortFunc(restarts, func(a, b history.Fault) int { return cmp.Compare(a.From, b.From) })
	all := []life{{from: history.Always, to: history.Never}}
	for _, restart := range restarts {
		all[len(all)-1].to = restart.From
		all = append(all, life{from: restart.To, to: history.Never})
	}
	owner := map[int]*life{}
	for _, run := range h.Seen {
		for i := range all {
			if all[i].holds(run.First.Sent, run.First.Received) || all[i].holds(run.Last.Sent, run.Last.Received) {
				owner[run.Connection] = &all[i]
			}
		}
	}
	for _, run := range h.Seen {
		if l := owner[run.Connection]; l != nil {
			l.runs = append(l.runs, run)
		}
	}
	for i := range all {
		slices.SortFunc(all[i].runs, func(a, b history.Seen) int { return cmp.Compare(a.First.Sent, b.First.Sent) })
	}
	return all
}

// holds says whether a span lies in the life.
func (l *life) holds(from, to history.Moment) bool { return l.from < from && to < l.to }

// lifeOf returns the life that a span lies in, nil when a restart cuts it.
func lifeOf(all []life, from, to history.Moment) *life {
	for i := range all {
		if all[i].holds(from, to) {
			return &all[i]
		}
	}
	return nil
}
