package probe

import (
	"errors"
	"slices"
	"syscall"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// Result is what one probe saw. What was not observed is nil, "" or 0 where
// its comment says so; nothing is carried over from an earlier probe.
type Result struct {
	// Scraped is false for a beat of the pulse, of which the nodes are looked at less
	// closely.
	Scraped bool
	// Started and Duration bracket the whole probe.
	Started  time.Time
	Duration time.Duration
	// Primary is the name of the node that was written to, or would have been.
	Primary string
	// Attempted is when the canary write was sent, or would have been.
	Attempted time.Time
	// Write is nil when no canary commit was acknowledged.
	Write *Write
	// Acknowledged is when the last commit was acknowledged, in this probe or an earlier
	// one; zero for never.
	Acknowledged time.Time
	// Outage is what this probe has to say of times in which nobody could write.
	Outage Outage
	// Takeovers are those of another server as primary, oldest first: two where a probe
	// that follows one finds a better primary still.
	Takeovers []Takeover
	// Reformed is set when the nodes agreed on another cluster than before.
	Reformed *Reformation
	// Lost is set when acknowledged commits turned out to be gone, and AtRisk as
	// long as a server that takes writes has some that the primary does not have.
	Lost, AtRisk *verdict.Loss
	// Undecided is true as long as some may still turn out to be gone.
	Undecided bool
	// Nodes are all nodes of the cluster, in the order of the configuration.
	Nodes []NodeResult
}

// Outage says whether nobody can write, or could for a while.
type Outage struct {
	// Began is when the outage began of which this probe is the first to know, zero for none:
	// with its own write, or with that of an earlier one which found the connection still being
	// made. Node is the one that was to be written then, and Err why it was not; nil where it
	// was in the end, after so long that this was an outage.
	Began time.Time
	Node  string
	Err   error
	// Ended is how long the one was that ends with this probe's write; 0 for none. An outage may
	// begin and end within one probe, which finds another primary.
	Ended time.Duration
	// All is how long all outages have lasted so far.
	All time.Duration
}

// Takeover says which node followed which as primary: under the same name where
// that leads to another server now.
type Takeover struct{ From, To string }

// Reformation is a change of the cluster's system identifier.
type Reformation struct{ From, To uint64 }

// NodeResult is one node's part of a Result.
type NodeResult struct {
	Name string
	// Up is true when the node answered in this probe, be it with an error.
	Up bool
	// Member is what the node told about itself.
	verdict.Member
	// Connecting is true when the node could not be asked because its connection was still
	// being made, and nothing else is known to be wrong.
	Connecting bool
	// Reconnected is true when the node's connection broke since the probe before, or was ended because
	// nobody asked for it, or leads to another server.
	Reconnected bool
	// Version is the server's, such as 17.6; "" where it was not connected.
	Version string
	// Since is since when there has been a connection, which may have been renewed meanwhile; zero for none, and for one
	// that goes back whenever it is idle.
	Since time.Time
	// Pooled is true when a pooler stands in front of the server.
	Pooled bool
	// Servers is how many different ones the address led to within the last hour, 0 where
	// none told who it is. InTurn is true when it led back to an earlier one in this probe.
	Servers int
	InTurn  bool
	// Failures are the operations that failed, one for each reason, oldest first.
	Failures []error
	// Replica is nil for the primary.
	Replica *ReplicaResult
}

// ReplicaResult is what the reads of one replica showed.
type ReplicaResult struct {
	verdict.Verdict
	// First is the first read; nil when there was none.
	First *Read
	// Last is the section as the read that decided showed it.
	Last verdict.Row
	// Stale is true when the first read did not show the canary.
	Stale bool
	// LastStale is when the last read that did not show the canary was sent,
	// and FirstFresh when the first one that did came back. Zero when there was
	// no such read.
	LastStale, FirstFresh time.Time
	// Decided is when the read came back that decided: the first that showed the canary, or
	// else the last one. Zero when there was none.
	Decided time.Time
	// Late is true when the connection was not there at the beat: how soon the canary
	// was visible before the first read, nobody knows.
	Late bool
	// StepsBack is how many reads showed an older value than the one before.
	StepsBack int
}

// IsOne is false for a name that leads to no replica of the cluster.
func (r *ReplicaResult) IsOne() bool {
	switch r.State {
	case verdict.StateForeign, verdict.StatePrimary, verdict.StateDuplicate:
		return false
	default:
		return true
	}
}

// Doubtful is true when the replica showed the canary, but so near to the limit
// that the reads do not tell whether it was in time.
func (r *ReplicaResult) Doubtful() bool { return r.Synced == nil && !r.FirstFresh.IsZero() }

// WriteFailure returns why the primary was not written, the last of several failures; nil
// where that is not known.
func (r *Result) WriteFailure() error {
	for i := range r.Nodes {
		if node := &r.Nodes[i]; node.Name == r.Primary && len(node.Failures) > 0 {
			return node.Failures[len(node.Failures)-1]
		}
	}
	return nil
}

// Replicas returns the nodes that were read as replicas.
func (r *Result) Replicas() []*NodeResult {
	var replicas []*NodeResult
	for i := range r.Nodes {
		if r.Nodes[i].Replica != nil {
			replicas = append(replicas, &r.Nodes[i])
		}
	}
	return replicas
}

// Primaries counts the servers of the cluster that say they are not in recovery. It
// is false when there is none among those that were asked, and not all were.
func (r *Result) Primaries() (count int, known bool) {
	count, known = len(verdict.Primaries(r.members())), len(r.Nodes) > 0
	for i := range r.Nodes {
		node := &r.Nodes[i]
		if count == 0 && !node.Up && len(node.Failures) == 0 {
			known = false
		}
	}
	return count, known
}

// TakingWrites returns the names of the servers that say they are not in recovery, one for each server.
func (r *Result) TakingWrites() []string {
	var names []string
	for _, i := range verdict.Primaries(r.members()) {
		names = append(names, r.Nodes[i].Name)
	}
	return names
}

func (r *Result) members() []verdict.Member {
	members := make([]verdict.Member, len(r.Nodes))
	for i := range r.Nodes {
		members[i] = r.Nodes[i].Member
	}
	return members
}

// recordFailure keeps a failed operation, of one reason the last. One that found the
// connection still being made is none.
func (n *NodeResult) recordFailure(err error) {
	if errors.Is(err, ErrConnecting) {
		n.Connecting = true
		return
	}
	n.Up = n.Up || answered(err)
	for i, earlier := range n.Failures {
		if ReasonOf(earlier) == ReasonOf(err) {
			n.Failures[i] = err
			return
		}
	}
	n.Failures = append(n.Failures, err)
}

// refused says whether nobody listens at the node's address. A route that is gone and a
// proxy that hangs up say nothing about the server.
func (n *NodeResult) refused() bool {
	return slices.ContainsFunc(n.Failures, func(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) })
}

// recordAnswer keeps what an answer, if it was one, says about the node itself.
func (n *NodeResult) recordAnswer(read Read) {
	if read.Received.IsZero() {
		return
	}
	n.Up, n.Answered, n.State = true, true, read.State
	if read.Row.Found {
		n.Row = read.Row
	}
}
