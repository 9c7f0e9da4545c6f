// Package probe runs the write-then-read on a cluster: it commits a canary value
// on the primary, reads it from every replica, waits a while for those that do
// not show it yet, and says what it saw in one plain Result.
//
// It works on plain Go types and knows neither the driver nor Prometheus. Both
// ends of every duration are stamped by the exporter's own monotonic clock.
package probe

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// Config is what a user can say about a probe.
type Config struct {
	// Wait is how long a replica that does not show the canary is read again,
	// counted from the acknowledgement.
	Wait time.Duration
	// SyncedWithin is how long after the acknowledgement the canary may become
	// visible for the replica to count as synced. It is at most Wait.
	SyncedWithin time.Duration
}

// Shares of the time that is left for the probe, so that one hung node leaves
// the others theirs.
const (
	connectShare = 4 // A node that does not answer a connection within a quarter is down.
	writeShare   = 2 // A primary that does not acknowledge within a half of the rest fails.
)

// answerReserve is kept from the wait for the last reads and the answer.
const answerReserve = 50 * time.Millisecond

// Cluster is one primary and its replicas, with the memory that probes share.
// It runs one probe at a time: the caller sees to it.
type Cluster struct {
	cfg     Config
	nodes   []Node
	primary int            // index of the node that takes the writes, as far as known
	system  uint64         // system identifier of the cluster, 0 when not known yet
	last    *Write         // last acknowledged write
	wrote   verdict.Server // of the server that acknowledged it
	acks    ledger
	// shown is the capacity that the last read showed, by index of the node.
	shown []int64
}

// New returns the cluster of the given nodes, at least one. The first is where
// the search for the primary starts.
func New(cfg Config, nodes ...Node) *Cluster {
	return &Cluster{cfg: cfg, nodes: nodes, shown: make([]int64, len(nodes))}
}

// Names returns the names of the nodes, in their order.
func (c *Cluster) Names() []string {
	names := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		names[i] = n.Name()
	}
	return names
}

// Close closes the connections of all nodes.
func (c *Cluster) Close(ctx context.Context) error {
	errs := make([]error, len(c.nodes))
	forEachConcurrently(c.allIndexes(), func(i int) { errs[i] = c.nodes[i].Close(ctx) })
	return errors.Join(errs...)
}

// Probe runs one probe. It returns before ctx's deadline, whatever the
// servers do; a ctx without one is an error of the caller.
func (c *Cluster) Probe(ctx context.Context) *Result {
	r := &Result{Started: time.Now(), Nodes: make([]NodeResult, len(c.nodes))}
	for i, n := range c.nodes {
		r.Nodes[i].Name = n.Name()
	}
	c.connectMissing(ctx, r)
	c.writeAndRead(ctx, r)
	// What the nodes said about themselves may show a better primary.
	if next, ok := c.successor(r); ok {
		c.takeOver(next, r)
		c.writeAndRead(ctx, r)
	}
	r.Primary = c.nodes[c.primary].Name()
	r.Duration = time.Since(r.Started)
	return r
}

// writeAndRead writes to the node that is taken for the primary, and reads the others.
func (c *Cluster) writeAndRead(ctx context.Context, r *Result) {
	connected := c.nodes[c.primary].Connected()
	if c.writeCanary(ctx, r); r.Write != nil {
		forEachConcurrently(c.otherIndexes(), func(i int) { c.readReplica(ctx, i, r.Write, &r.Nodes[i]) })
		return
	}
	forEachConcurrently(c.allIndexes(), func(i int) {
		if i == c.primary && connected {
			c.reconnect(ctx, i)
		}
		c.inspectNode(ctx, i, &r.Nodes[i])
	})
}

// reconnect replaces the connection that a write which hung took with it: a
// primary whose commits wait in vain still answers other questions. That it
// cannot be had says nothing new about a node that failed already.
func (c *Cluster) reconnect(ctx context.Context, i int) {
	ctx, cancel := withShare(ctx, connectShare)
	defer cancel()
	_ = c.nodes[i].Connect(ctx)
}

// connectMissing opens the connections that are missing, so that the reads that
// follow measure replication and not the opening of connections.
func (c *Cluster) connectMissing(ctx context.Context, r *Result) {
	var missing []int
	for i, n := range c.nodes {
		if !n.Connected() {
			missing = append(missing, i)
		}
	}
	if len(missing) > 0 {
		bounded, cancel := withShare(ctx, connectShare)
		defer cancel()
		forEachConcurrently(missing, func(i int) {
			if err := c.nodes[i].Connect(bounded); err != nil {
				r.Nodes[i].recordFailure(err)
			}
		})
	}
	c.identifyCluster(r)
}

// writeCanary commits the next canary value on the primary.
func (c *Cluster) writeCanary(ctx context.Context, r *Result) {
	node, result := c.nodes[c.primary], &r.Nodes[c.primary]
	result.Replica = nil
	if !node.Connected() {
		return
	}
	if result.Foreign {
		result.recordFailure(errForeign)
		return
	}
	ctx, cancel := withShare(ctx, writeShare)
	defer cancel()
	w, err := node.Write(ctx)
	c.recordIdentity(c.primary, result)
	if err != nil {
		result.recordFailure(err)
		return
	}
	inRecovery := false
	result.Up, result.InRecovery, result.Timeline = true, &inRecovery, w.Timeline
	r.Write = &w
	c.recordAcknowledgement(r)
}

// inspectNode asks a node for its state, when there is no canary to look for.
func (c *Cluster) inspectNode(ctx context.Context, i int, result *NodeResult) {
	if i != c.primary {
		result.Replica = &ReplicaResult{State: verdict.StateUnreachable}
	}
	if !c.nodes[i].Connected() {
		return
	}
	c.recordIdentity(i, result)
	read, err := c.nodes[i].Inspect(ctx)
	// The section of a foreign node is not ours, and one failure of a node tells enough.
	if err != nil && !result.Foreign && len(result.Failures) == 0 {
		result.recordFailure(err)
	}
	result.recordAnswer(read)
	if result.Replica == nil || !result.Up {
		return
	}
	if result.Foreign {
		result.Replica.State = verdict.StateForeign
		return
	}
	result.Replica.First, result.Replica.Last = &read, read.Section
	result.Replica.State = verdict.BehindState(read.State, 0, 0)
}

// allIndexes returns the indexes of all nodes.
func (c *Cluster) allIndexes() []int {
	indexes := make([]int, len(c.nodes))
	for i := range indexes {
		indexes[i] = i
	}
	return indexes
}

// otherIndexes returns the indexes of all nodes but the primary.
func (c *Cluster) otherIndexes() []int {
	all := c.allIndexes()
	return append(all[:c.primary], all[c.primary+1:]...)
}

// forEachConcurrently calls do for every index at the same time and waits for all. The last
// runs on the caller's goroutine, which spares a pair its only switch.
func forEachConcurrently(indexes []int, do func(i int)) {
	var group sync.WaitGroup
	for n, i := range indexes {
		if n == len(indexes)-1 {
			do(i)
			break
		}
		group.Go(func() { do(i) })
	}
	group.Wait()
}

// withShare limits ctx to the given fraction of the time that it has left.
func withShare(ctx context.Context, share int) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(deadline)/time.Duration(share))
}
