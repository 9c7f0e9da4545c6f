package probe

import (
	"slices"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// Result is what one probe saw. What was not observed is nil, "" or 0 where
// its comment says so; nothing is carried over from an earlier probe.
type Result struct {
	// Started and Duration bracket the whole probe.
	Started  time.Time
	Duration time.Duration
	// Primary is the name of the node that was written to, or would have been.
	Primary string
	// Write is nil when no canary commit was acknowledged.
	Write *Write
	// Takeover is set when another node took over as primary.
	Takeover *Takeover
	// Loss is set when acknowledged commits turned out to be gone.
	Loss *Loss
	// Nodes are all nodes of the cluster, in the order of the configuration.
	Nodes []NodeResult
}

// Takeover says which node followed which as primary.
type Takeover struct{ From, To string }

// Loss is what the primary no longer has.
type Loss struct {
	// Commits is how many acknowledged canary commits are gone.
	Commits int64
	// Bytes is how much WAL beyond the fork the old timeline was known to
	// have; 0 when that is not known.
	Bytes uint64
}

// NodeResult is one node's part of a Result.
type NodeResult struct {
	Name string
	// Up is true when the node answered in this probe, be it with an error.
	Up bool
	// InRecovery is the node's own word; nil when it gave none.
	InRecovery *bool
	// Timeline is the one the node writes on or follows; 0 when it gave none.
	Timeline uint32
	// Server is who the server is, as far as known.
	Server verdict.Server
	// Pooled is true when a pooler stands in front of the server.
	Pooled bool
	// Foreign is true when the server belongs to another cluster.
	Foreign bool
	// Failures are the operations that failed, oldest first.
	Failures []error
	// Replica is nil for the primary.
	Replica *ReplicaResult
}

// ReplicaResult is what the reads of one replica showed.
type ReplicaResult struct {
	// First is the first read; nil when there was none.
	First *Read
	// Last is the section as the last read showed it.
	Last Section
	// Stale is true when the first read did not show the canary.
	Stale bool
	// LagBytes is how far the first read's replay position was behind the
	// write's; nil when one of them is not known.
	LagBytes *uint64
	// LastStale is when the last read that did not show the canary was sent,
	// and FirstFresh when the first one that did came back: the canary became
	// visible between them. Zero when there was no such read.
	LastStale, FirstFresh time.Time
	// Synced is nil when the probe could not tell.
	Synced *bool
	// Visibility is the visibility delay, or the time waited in vain; nil
	// when there was nothing to wait for.
	Visibility *time.Duration
	// Lag is nil when the probe could not tell.
	Lag *time.Duration
	// Backward is true when a read showed an older value than an earlier probe's.
	Backward bool
	// State is "" when the probe could not tell.
	State verdict.ReplicaState
}

// Doubtful is true when the replica showed the canary, but so near to the limit
// that the reads do not tell whether it was in time.
func (r *ReplicaResult) Doubtful() bool { return r.Synced == nil && !r.FirstFresh.IsZero() }

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

// Primaries counts the servers of the cluster that say they are not in
// recovery. A server that two names lead to counts once.
func (r *Result) Primaries() int {
	n := 0
	for i := range r.Nodes {
		node := &r.Nodes[i]
		if node.takesWrites() && !slices.ContainsFunc(r.Nodes[:i], func(other NodeResult) bool {
			return other.takesWrites() && other.Server.Is(node.Server)
		}) {
			n++
		}
	}
	return n
}

// takesWrites is true for a node of the cluster that says it is not in recovery.
func (n *NodeResult) takesWrites() bool {
	return n.InRecovery != nil && !*n.InRecovery && !n.Foreign
}
