package probe

import (
	"errors"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// witness is what a node proved last, for the gate, over the connection that has lasted since.
type witness struct {
	since time.Time // of the connection, as [Node.Unbroken] says; zero for none
	at    time.Time // when the node last answered over it
	row   verdict.Row
	state verdict.State // zero where it has not told
	// takesWrites is true where it said so, at the time said.
	takesWrites bool
	said        time.Time
	wrote       int64     // the number of the last beat that it acknowledged; 0 for none
	looked      time.Time // when its own position was asked for; zero where that proves nothing

	// What the row proves about the beats and positions that there were.
	beats    int64
	newest   time.Time
	standing verdict.Standing
	asOf     time.Time
}

// failure is why the last beat was not acknowledged, or the last look at the primary failed; the zero value where it
// was, or did not.
type failure struct {
	at  time.Time
	err error
}

// sinceOf returns since when the connection of a node that is about to be asked has lasted, if there is a gate that
// wants to know.
func (c *Cluster) sinceOf(n Node) time.Time {
	if !c.gated.Load() {
		return time.Time{}
	}
	return n.Unbroken()
}

// witnessLocked keeps what an answer of the i-th node proves. It was asked for over a connection that had lasted
// since the time given.
func (c *Cluster) witnessLocked(i int, a answer) {
	m, node := &c.memory[i], c.nodes[i]
	if a.Received.IsZero() || a.since.IsZero() || !a.since.Equal(node.Unbroken()) {
		return
	}
	w := &m.witness
	news := !w.since.Equal(a.since) || a.Received.Sub(w.at) > verdict.GateContact/2
	if !w.since.Equal(a.since) {
		*w = witness{since: a.since}
	}
	w.at = a.Received
	if a.told {
		news = news || w.takesWrites == a.InRecovery
		w.state, w.takesWrites, w.said = a.State, !a.InRecovery, a.Received
	}
	if a.err == nil {
		news = news || w.row.Mark != a.Row.Mark || w.row.Capacity != a.Row.Capacity || a.told && c.cfg.ByPosition
		w.row, w.beats = a.Row, -1
	}
	if news {
		c.announceLocked()
	}
}

// witnessWriteLocked keeps that the i-th node acknowledged the last beat.
func (c *Cluster) witnessWriteLocked(i int, since time.Time) {
	if since.IsZero() || !since.Equal(c.nodes[i].Unbroken()) {
		return
	}
	w := &c.memory[i].witness
	if !w.since.Equal(since) {
		*w = witness{since: since}
	}
	w.at, w.row, w.beats = c.beat.Acknowledged, c.beat.Row, -1
	w.state, w.takesWrites, w.said, w.wrote = verdict.State{}, true, c.beat.Acknowledged, c.ledger.Newest()
}

// proveLocked brings what a witness proves up to date.
func (c *Cluster) proveLocked(w *witness) {
	beats, newest := c.ledger.Newest(), c.positions.Newest()
	if w.beats == beats && w.newest.Equal(newest) {
		return
	}
	w.beats, w.newest = beats, newest
	w.standing, w.asOf = c.ledger.Stand(c.beat.Row, w.row), c.ledger.ShownSent(w.row)
	if !newest.IsZero() {
		w.asOf = latest(w.asOf, latest(w.looked, c.positions.Reached(w.state, w.row)))
		if !c.beat.Found { // Others write the beats.
			w.standing = c.positions.Stand(w.row)
		}
	}
}

// obstacleLocked is why nothing that is known of the i-th node holds for the next connection to it, "" for nothing, and
// says whether the connection still lasts over which it told what its witness has.
func (c *Cluster) obstacleLocked(i int, now time.Time) (obstacle verdict.GateState, lasts bool) {
	node, m := c.nodes[i], &c.memory[i]
	switch {
	case node.Pooled():
		return verdict.GatePooled, false
	case node.Several(), m.servers.InTurn(now):
		return verdict.GateBalanced, false
	}
	if system := node.Identity().System; system != 0 && c.system.System != 0 && system != c.system.System {
		return verdict.GateForeign, false
	}
	since := node.Unbroken()
	if since.IsZero() {
		return verdict.GateUnreachable, false
	}
	return "", since.Equal(m.witness.since)
}

// freshLocked judges whether a read on the i-th node is fresh, and stays so for a while.
func (c *Cluster) freshLocked(i int, ask *GateAsk, now time.Time, ahead time.Duration) GateAnswer {
	obstacle, lasts := c.obstacleLocked(i, now)
	e := verdict.Evidence{Now: now, Max: ask.Max, Ahead: ahead, Obstacle: obstacle, Newest: latest(c.beat.Sent, c.positions.Newest())}
	answer := GateAnswer{Primary: c.writer.Name, Unwritten: c.unwritten}
	w := &c.memory[i].witness
	if lasts {
		c.proveLocked(w)
		e.Seen, e.Standing, e.AsOf = w.at, w.standing, w.asOf
		e.TakesWrites, e.Writer = w.takesWrites, c.isWriterLocked(i)
		e.Way = verdict.BehindState(w.state, now.Sub(w.asOf), c.beat.LSN, c.restores(i, now))
	}
	down, keeps, reason := c.downLocked(now)
	answer.Rivals = c.rivalsLocked(down)
	e.Split = len(answer.Rivals) > 1
	// Where the last primary cannot be asked and another server takes writes, that is the next one.
	e.Down, e.Keep = down, ask.KeepDown && keeps && len(answer.Rivals) == 0
	answer.GateVerdict = e.Fresh()
	switch answer.State {
	case verdict.GateNoPrimary, verdict.GateKept:
		answer.Reason = reason
	case verdict.GateUnreachable:
		answer.Reason = c.whyLocked(i)
	}
	return answer
}

// writableLocked judges whether the i-th node acknowledged the last beat.
func (c *Cluster) writableLocked(i int, ask *GateAsk, now time.Time) GateAnswer {
	node := c.nodes[i]
	obstacle, lasts := c.obstacleLocked(i, now)
	a := verdict.Acknowledgement{Now: now, Max: ask.Max, Obstacle: obstacle, At: c.beat.Acknowledged}
	a.Writer = lasts && c.isWriterLocked(i)
	a.Other = c.writer.Name != node.Name() && !a.Writer
	if a.Obstacle == verdict.GatePooled { // A beat went that way, wherever the next one goes.
		a.Obstacle, a.Writer = "", c.writer.Name == node.Name()
	}
	if a.Other && a.Obstacle == verdict.GateUnreachable {
		a.Obstacle = "" // That another one takes the writes says more.
	}
	down, _, reason := c.downLocked(now)
	a.Down = down
	answer := GateAnswer{GateVerdict: a.Writable(), Primary: c.writer.Name}
	switch answer.State {
	case verdict.GateNoPrimary:
		answer.Reason = reason
	case verdict.GateUnreachable:
		answer.Reason = c.whyLocked(i)
	}
	return answer
}

// isWriterLocked says whether the i-th node leads to the server that acknowledged the last beat or, where
// that is looked at in place of beats, of which the position proves that it is the one.
func (c *Cluster) isWriterLocked(i int) bool {
	w := &c.memory[i].witness
	switch {
	case !w.takesWrites:
		return false
	case w.wrote != 0 && w.wrote == c.ledger.Newest(), c.nodes[i].Identity().Is(c.writer.Server):
		return true
	default:
		return i == c.primary && w.looked.After(c.beat.Acknowledged)
	}
}

// rivalsLocked returns the names of the nodes that take writes where those are several servers: as the last round
// found that has ended, or as they said since the last beat was sent to another one, which is one
// of them unless it is down.
func (c *Cluster) rivalsLocked(down bool) []string {
	if len(c.split) > 1 {
		return c.split
	}
	var rivals []string
	for i := range c.memory {
		w := &c.memory[i].witness
		if w.takesWrites && !c.beat.Sent.IsZero() && w.said.After(c.beat.Sent) && !c.isWriterLocked(i) &&
			w.since.Equal(c.nodes[i].Unbroken()) {
			rivals = append(rivals, c.nodes[i].Name())
		}
	}
	if len(rivals) > 0 && !down {
		rivals = append(rivals, c.writer.Name)
	}
	return rivals
}

// splitLocked keeps which nodes take writes, where a round that has ended found several servers that do.
func (c *Cluster) splitLocked(r *Result) {
	c.split = nil
	primaries := verdict.Primaries(r.members())
	if len(primaries) < 2 {
		return
	}
	for _, i := range primaries {
		c.split = append(c.split, r.Nodes[i].Name)
	}
}

// failLocked keeps whether the primary could be asked.
func (c *Cluster) failLocked(err error) { c.failure = failure{time.Now(), err} }

// noteAnswerLocked keeps whether a round's beat was acknowledged, as it was answered. A connection that is still being
// made says nothing.
func (c *Cluster) noteAnswerLocked(r *Result) {
	if r.Write != nil {
		c.failure = failure{}
	} else if err := r.WriteFailure(); err != nil {
		c.failLocked(err)
	}
	c.announceLocked()
}

// downLocked says whether the primary cannot be asked, and why, as far as is known: the last beat failed just now, or
// one that is on its way is not answered. What failed long ago says nothing of now. keeps is true where nobody's writes are known to
// be taken.
func (c *Cluster) downLocked(now time.Time) (down, keeps bool, reason Reason) {
	if c.failure.err != nil && now.Sub(c.failure.at) <= verdict.GateContact {
		reason = ReasonOf(c.failure.err)
		return true, takesNobodys(reason) && !errors.Is(c.failure.err, errInRecovery), reason
	}
	if r := c.last; r != nil && !r.answered && now.Sub(r.began) >= c.silenceLocked() {
		return true, true, ReasonTimeout
	}
	return false, false, ""
}

// takesNobodys says whether a beat that failed for a reason tells that nobody's writes are taken: a server that
// refuses the exporter alone may take those of others.
func takesNobodys(reason Reason) bool {
	switch reason {
	case ReasonConnect, ReasonDNS, ReasonTimeout, ReasonStartingUp, ReasonShuttingDown, ReasonReadOnly, ReasonSyncWait, ReasonDiskFull:
		return true
	default:
		return false
	}
}

// whyLocked is why the i-th node could not be read when that was last tried; "" where nothing is known.
func (c *Cluster) whyLocked(i int) Reason {
	if l := c.looks[c.nodes[i]]; l != nil && l.err != nil {
		return ReasonOf(l.err)
	}
	if r := c.last; r != nil && i < len(r.result.Nodes) && r.result.Nodes[i].Name == c.nodes[i].Name() {
		if failures := r.result.Nodes[i].Failures; len(failures) > 0 {
			return ReasonOf(failures[len(failures)-1])
		}
	}
	return ""
}
