package drill

import (
	"fmt"
	"time"
)

// Limits are what a drill may show to count as passed. What is nil is not checked.
type Limits struct {
	// MaxOutage is how long the longest outage may last.
	MaxOutage *time.Duration
	// MaxLost is how many acknowledged beats may be lost, at risk or undecided at the end.
	MaxLost *int64
	// MaxStale is how long the oldest acknowledged beat may have been waiting that a read on a
	// replica does not show.
	MaxStale *time.Duration
	// Recovers asks for a cluster that has recovered at the end.
	Recovers bool
}

// Excess is a limit that a drill did not keep.
type Excess struct {
	// Limit is the limit's name, as a flag.
	Limit string
	// Text says by how much it was passed.
	Text string
}

// Check returns the limits that a drill did not keep.
func (l Limits) Check(r *Record) []Excess {
	var all []Excess
	exceed := func(limit, format string, args ...any) {
		all = append(all, Excess{Limit: limit, Text: fmt.Sprintf(format, args...)})
	}
	if longest := r.Longest(); l.MaxOutage != nil && longest != nil && longest.Lasted > *l.MaxOutage {
		exceed("--max-outage", "nobody could write for %s: %s more than %s", seconds(longest.Lasted), lag(longest.Lasted-*l.MaxOutage), *l.MaxOutage)
	}
	if l.MaxLost != nil {
		lost, atRisk := r.Lost(), r.risk()
		switch gone := lost + atRisk; {
		case gone > *l.MaxLost && atRisk > 0:
			exceed("--max-lost", "%s lost and %d at risk: %d more than %d", beats(lost, "acknowledged "), atRisk, gone-*l.MaxLost, *l.MaxLost)
		case gone > *l.MaxLost:
			exceed("--max-lost", "%s lost: %d more than %d", beats(lost, "acknowledged "), gone-*l.MaxLost, *l.MaxLost)
		case r.Undecided && r.AtRisk == nil:
			exceed("--max-lost", "whether acknowledged beats are lost was not decided by the end of the drill")
		}
	}
	if l.MaxStale != nil {
		for i := range r.Nodes {
			if n := &r.Nodes[i]; n.WorstLag != nil && *n.WorstLag > *l.MaxStale {
				exceed("--max-stale", "%s was %s behind: %s more than %s", n.Name, lag(*n.WorstLag), lag(*n.WorstLag-*l.MaxStale), *l.MaxStale)
			}
		}
	}
	if l.Recovers && r.Recovered.IsZero() {
		exceed("--until-recovered", "the cluster had not recovered by the end of the drill: %s", r.unwell())
	}
	return all
}

// risk is how many acknowledged beats are at risk at the end.
func (r *Record) risk() int64 {
	if r.AtRisk == nil {
		return 0
	}
	return r.AtRisk.Commits
}

// unwell says what is not as it should be at the end.
func (r *Record) unwell() string {
	if n := len(r.Outages); n > 0 && r.Outages[n-1].Lasts() {
		return "nobody can write"
	}
	if len(r.Outages) == 0 && len(r.Takeovers) == 0 {
		return "nothing happened of which to recover"
	}
	for i := range r.Nodes {
		if n := &r.Nodes[i]; n.Last() == Behind || n.Last() == Diverged || n.Last() == Idle {
			return n.Name + " is " + string(n.Last())
		}
	}
	return "all was well for less than " + calm.String()
}
