package probe

import (
	"errors"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// errForeign is why a node of another cluster is not written to.
var errForeign = &Error{
	Reason: ReasonForeign,
	Hint:   "correct its connection string; when the whole cluster was re-created, the exporter agrees as soon as most of the nodes are of the new one",
	Err:    errors.New("the node has the system identifier of another cluster and is not written to"),
}

// identifyCluster agrees on the cluster that the connected nodes belong to. What is
// remembered of another one ends with it.
func (c *Cluster) identifyCluster(r *Result) {
	answers := make([]uint64, len(c.nodes))
	for i, n := range c.nodes {
		if n.Connected() {
			answers[i] = n.Identity().System
		}
	}
	before := c.system
	c.system = verdict.Agree(before, answers)
	if before.System != 0 && c.system.System != before.System {
		r.Reformed = &Reformation{From: before.System, To: c.system.System}
		c.beat, c.writer, c.ledger = verdict.Beat{}, verdict.Writer{}, verdict.Ledger{}
		clear(c.memory)
	}
	for i := range r.Nodes {
		c.recordIdentity(i, &r.Nodes[i])
	}
}

// recordIdentity keeps who the server at a node's connection is. A connection that
// was replaced in the middle of a probe may lead to another cluster.
func (c *Cluster) recordIdentity(i int, result *NodeResult) {
	if !c.nodes[i].Connected() {
		return // What it said before it broke is of the server that it led to.
	}
	if since := c.nodes[i].Since(); !since.IsZero() && !since.Equal(c.memory[i].since) {
		result.Reconnected = !c.memory[i].since.IsZero()
		c.memory[i].since = since
	}
	result.Server = c.nodes[i].Identity()
	result.Pooled = c.nodes[i].Pooled()
	result.InTurn = c.memory[i].servers.Meet(result.Server, time.Now()) || result.InTurn
	result.Servers = c.memory[i].servers.Count(time.Now())
	system := result.Server.System
	result.Foreign = system != 0 && system != c.system.System
}

// choosePrimary makes the node the primary that should be, and says whether that is
// another server than the one that was written to.
func (c *Cluster) choosePrimary(r *Result) bool {
	next := verdict.Primary(r.members(), c.primary, c.beat)
	if next == c.primary {
		return false
	}
	sameServer := r.Write != nil && r.Nodes[next].Server.Is(r.Nodes[c.primary].Server)
	c.primary = next
	return !sameServer
}

// recordAcknowledgement keeps an acknowledgement.
func (c *Cluster) recordAcknowledgement(r *Result) {
	w, node := r.Write, &r.Nodes[c.primary]
	writer := verdict.Writer{Name: node.Name, Server: node.Server, Row: w.Row}
	if verdict.TookOver(c.writer, writer) {
		r.Takeovers = append(r.Takeovers, Takeover{From: c.writer.Name, To: writer.Name})
	}
	c.writer = writer
	c.beat = verdict.Beat{Row: w.Row, Acknowledged: w.Acknowledged, LSN: w.LSN}
	c.ledger.Record(c.beat)
}

// settle says what can be said only when all nodes have been read: which are
// names of one server, what each follows, and what is lost.
func (c *Cluster) settle(r *Result) {
	members := r.members()
	primaries := verdict.Primaries(members)
	written := &r.Nodes[c.primary]
	for i := range r.Nodes {
		node := &r.Nodes[i]
		if followed := verdict.Followed(members, i, primaries, c.beat); followed >= 0 {
			c.memory[i].followed = members[followed].Server
		}
		if node.Replica == nil || !node.Answered || node.Foreign {
			continue
		}
		if written.TakesWrites() && node.Server.Is(written.Server) {
			node.Replica = &ReplicaResult{Verdict: verdict.Verdict{State: verdict.StatePrimary}}
			c.renew(i, c.primary)
		} else if same := verdict.SameServer(members, i); same != i {
			node.Replica = &ReplicaResult{Verdict: verdict.Verdict{State: verdict.StateDuplicate}}
			c.renew(i, same)
		}
	}
	if len(r.Takeovers) > 0 {
		c.renew(c.allIndexes()...)
	}
	rivals := c.rivals(r, primaries)
	if r.Write != nil {
		r.Lost, r.AtRisk = c.ledger.Lose(rivals)
		r.Undecided = c.ledger.Undecided()
	}
}

// recordOutage keeps whether somebody can write. That a connection is still being made, and
// nothing else is known to be wrong, says nothing yet: what becomes of it does.
func (c *Cluster) recordOutage(r *Result) {
	switch {
	case r.Write != nil:
		r.Outage.Ended = c.outages.Acknowledge(r.Write.Acknowledged)
	case len(r.Nodes[c.primary].Failures) > 0:
		r.Outage.Began = c.outages.Fail(r.Attempted)
	default:
		c.outages.Doubt(r.Attempted)
	}
	r.Outage.All = c.outages.Time(time.Now())
	r.Acknowledged = c.beat.Acknowledged
}

// renew has the connections of nodes replaced, because the names may have moved on since
// they were made: when two of them lead to one server, and when another server took over.
func (c *Cluster) renew(nodes ...int) {
	for _, i := range nodes {
		c.nodes[i].Renew()
	}
}

// rivals returns the rows of the servers that take writes beside the one that is
// written, and of those that did and may still do so.
func (c *Cluster) rivals(r *Result, primaries []int) []verdict.Row {
	var rows []verdict.Row
	written, now := r.Nodes[c.primary].Server, time.Now()
	for _, i := range primaries {
		if i != c.primary && !r.Nodes[i].Server.Is(written) {
			rows = append(rows, r.Nodes[i].Row)
		}
	}
	for i := range r.Nodes {
		node, m := &r.Nodes[i], &c.memory[i]
		switch {
		case node.Answered:
			m.tookWrites, m.wrote, m.silentSince = node.TakesWrites(), node.Row, time.Time{}
		case m.tookWrites:
			if m.silentSince.IsZero() {
				m.silentSince = now
			}
			if verdict.MayStillWrite(now.Sub(m.silentSince), node.refused()) {
				rows = append(rows, m.wrote)
			}
		}
	}
	return rows
}
