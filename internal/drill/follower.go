package drill

import (
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// settled is how long a condition must last to count: a beat that comes a little late now and
// then is no change.
const settled = 200 * time.Millisecond

// follower tells what becomes of a node.
type follower struct {
	Node
	candidate *Stretch  // a condition that has not lasted long enough
	announced Condition // the last one that was said
	answering time.Time // since when it has answered; zero while it does not
	unseen    time.Time // when the oldest beat was acknowledged that it did not show in time
	had       verdict.Row
}

// see takes a node's part of the result of a beat that was sent at a moment, and returns what has
// happened to it.
func (f *follower) see(r *probe.Result, result *probe.NodeResult, at time.Time) []Event {
	switch {
	case !result.Up:
		f.answering = time.Time{}
	case f.answering.IsZero():
		f.answering = at
	}
	f.measure(r, result, at)
	var events []Event
	if f.isRebuilt(r, result) {
		f.Rebuilt = at
		events = append(events, Event{At: at, Kind: KindRebuilt, Node: f.Name})
	}
	condition, state := conditionOf(r, result, f.Last()), stateOf(result)
	if f.enter(condition, state, at) && f.isNews(condition) {
		changed := Event{At: f.Stretches[len(f.Stretches)-1].From, Kind: KindNode, Node: f.Name, From: string(f.announced), To: string(condition), State: state}
		f.announced = condition
		events = append(events, changed)
	}
	return events
}

// isNews says whether a condition is worth an event: that there is nothing to show is none, nor
// that the new primary is one, which the takeover says.
func (f *follower) isNews(condition Condition) bool {
	switch {
	case f.announced == "" || condition == Primary:
		f.announced = condition
		return false
	default:
		return condition != Idle && condition != f.announced
	}
}

// enter keeps a condition, and says whether another one has begun, be it a moment ago.
func (f *follower) enter(condition Condition, state string, at time.Time) bool {
	if len(f.Stretches) == 0 {
		f.Stretches = append(f.Stretches, Stretch{Condition: condition, From: at})
		f.Stretches[0].add(state)
		return true
	}
	if condition == f.Last() {
		f.candidate = nil
		f.Stretches[len(f.Stretches)-1].add(state)
		return false
	}
	if f.candidate == nil || f.candidate.Condition != condition {
		f.candidate = &Stretch{Condition: condition, From: at}
	}
	f.candidate.add(state)
	if condition != Primary && at.Sub(f.candidate.From) < settled {
		return false
	}
	f.Stretches = append(f.Stretches, *f.candidate)
	f.candidate = nil
	return true
}

// measure keeps what the reads of a replica showed.
func (f *follower) measure(r *probe.Result, result *probe.NodeResult, at time.Time) {
	w, replica := r.Write, result.Replica
	if w != nil {
		switch {
		case replica == nil, replica.Visibility != nil:
			f.unseen = time.Time{}
		case f.unseen.IsZero():
			f.unseen = w.Acknowledged
		}
	}
	if replica == nil || !replica.IsOne() || !result.Up || result.TakesWrites() {
		return
	}
	f.note(0, at)
	if replica.First != nil && w != nil {
		f.Reads++
		if replica.Stale {
			f.Stale++
		}
	}
	switch {
	case replica.Lag != nil:
		f.note(*replica.Lag, at)
	case replica.State == verdict.StateDiverged && !f.unseen.IsZero() && w != nil:
		f.note(w.Acknowledged.Sub(f.unseen), at)
	}
	if replica.Synced != nil && !*replica.Synced {
		f.Late++
	}
}

// shown keeps a visibility delay. That of a beat from before the node answered again is no
// lag that anybody saw.
func (f *follower) shown(beat verdict.Sighting, delay time.Duration) {
	if !f.answering.IsZero() && !beat.Acknowledged.Before(f.answering) {
		f.note(delay, beat.Acknowledged.Add(delay))
	}
}

// isRebuilt keeps the latest row that a node had, and says whether its present one proves that
// it was rewound or cloned since.
func (f *follower) isRebuilt(r *probe.Result, result *probe.NodeResult) bool {
	has := result.Row
	if !has.Found || result.Foreign || result.InTurn {
		return false
	}
	replaced := f.had.Found && !result.TakesWrites() && result.Name != r.Primary && rebuilt(f.had, has)
	if !f.had.Found || replaced || verdict.Compare(f.had, has) == verdict.Shows {
		f.had = has
	}
	return replaced
}

// conditionOf says how a node stands after a beat, when it stood otherwise or not before.
func conditionOf(r *probe.Result, node *probe.NodeResult, before Condition) Condition {
	replica := node.Replica
	switch {
	case node.Name == r.Primary && r.Write != nil:
		return Primary
	case replica != nil && !replica.IsOne():
		return NoReplica
	case !node.Up:
		return Away
	case replica == nil:
		return Idle
	case replica.State == verdict.StateDiverged:
		return Diverged
	case r.Write == nil && (before == Behind || before == Diverged):
		return before // There is nothing new that it could show.
	case r.Write == nil:
		return Idle
	case replica.Doubtful(), replica.Synced != nil && *replica.Synced:
		return Synced
	case replica.Synced != nil:
		return Behind
	case before == "" || before == Primary || before == Away:
		return Idle
	default:
		return before // A read that failed says nothing.
	}
}

// stateOf is a replica's state, or why a node does not answer.
func stateOf(node *probe.NodeResult) string {
	switch {
	case len(node.Failures) > 0 && !node.Up:
		return string(probe.ReasonOf(node.Failures[len(node.Failures)-1]))
	case node.Replica == nil || node.Replica.State == verdict.StateUnreachable:
		return ""
	default:
		return string(node.Replica.State)
	}
}
