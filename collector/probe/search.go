package probe

import (
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// search is what a round wants to know of one node: whether it shows the round's beat or,
// for a look, how it is.
type search struct {
	round *round
	batch *batch
	index int
	wish

	verdict.Sightings
	beat       verdict.Beat
	before     memory // from before the beat was sent
	asked      time.Time
	first      *Read
	firstStale bool          // the first read proved not to show it
	longest    time.Duration // that a read has taken
}

// answer is what came back from a node.
type answer struct {
	Read
	// told is true where the node was asked for its state, and not for the section alone.
	told bool
	err  error
	// since is since when the connection had lasted when the node was asked, for the gate; see [Node.Unbroken].
	since time.Time
}

// result is where the node's part of the round's result is.
func (s *search) result() *NodeResult { return &s.round.result.Nodes[s.index] }

// takes keeps what one answer says, and returns whether that is all that the search wants.
func (c *Cluster) takes(s *search, a answer) (ended bool) {
	if s.round.over {
		return true // Nobody waited for it.
	}
	result := s.result()
	c.recordIdentity(s.index, result)
	if s.look && a.err == nil && (!a.told || a.Sent.Before(s.asked)) {
		return false // It was on its way for others, and does not say how the node is now.
	}
	if s.look || result.Foreign {
		c.inspects(s, a)
		return true
	}
	if a.err != nil {
		result.recordFailure(a.err)
	}
	if !a.Received.IsZero() {
		c.compares(s, a)
	}
	now := time.Now()
	switch {
	case a.err != nil && !mayPass(a.err), !s.Fresh.IsZero(), s.Left, s.TakesWrites, s.isOver(c.followers[s.index].sent, now):
		return true
	default: // A read that cannot be back in time would cost the connection.
		return now.Add(2 * s.longest).After(s.deadline)
	}
}

// compares keeps what an answer tells of the beat. One whose section failed may still have
// told the state.
func (c *Cluster) compares(s *search, a answer) {
	result, standing := s.result(), c.ledger.Stand(s.beat.Row, a.Row)
	result.Up = true
	if a.Sent.Before(s.acknowledged) && (a.err != nil || standing != verdict.Shows) {
		return // It says nothing about a beat that was not there yet.
	}
	if s.closely && !s.begun && !a.told {
		return // It was on its way for others, and a probe's first read tells the state.
	}
	isFirst := s.first == nil
	s.longest = max(s.longest, a.Received.Sub(a.Sent))
	if isFirst {
		s.first, s.Replayed, s.begun = &a.Read, a.ReplayLSN, true
	}
	if a.told {
		result.recordAnswer(a.Read)
		s.State, s.Restoring = verdict.StillWaiting(s.State, a.State), c.restores(s.index, a.Received)
		s.explained = a.Detailed && !a.Sent.Before(s.limit)
	}
	if a.err != nil {
		return
	}
	if a.told {
		s.TakesWrites = !a.InRecovery
	}
	if a.Row.Found {
		result.Row = a.Row
	}
	s.Row, s.Standing, s.Received = a.Row, standing, a.Received
	switch {
	case standing == verdict.Shows:
		s.Fresh = latest(a.Received, s.acknowledged)
		if before := s.before.stateOf(result.Server); !a.told && before.InRecovery {
			result.Answered, result.State = true, before // Who shows it has not been promoted.
		}
		return
	case standing != verdict.Unknown, !a.Row.Found:
		s.Stale = a.Sent
		s.firstStale = s.firstStale || isFirst
	}
	s.Left = c.ledger.LeftHistory(s.beat, s.before.stateOf(result.Server), a.State, a.Row, standing)
}

// conclusion puts what a search knows now into a node's result.
func (c *Cluster) conclusion(s *search, node *NodeResult) {
	if s.look || node.Replica == nil || node.Foreign || !node.Up {
		return
	}
	*node.Replica = ReplicaResult{
		Verdict: c.ledger.Judge(s.beat, s.Sightings, c.cfg.SyncedWithin),
		First:   s.first, Last: s.Row, Stale: s.firstStale, LastStale: s.Stale, FirstFresh: s.Fresh, Late: s.Late,
		Decided:   latest(s.Received, s.Fresh),
		StepsBack: c.memory[s.index].stepsBack,
	}
}

// inspects keeps how a node is, where there is no beat to look for.
func (c *Cluster) inspects(s *search, a answer) {
	result := s.result()
	if s.index != s.round.primary && result.Replica == nil {
		result.Replica = unreachable()
	}
	// The section of a foreign node is not ours, and one failure of a node tells enough.
	if a.err != nil && !result.Foreign && len(result.Failures) == 0 {
		result.recordFailure(a.err)
	}
	if a.told {
		result.recordAnswer(a.Read)
	}
	switch {
	case result.Replica == nil || !result.Up && a.Received.IsZero():
	case result.Foreign:
		result.Up = true
		result.Replica.State = verdict.StateForeign
	case a.Received.IsZero():
		result.Replica.State = ""
	default:
		result.Replica.First, result.Replica.Last = &a.Read, a.Row
		result.Replica.State = verdict.BehindState(a.State, 0, 0, c.restores(s.index, a.Received))
	}
}

// unreachable is what is known of a replica that has not answered.
func unreachable() *ReplicaResult {
	return &ReplicaResult{Verdict: verdict.Verdict{State: verdict.StateUnreachable}}
}

// rememberState keeps a node's word on itself.
func (c *Cluster) rememberState(i int, a answer, server verdict.Server) {
	m := &c.memory[i]
	if !m.server.Is(server) {
		m.restored = time.Time{}
	}
	if verdict.Restores(m.stateOf(server), a.State) {
		m.restored = a.Received
	}
	m.state, m.server = a.State, server
}

// restores says whether a node is fed from an archive.
func (c *Cluster) restores(i int, now time.Time) bool {
	restored := c.memory[i].restored
	return !restored.IsZero() && now.Sub(restored) < verdict.RestoreMemory
}

// rememberRow keeps what a replica shows, and counts steps back to an older value.
func (c *Cluster) rememberRow(i int, row verdict.Row) {
	m := &c.memory[i]
	if m.shown.Found && m.shown.Born == row.Born && row.Capacity < m.shown.Capacity {
		m.stepsBack++
	}
	m.shown = row
}

// stateOf returns the last word of a server, if it was the last that the node led to.
func (m memory) stateOf(server verdict.Server) verdict.State {
	if !m.server.Is(server) {
		return verdict.State{}
	}
	return m.state
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
