package drill

import (
	"fmt"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// Kind says what happened.
type Kind string

// The kinds of events.
const (
	// KindOutageBegan: nobody can write.
	KindOutageBegan Kind = "outage_began"
	// KindOutageEnded: somebody can again.
	KindOutageEnded Kind = "outage_ended"
	// KindTakeover: another server took over as primary.
	KindTakeover Kind = "takeover"
	// KindLost: acknowledged beats are gone.
	KindLost Kind = "lost"
	// KindAtRisk: acknowledged beats are on another server only, which takes writes too.
	KindAtRisk Kind = "at_risk"
	// KindNode: a node is in another condition than before.
	KindNode Kind = "node"
	// KindRebuilt: a node lacks what it once had: it was rewound or cloned.
	KindRebuilt Kind = "rebuilt"
	// KindRecovered: writes are acknowledged again, and every replica that answers is synced.
	KindRecovered Kind = "recovered"
)

// Event is something that happened. A field that does not go with its kind, or is not
// known, is "" or 0.
type Event struct {
	At   time.Time
	Kind Kind
	// Node is the one that it is about: of an outage the one that was written.
	Node string
	// From and To are the conditions before and after, or the nodes of a takeover.
	From, To string
	// Lasted is how long the outage was.
	Lasted time.Duration
	// Reason is why it began.
	Reason probe.Reason
	// Beats are how many were lost, or are at risk, the first of them at LSN.
	Beats int64
	LSN   verdict.LSN
	// Timeline is the primary's after a takeover.
	Timeline uint32
	// State is what explains the condition of a node, where that is known.
	State string
}

// String says what happened, without the time.
func (e Event) String() string {
	switch e.Kind {
	case KindOutageBegan:
		return "outage began: " + e.why()
	case KindOutageEnded:
		return fmt.Sprintf("outage ended after %s: %s acknowledges", seconds(e.Lasted), e.Node)
	case KindTakeover:
		text := fmt.Sprintf("%s took over from %s", e.To, e.From)
		if e.Timeline != 0 {
			text += fmt.Sprintf(", timeline %d", e.Timeline)
		}
		return text
	case KindLost:
		return fmt.Sprintf("lost: %s, from %s", beats(e.Beats, "acknowledged "), position(e.LSN))
	case KindAtRisk:
		return fmt.Sprintf("at risk: %s, from %s: another server that takes writes has them, the primary does not", beats(e.Beats, "acknowledged "), position(e.LSN))
	case KindRebuilt:
		return e.Node + " was rewound or cloned: it lacks what it once had"
	case KindRecovered:
		return "recovered: every replica that answers is synced"
	default:
		text := e.Node + " is " + e.To
		if e.State != "" && e.State != e.To {
			text += ": " + e.State
		}
		return text
	}
}

func (e Event) why() string {
	if e.Reason == "" {
		return "commits wait on " + e.Node
	}
	return fmt.Sprintf("%s (%s)", e.Node, e.Reason)
}

func beginningOf(o *Outage) Event {
	node, reason := o.First()
	if node == "" {
		node = o.Before.Node
	}
	return Event{At: o.Began, Kind: KindOutageBegan, Node: node, Reason: reason}
}

func endOf(o *Outage) Event {
	return Event{At: o.Ended, Kind: KindOutageEnded, Node: o.After.Node, Lasted: o.Lasted, Timeline: o.After.Timeline}
}
