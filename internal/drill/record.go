package drill

import (
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// Record is what a drill saw. Its times are those of the exporter's own clock.
type Record struct {
	Started, Ended time.Time
	// Interval is the time between two beats.
	Interval time.Duration
	Beats    Counts
	// MedianCommit is that of the last beats that were acknowledged.
	MedianCommit time.Duration
	// Writes says from when on beats were acknowledged, refused or waited.
	Writes []Writing
	// Outages are the times in which nobody could write, oldest first; the last one may last.
	Outages []Outage
	// Pauses are shorter ones, in which nothing but waiting happened.
	Pauses    Pauses
	Takeovers []Takeover
	// Losses are acknowledged beats that turned out to be gone, as they did.
	Losses []Loss
	// AtRisk is what only another server that takes writes has, at the end of the drill; nil for
	// nothing. Undecided is true where some beats may still turn out to be gone.
	AtRisk    *verdict.Loss
	Undecided bool
	// Nodes are all nodes of the cluster, in the order of the configuration.
	Nodes []Node
	// Events are what happened, oldest first.
	Events []Event
	// Recovered is when the cluster counted as recovered: zero where it did not.
	Recovered time.Time
}

// Lasted is how long the drill took.
func (r *Record) Lasted() time.Duration { return r.Ended.Sub(r.Started) }

// Lost is how many acknowledged beats are gone.
func (r *Record) Lost() int64 {
	var lost int64
	for _, loss := range r.Losses {
		lost += loss.Commits
	}
	return lost
}

// Longest returns the longest outage; nil for none.
func (r *Record) Longest() *Outage {
	var longest *Outage
	for i := range r.Outages {
		if longest == nil || r.Outages[i].Lasted > longest.Lasted {
			longest = &r.Outages[i]
		}
	}
	return longest
}

// Counts are numbers of beats.
type Counts struct {
	// Acknowledged are those that were, Late those of them that waited before.
	Acknowledged, Late int64
	// Refused are those that failed at once, GivenUp those that waited before they failed.
	Refused, GivenUp int64
}

// Sent is how many beats there were.
func (c Counts) Sent() int64 { return c.Acknowledged + c.Refused + c.GivenUp }

// Fate is what became of beats.
type Fate string

// The fates.
const (
	Acknowledged Fate = "acknowledged"
	Refused      Fate = "refused"
	Waiting      Fate = "waiting"
)

// Writing is what became of the beats from a moment on, until the next one or the end.
type Writing struct {
	Fate Fate
	From time.Time
}

// Position is where a beat lies. A field that is not known is "" or 0.
type Position struct {
	Node     string
	Timeline uint32
	Era      int64
	Value    int64
	LSN      verdict.LSN
}

// Takeover is the change to another server as primary.
type Takeover struct {
	At time.Time
	// From is the last beat that the server before acknowledged, To the first of the next one.
	From, To Position
	// Fork is at or past where the new timeline began; 0 where not known.
	Fork verdict.LSN
}

// Loss is acknowledged beats that turned out to be gone.
type Loss struct {
	At time.Time
	verdict.Loss
}

// Refusal is why beats failed, and how many did for the same reason.
type Refusal struct {
	Node   string
	Reason probe.Reason
	Beats  int64
}

// Pauses are short times of waiting, each shorter than an outage.
type Pauses struct {
	Count           int64
	Lasted, Longest time.Duration
}
