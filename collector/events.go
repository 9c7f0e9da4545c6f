package collector

import (
	"slices"
	"sync"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// EventKind says what happened.
type EventKind string

// The kinds of events.
const (
	// EventTakeover: another server took over as primary.
	EventTakeover EventKind = "takeover"
	// EventOutageBegan: a canary write failed, after one that did not.
	EventOutageBegan EventKind = "outage_began"
	// EventOutageEnded: one was acknowledged, after some that failed.
	EventOutageEnded EventKind = "outage_ended"
	// EventLost: acknowledged commits are gone.
	EventLost EventKind = "lost"
	// EventState: a node is in another state than before.
	EventState EventKind = "state"
	// EventConnected: a node is connected again, or to another server.
	EventConnected EventKind = "connected"
	// EventJoined: a node is one of the cluster from now on.
	EventJoined EventKind = "joined"
	// EventLeft: a node is none of the cluster any more.
	EventLeft EventKind = "left"
	// EventReload: another configuration of the cluster is in force.
	EventReload EventKind = "reload"
)

// Event is something that happened in the cluster, when a probe saw it. A field that
// does not go with its kind, or is not known, is left out.
type Event struct {
	At   time.Time `json:"at"`
	Kind EventKind `json:"kind"`
	// Node is the one that it is about: after a takeover the new primary.
	Node string `json:"node,omitempty"`
	// From and To are the states before and after, or the nodes of a takeover.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// Seconds is how long the state From lasted, or the outage.
	Seconds float64 `json:"seconds,omitempty"`
	// Reason is why an outage began.
	Reason probe.Reason `json:"reason,omitempty"`
	// Commits is how many were lost.
	Commits int64 `json:"commits,omitempty"`
	// Timeline is the primary's after a takeover or an outage.
	Timeline uint32 `json:"timeline,omitempty"`
}

// mostEvents is how many are remembered.
const mostEvents = 200

// events are the last things that happened.
type events struct {
	mu     sync.Mutex
	last   []Event
	states map[string]standing // of the nodes, by name
}

// standing is the state of a node since a moment.
type standing struct {
	state string
	since time.Time
}

func newEvents() *events { return &events{states: map[string]standing{}} }

// list returns a copy, the newest first.
func (e *events) list() []Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := slices.Clone(e.last)
	slices.Reverse(all)
	return all
}

// of returns a copy of those of a kind, the newest first.
func (e *events) of(kind EventKind) []Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	var some []Event
	for i := len(e.last) - 1; i >= 0; i-- {
		if e.last[i].Kind == kind {
			some = append(some, e.last[i])
		}
	}
	return some
}

// record adds what a beat and its reads saw happen.
func (e *events) record(r *probe.Result) {
	e.add(append(clusterEvents(r), e.nodeEvents(r)...)...)
}

// recordMembers adds that nodes have come and gone. One that comes back has no state from before.
func (e *events) recordMembers(joined, left []string) {
	now := time.Now().Round(0)
	for _, name := range left {
		delete(e.states, name)
		e.add(Event{At: now, Kind: EventLeft, Node: name})
	}
	for _, name := range joined {
		e.add(Event{At: now, Kind: EventJoined, Node: name})
	}
}

// add adds what happened.
func (e *events) add(happened ...Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.last = append(e.last, happened...)
	if more := len(e.last) - mostEvents; more > 0 {
		e.last = slices.Delete(e.last, 0, more)
	}
}

// clusterEvents are those of the cluster as a whole.
func clusterEvents(r *probe.Result) []Event {
	var all []Event
	at, timeline := r.Started.Add(r.Duration).Round(0), uint32(0)
	if r.Write != nil {
		timeline = r.Write.Timeline
	}
	for _, t := range r.Takeovers {
		all = append(all, Event{At: at, Kind: EventTakeover, Node: t.To, From: t.From, To: t.To, Timeline: timeline})
	}
	if began := r.Outage.Began; !began.IsZero() {
		all = append(all, Event{At: began.Round(0), Kind: EventOutageBegan, Node: r.Outage.Node, Reason: reasonOf(r.Outage.Err)})
	}
	if r.Outage.Ended > 0 {
		all = append(all, Event{
			At: r.Acknowledged.Round(0), Kind: EventOutageEnded, Node: r.Primary, Seconds: r.Outage.Ended.Seconds(), Timeline: timeline,
		})
	}
	if r.Lost != nil {
		all = append(all, Event{At: at, Kind: EventLost, Node: r.Primary, Commits: r.Lost.Commits})
	}
	return all
}

// reasonOf returns the reason of an error, "" for none.
func reasonOf(err error) probe.Reason {
	if err == nil {
		return ""
	}
	return probe.ReasonOf(err)
}

// nodeEvents are those of the nodes: other states, and other connections.
func (e *events) nodeEvents(r *probe.Result) []Event {
	var all []Event
	at := r.Started.Add(r.Duration)
	for i := range r.Nodes {
		node := &r.Nodes[i]
		if node.Reconnected {
			all = append(all, Event{At: at.Round(0), Kind: EventConnected, Node: node.Name})
		}
		if !r.Scraped {
			continue // A beat of the pulse does not look closely enough.
		}
		before, state := e.states[node.Name], stateOf(r, node)
		if state == before.state {
			continue
		}
		e.states[node.Name] = standing{state, at}
		changed := Event{At: at.Round(0), Kind: EventState, Node: node.Name, From: before.state, To: state}
		if before.state != "" {
			changed.Seconds = at.Sub(before.since).Seconds()
		}
		all = append(all, changed)
	}
	return all
}

// stateOf returns the state of a node: a replica's, primary for the one that was written,
// and unknown where a probe does not tell.
func stateOf(r *probe.Result, node *probe.NodeResult) string {
	switch {
	case node.Name == r.Primary && r.Write != nil:
		return string(verdict.StatePrimary)
	case node.Replica != nil && node.Replica.State != "":
		return string(node.Replica.State)
	case !node.Up:
		return string(verdict.StateUnreachable)
	default:
		return "unknown"
	}
}
