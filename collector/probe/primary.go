package probe

import "errors"

// errForeign is why a node of another cluster is not written to.
var errForeign = &Error{
	Reason: ReasonOther,
	Hint:   "correct its connection string, or restart the exporter when the whole cluster was made anew",
	Err:    errors.New("the node has the system identifier of another cluster and is not written to"),
}

// identifyCluster keeps who the servers are. The cluster is the one that most of the
// connected nodes belong to, of equals the one named first; once known it stays.
func (c *Cluster) identifyCluster(r *Result) {
	votes := map[uint64]int{}
	for _, n := range c.nodes {
		if n.Connected() {
			votes[n.Identity().System]++
		}
	}
	delete(votes, 0)
	if c.system == 0 {
		for _, n := range c.nodes {
			if system := n.Identity().System; votes[system] > votes[c.system] {
				c.system = system
			}
		}
	}
	for i := range r.Nodes {
		c.recordIdentity(i, &r.Nodes[i])
	}
}

// recordIdentity notes who the server at a node's connection is. A connection that
// was replaced in the middle of a probe may lead to another cluster.
func (c *Cluster) recordIdentity(i int, result *NodeResult) {
	result.Server = c.nodes[i].Identity()
	result.Pooled = c.nodes[i].Pooled()
	system := result.Server.System
	result.Foreign = system != 0 && system != c.system
}

// successor returns the node that should be written to in place of the one that
// was: the one out of recovery that is on the highest timeline, and of equals the
// one that was written last.
func (c *Cluster) successor(r *Result) (int, bool) {
	best, found := c.primary, r.Nodes[c.primary].takesWrites()
	for i := range r.Nodes {
		node := &r.Nodes[i]
		if node.takesWrites() && (!found || node.Timeline > r.Nodes[best].Timeline) {
			best, found = i, true
		}
	}
	return best, best != c.primary
}

// takeOver makes another node the primary and clears what was seen from the old one.
func (c *Cluster) takeOver(next int, r *Result) {
	if c.last != nil {
		r.Takeover = &Takeover{From: c.nodes[c.primary].Name(), To: c.nodes[next].Name()}
	}
	c.primary = next
	r.Write = nil
	for i := range r.Nodes {
		r.Nodes[i].Replica = nil
	}
}

// recordAcknowledgement keeps an acknowledgement, after looking what became of the ones before.
func (c *Cluster) recordAcknowledgement(r *Result) {
	w, server := r.Write, r.Nodes[c.primary].Server
	// A server that has been running since has what it acknowledged: there the
	// row was made anew.
	if lost := c.countLostCommits(w); lost > 0 && !server.Is(c.wrote) {
		if r.Loss == nil {
			r.Loss = &Loss{}
		}
		r.Loss.Commits += lost
		if w.Fork != 0 && w.Timeline != c.last.Timeline {
			r.Loss.Bytes = c.last.LSN.Since(w.Fork)
		}
	}
	c.acks.record(w.Capacity, w.Acknowledged, w.LSN)
	c.last, c.wrote = w, server
}

// countLostCommits counts the acknowledged commits that the primary no longer has. The
// value shows them when it is behind the last acknowledged one. When others
// write the section too, their writes may have covered that; then the fork
// of a new timeline proves the loss of what came after it.
func (c *Cluster) countLostCommits(w *Write) int64 {
	if c.last == nil {
		return 0
	}
	byValue := c.last.Capacity - (w.Capacity - 1)
	var byFork int64
	if w.Timeline > c.last.Timeline && w.Fork != 0 {
		byFork = c.acks.commitsPast(w.Fork)
	}
	return max(byValue, byFork, 0)
}
