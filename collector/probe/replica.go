package probe

import (
	"context"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// search is the reading of one replica until it shows the canary.
type search struct {
	index  int
	result *NodeResult
	verdict.Sightings
	before     memory // from before the beat was sent
	first      *Read
	firstStale bool      // the first read proved not to show it
	sent       time.Time // when the last read was sent
	stepsBack  int
	longest    time.Duration // that a read has taken
}

// readReplica reads a node until it shows the canary or the wait is over, and judges it.
func (c *Cluster) readReplica(ctx context.Context, i int, result *NodeResult) {
	if result.Foreign {
		c.inspectNode(ctx, i, result)
		return
	}
	result.Replica = &ReplicaResult{Verdict: verdict.Verdict{State: verdict.StateUnreachable}}
	s := &search{index: i, result: result, before: c.memory[i]}
	s.Late = !c.nodes[i].Connected()
	if s.Late && !c.connectsLate(ctx, i, result) {
		return
	}
	c.readUntilShown(ctx, s)
	if c.recordIdentity(i, result); result.Foreign {
		c.inspectNode(ctx, i, result)
		return
	}
	if !result.Up {
		return
	}
	*result.Replica = ReplicaResult{
		Verdict: c.ledger.Judge(c.beat, s.Sightings, c.cfg.SyncedWithin),
		First:   s.first, Last: s.Row, Stale: s.firstStale, LastStale: s.Stale, FirstFresh: s.Fresh, StepsBack: s.stepsBack, Late: s.Late,
	}
}

// readUntilShown reads again what does not show the canary, and what failed in a way
// that may pass.
func (c *Cluster) readUntilShown(ctx context.Context, s *search) {
	acknowledged := c.beat.Acknowledged
	limit, end := acknowledged.Add(c.cfg.SyncedWithin), acknowledged.Add(c.cfg.Wait)
	if deadline, ok := ctx.Deadline(); ok && end.After(deadline.Add(-answerReserve)) {
		end = deadline.Add(-answerReserve)
	}
	// Who does not answer at all does not hold up the scrape to its end.
	ctx, cancel := context.WithDeadline(ctx, end.Add(readGrace))
	defer cancel()
	for {
		read, err := c.nextRead(ctx, s, limit, end)
		if err != nil {
			s.result.recordFailure(err)
		}
		if c.recordIdentity(s.index, s.result); s.result.Foreign {
			return
		}
		c.see(s, read, err)
		if (err != nil && !mayPass(err)) || !s.Fresh.IsZero() || s.Left || s.TakesWrites {
			return
		}
		now := time.Now()
		// A read that cannot be back in time would cost the connection.
		if deadline, ok := ctx.Deadline(); ok && now.Add(2*s.longest).After(deadline) {
			return
		}
		if !now.Before(end) || !sleep(ctx, pauseBeforeReread(now, s.sent, acknowledged, limit, end)) {
			return
		}
	}
}

// nextRead reads the section alone as long as the replica can still count as
// synced, and from then on its state too, because it has to be explained.
func (c *Cluster) nextRead(ctx context.Context, s *search, limit, end time.Time) (Read, error) {
	node, now := c.nodes[s.index], time.Now()
	s.sent = now
	switch {
	case s.first == nil:
		return node.Read(ctx)
	case now.Before(limit) && now.Before(end):
		return node.Poll(ctx)
	default:
		return node.Inspect(ctx)
	}
}

// see keeps what one read says. One whose section failed may still have told the state.
func (c *Cluster) see(s *search, read Read, err error) {
	if read.Received.IsZero() {
		return
	}
	s.longest = max(s.longest, read.Received.Sub(read.Sent))
	isFirst := s.first == nil
	if isFirst {
		s.first, s.Replayed = &read, read.ReplayLSN
	}
	if isFirst || read.Detailed { // The others are of the section alone.
		s.result.recordAnswer(read)
		c.rememberState(s, read)
	}
	if err != nil {
		return
	}
	if isFirst || read.Detailed {
		s.TakesWrites = !read.InRecovery
	}
	if read.Row.Found {
		s.result.Row = read.Row
		if c.stepsBack(s.index, read.Row) {
			s.stepsBack++
		}
		c.memory[s.index].shown = read.Row
	}
	s.Row, s.Standing = read.Row, c.ledger.Stand(c.beat.Row, read.Row)
	switch {
	case s.Standing == verdict.Shows:
		s.Fresh = read.Received
		return
	case s.Standing != verdict.Unknown, !read.Row.Found:
		s.Stale = read.Sent
		s.firstStale = s.firstStale || isFirst
	}
	s.Left = c.ledger.LeftHistory(c.beat, s.before.stateOf(s.result.Server), read.State, read.Row, s.Standing)
}

// rememberState keeps a node's word on itself, until it shows the canary: what it
// said before that explains the lag.
func (c *Cluster) rememberState(s *search, read Read) {
	m := &c.memory[s.index]
	if !m.server.Is(s.result.Server) {
		m.restored = time.Time{}
	}
	if verdict.Restores(m.stateOf(s.result.Server), read.State) {
		m.restored = read.Received
	}
	m.state, m.server = read.State, s.result.Server
	s.Restoring = !m.restored.IsZero() && read.Received.Sub(m.restored) < verdict.RestoreMemory
	s.State = verdict.StillWaiting(s.State, read.State)
}

// stateOf returns the last word of a server, if it was the last that the node led to.
func (m memory) stateOf(server verdict.Server) verdict.State {
	if !m.server.Is(server) {
		return verdict.State{}
	}
	return m.state
}

// stepsBack says whether a node shows an older value than before.
func (c *Cluster) stepsBack(i int, row verdict.Row) bool {
	before := c.memory[i].shown
	return before.Found && before.Born == row.Born && row.Capacity < before.Capacity
}

// connectsLate waits a moment for a connection that was not there at the beat, and says
// whether it is there now. It costs no time where other replicas are read meanwhile.
func (c *Cluster) connectsLate(ctx context.Context, i int, result *NodeResult) bool {
	bounded, cancel := context.WithTimeout(ctx, lateConnection)
	defer cancel()
	if err := c.nodes[i].Connect(bounded); err != nil {
		result.recordFailure(err)
	}
	return c.nodes[i].Connected()
}

// inspectNode asks a node for its state, when there is no canary to look for.
func (c *Cluster) inspectNode(ctx context.Context, i int, result *NodeResult) {
	if i != c.primary {
		result.Replica = &ReplicaResult{Verdict: verdict.Verdict{State: verdict.StateUnreachable}}
		if result.Up { // It has answered in this probe.
			result.Replica.State = ""
		}
	}
	if ctx.Err() != nil || (!c.nodes[i].Connected() && !c.connectsLate(ctx, i, result)) {
		return
	}
	s := &search{index: i, result: result}
	read, err := c.nodes[i].Inspect(ctx)
	c.recordIdentity(i, result)
	// The section of a foreign node is not ours, and one failure of a node tells enough.
	if err != nil && !result.Foreign && len(result.Failures) == 0 {
		result.recordFailure(err)
	}
	result.recordAnswer(read)
	switch {
	case result.Replica == nil || !result.Up:
	case result.Foreign:
		result.Replica.State = verdict.StateForeign
	case read.Received.IsZero():
		result.Replica.State = ""
	default:
		c.rememberState(s, read)
		result.Replica.First, result.Replica.Last = &read, read.Row
		result.Replica.State = verdict.BehindState(read.State, 0, 0, s.Restoring)
	}
}
