// Package probe runs the write-then-read on a cluster: it commits a canary value
// on the primary, reads it from every replica, waits a while for those that do
// not show it yet, and says what it saw in one plain Result. What that proves,
// package verdict decides.
//
// It works on plain Go types and knows neither the driver nor Prometheus. Both
// ends of every duration are stamped by the exporter's own monotonic clock.
package probe

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// Config is what a user can say about a probe.
type Config struct {
	// Wait is how long a replica that does not show the canary is read again,
	// counted from the acknowledgement. It exceeds SyncedWithin.
	Wait time.Duration
	// SyncedWithin is how long after the acknowledgement the canary may become
	// visible for the replica to count as synced.
	SyncedWithin time.Duration
}

// Shares of the time that is left for the probe, so that one hung node leaves
// the others theirs.
const (
	connectShare = 0.25 // The primary's connection is waited for so long, where it is missing.
	writeShare   = 0.75 // A primary that does not acknowledge in this share of the rest fails.
)

const (
	// answerReserve is kept from the wait for the last reads and the answer.
	answerReserve = 50 * time.Millisecond
	// readGrace is how long after the wait the answer of the last read may come.
	readGrace = 500 * time.Millisecond
	// lateConnection is how long after the beat a connection that is being made is waited for.
	lateConnection = 250 * time.Millisecond
)

// Cluster is one primary and its replicas, with the memory that probes share.
// It runs one probe at a time: the caller sees to it.
type Cluster struct {
	cfg     Config
	nodes   []Node
	primary int // index of the node that takes the writes, as far as known
	system  verdict.Cluster
	beat    verdict.Beat   // the last acknowledged one
	writer  verdict.Writer // who acknowledged it
	ledger  verdict.Ledger
	outages verdict.Outages
	memory  []memory // by index of the node
}

// memory is what is remembered of a node.
type memory struct {
	shown    verdict.Row    // by the last read that showed one
	followed verdict.Server // what it was last known to follow
	state    verdict.State  // its last word on itself
	server   verdict.Server // that said so
	restored time.Time      // when it last replayed WAL from an archive
	servers  verdict.Servers
	since    time.Time // there has been a connection to it

	tookWrites  bool        // it said so when it last answered
	wrote       verdict.Row // its row then
	silentSince time.Time   // when it first did not answer after that; zero while it does
}

// New returns the cluster of the given nodes, at least one. The first is where
// the search for the primary starts.
func New(cfg Config, nodes ...Node) *Cluster {
	return &Cluster{cfg: cfg, nodes: nodes, memory: make([]memory, len(nodes))}
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
		r.Nodes[i].Name, r.Nodes[i].Followed = n.Name(), c.memory[i].followed
	}
	c.readyConnections(ctx, r)
	if c.writer.Name == "" && len(c.nodes) > 1 {
		c.findPrimary(ctx, r)
	}
	c.writeAndRead(ctx, r)
	r.Primary = c.nodes[c.primary].Name()
	// What the nodes said about themselves may show a better primary.
	if c.choosePrimary(r) {
		r.Write = nil
		c.writeAndRead(ctx, r)
		r.Primary = c.nodes[c.primary].Name()
	}
	c.settle(r)
	c.recordOutage(r)
	r.Duration = time.Since(r.Started)
	return r
}

// findPrimary asks all nodes who they are before anything is written, so that of
// two primaries the wrong one is not.
func (c *Cluster) findPrimary(ctx context.Context, r *Result) {
	ctx, cancel := withShare(ctx, connectShare)
	defer cancel()
	forEachConcurrently(c.allIndexes(), func(i int) { c.inspectNode(ctx, i, &r.Nodes[i]) })
	c.choosePrimary(r)
}

// writeAndRead writes to the node that is taken for the primary, and reads the others.
func (c *Cluster) writeAndRead(ctx context.Context, r *Result) {
	if c.writeCanary(ctx, r); r.Write != nil {
		forEachConcurrently(c.otherIndexes(), func(i int) { c.readReplica(ctx, i, &r.Nodes[i]) })
		return
	}
	forEachConcurrently(c.allIndexes(), func(i int) { c.inspectNode(ctx, i, &r.Nodes[i]) })
}

// Connect waits until each node is connected or has failed to, or ctx ends. A probe needs
// it only if it has to be complete at once, without one before it.
func (c *Cluster) Connect(ctx context.Context) {
	c.Prepare()
	// Why it failed, the probe says.
	forEachConcurrently(c.allIndexes(), func(i int) { _ = c.nodes[i].Connect(ctx) })
}

// Prepare begins to make the connections.
func (c *Cluster) Prepare() {
	for _, n := range c.nodes {
		n.Prepare()
	}
}

// readyConnections takes the connections that are there, and has the others made, so that
// the reads that follow measure replication and not the opening of connections. The beat
// waits for the primary's alone, and as long as they usually take for those of nodes
// that nothing is wrong with; before the first one for all, to find the primary.
func (c *Cluster) readyConnections(ctx context.Context, r *Result) {
	unready := slices.DeleteFunc(c.allIndexes(), func(i int) bool { return c.nodes[i].Ready() })
	if len(unready) > 0 {
		bounded, cancel := withShare(ctx, connectShare)
		defer cancel()
		forEachConcurrently(unready, func(i int) { c.readyConnection(bounded, i, &r.Nodes[i]) })
	}
	c.identifyCluster(r)
}

func (c *Cluster) readyConnection(ctx context.Context, i int, result *NodeResult) {
	node := c.nodes[i]
	patience := node.Prepare()
	if err := node.Unrenewed(); err != nil {
		result.recordFailure(err)
	}
	switch {
	case node.Connected():
		return
	case i != c.primary && c.writer.Name != "":
		bounded, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		ctx = bounded
	}
	_ = node.Connect(ctx) // Who asks the node later says why it cannot be had.
}

// writeCanary commits the next canary value on the primary.
func (c *Cluster) writeCanary(ctx context.Context, r *Result) {
	node, result := c.nodes[c.primary], &r.Nodes[c.primary]
	result.Replica = nil
	r.Attempted = time.Now()
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
	result.Up, result.Answered, result.Row = true, true, w.Row
	result.State = verdict.State{Timeline: w.Timeline}
	r.Write = &w
	c.recordAcknowledgement(r)
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

// withShare limits ctx to the given share of the time that it has left.
func withShare(ctx context.Context, share float64) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Duration(share*float64(time.Until(deadline))))
}
