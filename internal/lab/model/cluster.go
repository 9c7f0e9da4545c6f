package model

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// Node is one server, with what it has of a history.
type Node struct {
	Name    string
	Primary bool
	// At is the last commit that its reads see. A standby has Received more.
	At, Received *Commit
	Upstream     *Node
	// Started tells apart the starts of all servers.
	Started int64

	recovered uint64  // where its last recovery ended
	safe      *Commit // what it cannot lose in a crash
}

// Options are of a new cluster.
type Options struct {
	Nodes int
	// Capacity that the row has from before there were eras.
	Capacity int64
	// Basic servers do not tell positions: a life is known by its start alone.
	Basic bool
	// Trace gets a line for each step; nil for none.
	Trace func(string)
}

// Cluster is nodes of one system identifier. The first one begins as primary.
type Cluster struct {
	Nodes []*Node

	options Options
	random  *rand.Rand
	starts  int64
	choices []choice
	chances int
}

// New returns a cluster whose standbys have what the primary has. The random
// source makes marks and, in Step,
// choices.
func New(options Options, random *rand.Rand) *Cluster {
	c := &Cluster{options: options, random: random}
	root := &Commit{Timeline: 1, LSN: recordSize}
	root.Version = root
	first := root.with(Row{Found: true, Capacity: options.Capacity, Born: c.mark()})
	for i := range options.Nodes {
		node := &Node{Name: string(rune('a' + i)), At: first, Received: first, safe: first, Started: c.start()}
		c.Nodes = append(c.Nodes, node)
		node.Upstream = c.Nodes[0]
	}
	c.Nodes[0].Primary, c.Nodes[0].Upstream = true, nil
	return c
}

func (c *Cluster) mark() int64 { return c.random.Int64()<<1 | 1 } // not 0

func (c *Cluster) start() int64 {
	c.starts++
	return c.starts
}

func (c *Cluster) trace(format string, args ...any) {
	if c.options.Trace != nil {
		c.options.Trace(fmt.Sprintf(format, args...))
	}
}

// write makes a commit the primary's last one.
func (n *Node) write(commit *Commit) *Commit {
	n.At, n.Received = commit, commit
	return commit
}

// Beat commits a beat on a primary, as the exporter's UPDATE does. It returns
// nil where there is no row.
func (c *Cluster) Beat(n *Node) *Commit {
	row := n.At.Row
	if !row.Found {
		return nil
	}
	followed := row.Capacity
	row.Capacity, row.Mark = row.Capacity+1, c.mark()
	if row.started != n.Started || (!c.options.Basic && row.recovered != n.recovered) {
		row.Eras = append(slices.Clip(row.Eras), Era{row.Mark, followed})
		if row.Timeline != n.At.Timeline {
			row.Timeline, row.Fork = n.At.Timeline, n.recovered
		}
		row.started, row.recovered = n.Started, n.recovered
	}
	c.trace("%s: beat %d", n.Name, row.Capacity)
	return n.write(n.At.with(row))
}

// Write commits something else on a primary.
func (c *Cluster) Write(n *Node) {
	c.trace("%s: other write", n.Name)
	n.write(n.At.after())
}

// Delete removes the row on a primary, and Make makes it anew.
func (c *Cluster) Delete(n *Node) {
	c.trace("%s: delete the row", n.Name)
	n.write(n.At.with(Row{}))
}

// Make makes the row where there is none.
func (c *Cluster) Make(n *Node) {
	if !n.At.Row.Found {
		c.trace("%s: make the row", n.Name)
		n.write(n.At.with(Row{Found: true, Born: c.mark()}))
	}
}

// Streams says whether a standby gets what its upstream has: it cannot when its
// own history is not the upstream's.
func (n *Node) Streams() bool {
	return n.Upstream != nil && n.Upstream.Received.Has(n.Received)
}

// Source returns the primary that a standby gets its records from, through others
// or not; nil where the chain is broken.
func (n *Node) Source() *Node {
	for range 16 { // Standbys may follow each other.
		switch {
		case n.Primary:
			return n
		case !n.Streams():
			return nil
		}
		n = n.Upstream
	}
	return nil
}

