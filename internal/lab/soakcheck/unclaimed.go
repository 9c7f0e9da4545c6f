package soakcheck

import (
	"cmp"
	"math"
	"slices"
	"sort"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
)

// unclaimed is a commit that was seen on a server which took writes.
type unclaimed struct {
	commit
	seen history.Moment
}

// addHidden adds the beats that a probe may have written to another primary, when
// it found only then that this one is to be written: it tells of the last one.
func (a *ledger) addHidden(b *history.Beat, c commit) {
	if a.branch == c.branch {
		return
	}
	for _, on := range a.rivals(b).possible {
		if a.branch != 0 && a.branch != on {
			continue
		}
		a.beats = append(a.beats, beat{commit: commit{on, math.MaxInt64}})
		a.situation = ""
	}
}

// addUnclaimed adds what was seen by a moment.
func (a *ledger) addUnclaimed(by history.Moment) {
	for len(a.unclaimed) > 0 && a.unclaimed[0].seen <= by {
		a.beats = append(a.beats, beat{commit: a.unclaimed[0].commit})
		a.unclaimed = a.unclaimed[1:]
		a.situation = ""
	}
}

// unclaimed returns the commits that no beat is, in the order in which they were seen.
func (j *judge) unclaimed() []unclaimed {
	claimed := map[commit]bool{}
	for i := range j.Beats {
		if b := &j.Beats[i]; b.Exporter != "" {
			if c, ok := j.graph.commitOf(b); ok {
				claimed[c] = true
			}
		}
	}
	var all []unclaimed
	for id, b := range j.graph.branches {
		runs, last := j.graph.writes(b), b.atMost
		if len(runs) > 0 && b.Parent == 0 {
			last = runs[0].Capacity // What came before is older than the history.
		}
		for _, run := range runs {
			for value := last; value < run.Capacity; value++ {
				if c := (commit{id, value + 1}); !claimed[c] {
					all = append(all, unclaimed{c, run.First.Received})
				}
			}
			last = max(last, run.Capacity)
		}
	}
	slices.SortFunc(all, func(a, b unclaimed) int { return cmp.Compare(a.seen, b.seen) })
	return all
}

// seenAfter returns those that were seen since a moment.
func seenAfter(all []unclaimed, since history.Moment) []unclaimed {
	i := sort.Search(len(all), func(i int) bool { return all[i].seen >= since })
	return all[i:]
}
