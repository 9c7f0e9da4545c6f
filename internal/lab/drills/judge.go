//go:build unix

package drills

import (
	"fmt"
	"slices"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// truth is what the servers and the laboratory's own writers say of a change of primaries.
type truth struct {
	old string // the primary before
	to  *pgcluster.Server
	// writes is true where nobody could write for a while.
	writes bool
	// last is the last value that the old primary has, and follows what the new one's era follows.
	last, follows int64
	gap           gap
}

// gap is the time between the last write that a primary acknowledged and the first one that the
// next did: nobody could write for atLeast, and for no longer than from the sending of the one to
// the acknowledgement of the other.
type gap struct {
	from, to time.Time
	atLeast  time.Duration
}

// on is an attempt on one of the servers.
type on struct {
	attempt
	server int
}

// findGap finds it in the attempts on each server. It is zero where there is none.
func findGap(servers [][]attempt) gap {
	var acknowledged []on
	for i, attempts := range servers {
		for _, a := range attempts {
			if a.ok {
				acknowledged = append(acknowledged, on{a, i})
			}
		}
	}
	slices.SortFunc(acknowledged, func(a, b on) int { return a.ended.Compare(b.ended) })
	for i := 1; i < len(acknowledged); i++ {
		if before, after := acknowledged[i-1], acknowledged[i]; before.server != after.server {
			return gap{from: before.sent, to: after.ended, atLeast: refused(servers, before, after)}
		}
	}
	return gap{}
}

// refused returns how long writes were refused between two that were not, at least: from the
// failure of the first on the server of the one before, to the sending of the last that failed on
// that of the one after.
func refused(servers [][]attempt, before, after on) time.Duration {
	var began, lasted time.Time
	for _, a := range servers[before.server] {
		if !a.ok && !a.sent.Before(before.ended) && began.IsZero() {
			began = a.ended
		}
	}
	for _, a := range servers[after.server] {
		if !a.ok && a.sent.Before(after.sent) {
			lasted = a.sent
		}
	}
	if began.IsZero() {
		return 0
	}
	return max(lasted.Sub(began), 0)
}

// judge returns what a report says that is not so.
func judge(t truth, r *report) (wrong []string) {
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if len(r.Takeovers) != 1 {
		complain("%d takeovers", len(r.Takeovers))
		return wrong
	}
	taken := r.Takeovers[0]
	if taken.From.Node != t.old || taken.To.Node != t.to.Name {
		complain("%s took over from %s, and not %s from %s", taken.To.Node, taken.From.Node, t.to.Name, t.old)
	}
	if taken.To.Timeline != taken.From.Timeline+1 {
		complain("timeline %d after %d", taken.To.Timeline, taken.From.Timeline)
	}
	// Of the last commit the acknowledgement may not have arrived.
	if acknowledged := taken.From.Value; acknowledged != t.last && acknowledged != t.last-1 {
		complain("the last value on %s was %d, and it has %d", t.old, acknowledged, t.last)
	}
	lost := max(taken.From.Value-t.follows, 0)
	if r.Lost.Beats != lost {
		complain("%d beats lost, and the tables say %d", r.Lost.Beats, lost)
	}
	if r.Lost.AtRisk != 0 || r.Lost.Undecided {
		complain("%d beats at risk, undecided: %v", r.Lost.AtRisk, r.Lost.Undecided)
	}
	old := r.find(t.old)
	if lost > 0 && old.Rebuilt == nil {
		complain("%s was rewound, and the report does not say so", t.old)
	}
	for _, n := range r.Nodes {
		if n.Rebuilt != nil && n.Node != t.old {
			complain("%s was not rewound", n.Node)
		}
		if want := t.condition(n.Node); n.Condition != want {
			complain("%s is %s at the end, and not %s", n.Node, n.Condition, want)
		}
	}
	return append(wrong, t.compare(r)...)
}

// condition is that of a node at the end.
func (t truth) condition(name string) string {
	if name == t.to.Name {
		return "primary"
	}
	return "synced"
}

// compare holds the outage between the two primaries against the gap that was seen.
func (t truth) compare(r *report) (wrong []string) {
	if !t.writes {
		return nil
	}
	i := slices.IndexFunc(r.Outages, func(o outage) bool { return o.Before.Node == t.old && o.After.Node == t.to.Name })
	if i < 0 {
		return []string{"no outage that ends with the new primary"}
	}
	o := r.Outages[i]
	switch {
	case o.Ended == nil:
		wrong = append(wrong, "the outage lasts")
	case !o.Began.Before(t.gap.to) || !o.Ended.After(t.gap.from):
		wrong = append(wrong, fmt.Sprintf("the outage is from %v to %v, and the one that was seen from %v to %v", o.Began, o.Ended, t.gap.from, t.gap.to))
	}
	if o.AtMost < t.gap.atLeast.Seconds() {
		wrong = append(wrong, fmt.Sprintf("the outage lasted at most %.3f s, and %v were seen", o.AtMost, t.gap.atLeast))
	}
	if most := t.gap.to.Sub(t.gap.from); o.AtLeast > most.Seconds() {
		wrong = append(wrong, fmt.Sprintf("the outage lasted at least %.3f s, and no more than %v were seen", o.AtLeast, most))
	}
	return wrong
}

// summary is a line for the user.
func summary(kind string, t truth, r *report) string {
	text := fmt.Sprintf("%-31s  lost %d of %d", kind, r.Lost.Beats, r.Lost.Of)
	for _, o := range r.Outages {
		text += fmt.Sprintf("; nobody could write for %.3f s (%.3f to %.3f)", o.Seconds, o.AtLeast, o.AtMost)
	}
	return text + fmt.Sprintf("; seen: %.3f to %.3f s", t.gap.atLeast.Seconds(), t.gap.to.Sub(t.gap.from).Seconds())
}