// Receive lets a standby receive up to count records from its upstream.
func (c *Cluster) Receive(n *Node, count int) {
	if !n.Streams() {
		return
	}
	n.Received = n.Upstream.Received.At(n.Received.Depth + count)
	c.trace("%s: receive up to depth %d", n.Name, n.Received.Depth)
}

// Replay lets a standby replay up to count records that it received.
func (c *Cluster) Replay(n *Node, count int) {
	n.At = n.Received.At(n.At.Depth + count)
	c.trace("%s: replay up to %d", n.Name, n.At.Row.Capacity)
}

// Promote ends a standby's recovery: it replays what it received, and goes on
// on a timeline of the next number, which another node may use as well.
func (c *Cluster) Promote(n *Node) {
	c.trace("%s: promote", n.Name)
	n.Primary, n.Upstream = true, nil
	n.recovered = n.Received.LSN
	next := n.Received.after()
	next.Timeline++
	n.safe = n.write(next)
}

// Restart ends a server cleanly and starts it. A standby may show up to back
// records less after it, until it has replayed them again.
func (c *Cluster) Restart(n *Node, back int) {
	c.trace("%s: restart", n.Name)
	n.Started = c.start()
	if n.Primary {
		n.recovered = 0
		n.safe = n.write(n.At.after())
		return
	}
	n.At = n.At.At(max(n.At.Depth-back, 1))
}

// Crash kills a primary, which recovers without up to lost of its last commits:
// they were acknowledged, but not on its disk.
func (c *Cluster) Crash(n *Node, lost int) {
	n.Started = c.start()
	c.recover(n, lost)
}

// CrashBackend makes a primary recover as Crash does, without a new start.
func (c *Cluster) CrashBackend(n *Node, lost int) {
	if c.options.Basic {
		lost = 0
	}
	c.recover(n, lost)
}

func (c *Cluster) recover(n *Node, lost int) {
	n.At = n.At.At(max(n.At.Depth-lost, n.safe.Depth))
	n.recovered = n.At.LSN
	c.trace("%s: recover from a crash at %d", n.Name, n.At.Row.Capacity)
	n.safe = n.write(n.At.after())
}

// Clone makes a node a standby of another by a base backup or by pg_rewind.
func (c *Cluster) Clone(n, upstream *Node) {
	c.trace("%s: clone of %s", n.Name, upstream.Name)
	*n = Node{Name: n.Name, At: upstream.At, Received: upstream.At, Upstream: upstream, Started: c.start()}
}

// Follow makes a standby receive from another upstream.
func (c *Cluster) Follow(n, upstream *Node) {
	c.trace("%s: follow %s", n.Name, upstream.Name)
	n.Upstream = upstream
}

// Restore makes a node a primary from a backup of a commit, recovered up to
// there, on a timeline of its own.
func (c *Cluster) Restore(n *Node, backup *Commit) {
	c.trace("%s: restore %d and promote", n.Name, backup.Row.Capacity)
	*n = Node{Name: n.Name, At: backup, Received: backup, Started: c.start()}
	c.Promote(n)
}

// Copy starts a node as a second primary, on the same timeline, from a cold
// copy of a primary's data or from a storage snapshot of an earlier commit.
func (c *Cluster) Copy(n *Node, data *Commit) {
	c.trace("%s: start a copy of %d on the same timeline", n.Name, data.Row.Capacity)
	*n = Node{Name: n.Name, Primary: true, Started: c.start()}
	n.safe = n.write(data.after())
}

// Resume makes a node a copy of a running primary, with its memory, as a
// virtual machine's snapshot does.
func (c *Cluster) Resume(n, from *Node) {
	c.trace("%s: resume a snapshot of %s", n.Name, from.Name)
	*n = Node{Name: n.Name, Primary: true, At: from.At, Received: from.At, Started: from.Started, recovered: from.recovered, safe: from.safe}
}
