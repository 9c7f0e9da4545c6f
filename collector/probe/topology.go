package probe

import (
	"errors"
	"slices"
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
		c.beat, c.writer, c.ledger, c.departed = verdict.Beat{}, verdict.Writer{}, verdict.Ledger{}, nil
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

// choosePrimary makes the node the primary that should be, by what the nodes said of the round's
// own beat. A round that began before that was last found out knows less. One that waits for the
// primary of before does so no longer.
func (c *Cluster) choosePrimary(r *round) {
	if r.began.Before(c.chosen) {
		return
	}
	if next := c.bestPrimary(r); next != c.primary {
		c.primary, c.chosen = next, time.Now()
		if w := c.writing; w != nil && w.giveUp != nil && w.awaited != next {
			w.giveUp()
		}
	}
}

// bestPrimary returns the node that is to be the primary, by what the nodes have said in a round so far.
func (c *Cluster) bestPrimary(r *round) int {
	members, claims := r.result.members(), make([]verdict.Claim, len(c.nodes))
	for i, m := range members {
		c.memory[i].claim = c.memory[i].claim.After(m, time.Now())
		claims[i] = c.memory[i].claim
	}
	word := verdict.Word{Leader: -1}
	if c.manager != nil {
		said := c.manager()
		word.Leader, word.Asked = slices.IndexFunc(c.nodes, func(n Node) bool { return n.Name() == said.Leader }), said.Asked
	}
	return verdict.Primary(members, c.primary, r.beat, word.Heeded(claims))
}

// missedPrimary says whether a round wrote, or would have written, to another server than
// the primary.
func (c *Cluster) missedPrimary(r *round) bool {
	nodes := r.result.Nodes
	switch {
	case r.primary == c.primary:
		return false
	case r.result.Write == nil:
		return true
	default:
		return r.scraped && !nodes[c.primary].Server.Is(nodes[r.primary].Server)
	}
}

// recordAcknowledgement keeps an acknowledgement of the i-th node.
func (c *Cluster) recordAcknowledgement(r *Result, i int) {
	w, node := r.Write, &r.Nodes[i]
	writer := verdict.Writer{Name: node.Name, Server: node.Server, Row: w.Row}
	if verdict.TookOver(c.writer, writer) {
		r.Takeovers = append(r.Takeovers, Takeover{From: c.writer.Name, To: writer.Name})
	}
	c.writer = writer
	c.beat = verdict.Beat{Row: w.Row, Sent: w.Sent, Acknowledged: w.Acknowledged, LSN: w.LSN}
	c.commits.Record(w.Acknowledged.Sub(w.Sent))
	c.ledger.Record(c.beat)
	c.memory[i].number = c.ledger.Newest() // It has what it acknowledged, should it ever be a replica.
	c.ledger.Trim(c.shownByAll())
}

// shownByAll returns the number of the newest beat that all replicas have shown which have
// shown any.
func (c *Cluster) shownByAll() int64 {
	least := c.ledger.Newest()
	for i := range c.memory {
		if i != c.primary && c.memory[i].shown.Found {
			least = min(least, c.memory[i].number)
		}
	}
	return least
}

// classify tells which nodes are names of one server, and returns those of which the
// connections are to be renewed.
func (c *Cluster) classify(r *Result, primary int) (doubtful []int) {
	members := r.members()
	written := &r.Nodes[primary]
	for i := range r.Nodes {
		node := &r.Nodes[i]
		if node.Replica == nil || !node.Answered || node.Foreign {
			continue
		}
		if written.TakesWrites() && node.Server.Is(written.Server) {
			node.Replica = &ReplicaResult{Verdict: verdict.Verdict{State: verdict.StatePrimary}}
			doubtful = append(doubtful, i, primary)
		} else if same := verdict.SameServer(members, i); same != i {
			node.Replica = &ReplicaResult{Verdict: verdict.Verdict{State: verdict.StateDuplicate}}
			doubtful = append(doubtful, i, same)
		}
	}
	return doubtful
}

// settle says what can be said only when all nodes have been read: which are
// names of one server, what each follows, and what is lost.
func (c *Cluster) settle(ended *round) {
	r := ended.result
	members := r.members()
	primaries := verdict.Primaries(members)
	for i := range r.Nodes {
		if followed := verdict.Followed(members, i, primaries, ended.beat); followed >= 0 {
			c.memory[i].followed = members[followed].Server
		}
	}
	c.renew(c.classify(r, ended.primary)...)
	if len(r.Takeovers) > 0 {
		c.renew(c.allIndexes()...)
	}
	rivals := c.rivals(r, ended.primary, primaries)
	// Once another line is written, who has what of the one before only a round of that one knows.
	if r.Write != nil && ended.beat.Era() == c.beat.Era() {
		r.Lost, r.AtRisk = c.ledger.Lose(rivals)
	}
	r.Undecided = r.Write != nil && c.ledger.Undecided()
	r.Outage.All, r.Acknowledged = c.outages.Time(time.Now()), c.beat.Acknowledged
}

// recordOutage keeps whether somebody can write, as a write was answered. That a connection is still
// being made, and nothing else is known to be wrong, says nothing yet: what becomes of it does.
func (c *Cluster) recordOutage(of *round) {
	r := of.result
	switch {
	case r.Write != nil:
		began, lasted := c.outages.Acknowledge(r.Write.Acknowledged)
		r.Outage.Ended = max(r.Outage.Ended, lasted)
		c.beginOutage(of, began)
	case len(r.Nodes[of.primary].Failures) > 0:
		c.beginOutage(of, c.outages.Fail())
	default:
		c.outages.Doubt()
	}
}

// proveOutage keeps that nobody could write where that turns out only when the nodes are
// asked why.
func (c *Cluster) proveOutage(of *round) {
	if r := of.result; r.Write == nil && len(r.Nodes[of.primary].Failures) > 0 {
		c.beginOutage(of, c.outages.Prove(r.Attempted))
	}
}

// beginOutage puts the outage into a round's result that it is the first to know of, if one began.
func (c *Cluster) beginOutage(of *round, began time.Time) {
	if began.IsZero() {
		return
	}
	r := of.result
	r.Outage.Began, r.Outage.Node = began, r.Primary
	if r.Write == nil {
		r.Outage.Err = r.WriteFailure()
	}
}

// renew has the connections of nodes replaced, because the names may have moved on since
// they were made: when two of them lead to one server, and when another server took over.
func (c *Cluster) renew(nodes ...int) {
	for _, i := range nodes {
		c.nodes[i].Renew()
	}
}

// rivals returns the rows of the servers that take writes beside the one that is
// written, and of those that did and may still do so, nodes that are none any more among them.
func (c *Cluster) rivals(r *Result, primary int, primaries []int) []verdict.Row {
	var rows []verdict.Row
	written, now := r.Nodes[primary].Server, time.Now()
	for _, i := range primaries {
		if i != primary && !r.Nodes[i].Server.Is(written) {
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
	c.departed = slices.DeleteFunc(c.departed, func(m memory) bool { return !verdict.MayStillWrite(now.Sub(m.silentSince), false) })
	for _, m := range c.departed {
		rows = append(rows, m.wrote)
	}
	return rows
}
