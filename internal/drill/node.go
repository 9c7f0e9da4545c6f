package drill

import (
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// Condition is how a node stands, in fewer words than its state.
type Condition string

// The conditions.
const (
	// Primary: it acknowledges beats.
	Primary Condition = "primary"
	// Synced: it shows the beats in time.
	Synced Condition = "synced"
	// Idle: it answers, and there is no beat that it could show.
	Idle Condition = "idle"
	// Behind: it does not show the beats in time.
	Behind Condition = "behind"
	// Diverged: its history left the primary's.
	Diverged Condition = "diverged"
	// Away: it does not answer.
	Away Condition = "away"
	// NoReplica: its address leads to another node's server, or to another cluster.
	NoReplica Condition = "no replica"
)

// isBad is true where a read on the node does not show what it should.
func (c Condition) isBad() bool { return c == Behind || c == Diverged || c == Away }

// Node is what a drill saw of a node.
type Node struct {
	Name string
	// Stretches are its conditions one after the other, without those that lasted a moment only.
	Stretches []Stretch
	// WorstLag is how long the oldest acknowledged beat that it did not show had been waiting, at
	// the worst of all reads that it answered as a replica, and WorstAt when that was; nil for one
	// that never did. While it does not answer, it serves no stale read.
	WorstLag *time.Duration
	WorstAt  time.Time
	// Reads are the first reads after a beat, and Stale those of them that did not show it.
	Reads, Stale int64
	// Late is how many beats were not visible in time.
	Late int64
	// Rebuilt is when it turned out to lack a beat that it once had; zero where that is not proved.
	Rebuilt time.Time
}

// Stretch is a time in which a node was in one condition. Its end is the next one's beginning.
type Stretch struct {
	Condition Condition
	From      time.Time
	// States are those of a replica, or reasons of failures, in the order in which they appeared.
	States []string
}

// IsReplica is true for a node that answered as a replica.
func (n *Node) IsReplica() bool { return n.WorstLag != nil }

// Last is its condition at the end; "" for none.
func (n *Node) Last() Condition {
	if len(n.Stretches) == 0 {
		return ""
	}
	return n.Stretches[len(n.Stretches)-1].Condition
}

// In returns how long it was in a condition until the given end.
func (n *Node) In(condition Condition, end time.Time) time.Duration {
	var sum time.Duration
	for i, s := range n.Stretches {
		to := end
		if i+1 < len(n.Stretches) {
			to = n.Stretches[i+1].From
		}
		if s.Condition == condition {
			sum += to.Sub(s.From)
		}
	}
	return sum
}

// SyncedAgain returns when it was synced again after it was last behind, diverged or away. It is
// zero where it is not yet, and missed is false where it always was synced.
func (n *Node) SyncedAgain() (at time.Time, missed bool) {
	for _, s := range n.Stretches {
		switch {
		case s.Condition.isBad():
			at, missed = time.Time{}, true
		case s.Condition == Synced && missed && at.IsZero():
			at = s.From
		}
	}
	return at, missed
}

// mostStates bounds how many are kept of a stretch.
const mostStates = 8

func (s *Stretch) add(state string) {
	if state == "" || len(s.States) == mostStates {
		return
	}
	for _, known := range s.States {
		if known == state {
			return
		}
	}
	s.States = append(s.States, state)
}

// note keeps a lag that a read proved.
func (n *Node) note(lag time.Duration, at time.Time) {
	if n.WorstLag == nil || lag > *n.WorstLag {
		n.WorstLag, n.WorstAt = &lag, at
	}
}

// has says whether a row proves that its server was rewound or cloned since it had another: its
// line left that one's, on another timeline or another fork. On the same ones it may be the crash
// of a server that does not wait for its disk.
func rebuilt(had, has verdict.Row) bool {
	sameHistory := had.Timeline == has.Timeline && had.Fork == has.Fork
	return !sameHistory && verdict.Compare(had, has) == verdict.Left
}
