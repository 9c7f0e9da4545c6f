package probe

import (
	"context"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

const (
	// answerReserve is kept from the wait for the last reads and the answer.
	answerReserve = 50 * time.Millisecond
	// readGrace is how long after the wait the answer of the last read may come.
	readGrace = 500 * time.Millisecond
	// lateConnection is how long after the beat a connection that is being made is waited for.
	lateConnection = 250 * time.Millisecond
)

// follower reads one node, for all rounds that want to know something of it and, between
// them, until it shows the beats that it does not show yet. The cluster's lock guards it.
type follower struct {
	index    int
	searches []*search // that have not ended, the oldest first
	ended    []*search // that have with the last read, and whose rounds wait for them
	running  bool      // a goroutine works for it
	woken    chan struct{}
	wishes   []*wish // of the searches

	bounded  context.Context //nolint:containedctx // Of the last read, for the next one.
	deadline time.Time       // of that
	cancel   context.CancelFunc

	sent, returned time.Time // of the last read
	looking        bool      // the last read succeeded
	blind          time.Time // when the node could not be read last
	revealed       int64     // how many beats there were at the last read
	row            verdict.Row
}

func newFollowers(count int) []*follower {
	all := make([]*follower, count)
	for i := range all {
		all[i] = &follower{index: i, woken: make(chan struct{}, 1)}
	}
	return all
}

// wake tells whoever works for the follower that there is something to do.
func (f *follower) wake() {
	select {
	case f.woken <- struct{}{}:
	default:
	}
}

// follow does what a follower has to do, until that is nothing, or until no search of the
// batch is left to it: then it goes on in the background.
func (c *Cluster) follow(f *follower, until *batch) {
	for {
		c.mu.Lock()
		if c.life.Err() != nil {
			c.abandonLocked(f)
			c.mu.Unlock()
			return
		}
		do, deadline, due := c.conditionLocked(f).plan()
		if do == toRest {
			if !c.nodes[f.index].Connected() { // When it shows what it does not yet, nobody sees.
				f.blind, f.looking = time.Now(), false
			}
			f.release()
			f.running = false
			c.mu.Unlock()
			c.tellRested()
			return
		}
		if until != nil && !f.worksFor(until) {
			c.running.Go(func() { c.follow(f, nil) })
			c.mu.Unlock()
			return
		}
		now := time.Now()
		if pause := due.Sub(now); pause > 0 {
			c.mu.Unlock()
			f.pause(c.life, pause)
			continue
		}
		patience := f.patienceLocked()
		f.sent = now
		c.mu.Unlock()
		c.tell(f, c.ask(f.until(c.life, deadline), c.nodes[f.index], do, patience))
	}
}

// abandonLocked ends what a follower does because the cluster is being closed.
func (c *Cluster) abandonLocked(f *follower) {
	for _, s := range f.searches {
		c.endLocked(s)
		s.batch.leave()
	}
	f.release()
	f.searches, f.running = nil, false
}

func (f *follower) worksFor(reads *batch) bool {
	for _, s := range f.searches {
		if s.batch == reads {
			return true
		}
	}
	return false
}

// pause waits until it is over, or there is something else to do.
func (f *follower) pause(life context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-f.woken:
	case <-life.Done():
	}
}

// patienceLocked is how long a connection that is being made is waited for. It costs no
// time where other nodes are read meanwhile.
func (f *follower) patienceLocked() time.Duration {
	for _, s := range f.searches {
		if s.closely || s.look {
			return lateConnection
		}
	}
	return 0
}

// conditionLocked is what a follower's next step is decided by.
func (c *Cluster) conditionLocked(f *follower) condition {
	on := condition{
		now: time.Now(), sent: f.sent, returned: f.returned, pulse: c.cfg.Pulse, lateRead: c.cfg.Wait + readGrace,
	}
	f.wishes = f.wishes[:0]
	for _, s := range f.searches {
		f.wishes = append(f.wishes, &s.wish)
	}
	on.wishes = f.wishes
	m := &c.memory[f.index]
	on.oldest, on.unseen = c.ledger.After(m.number)
	// A connection that is lent is given back when no round needs it, and a node that cannot
	// be read, or is no standby, is left to the next one.
	on.goesOn = c.gate == nil && f.looking && f.index != c.primary && m.state.InRecovery && !c.nodes[f.index].Since().IsZero()
	return on
}

// until returns a context that ends at the deadline. Reads that follow one another mostly share
// one: making it costs as much as the rest of what they do.
func (f *follower) until(life context.Context, deadline time.Time) context.Context {
	if f.bounded == nil || !deadline.Equal(f.deadline) {
		f.release()
		f.bounded, f.cancel = context.WithDeadline(life, deadline)
		f.deadline = deadline
	}
	return f.bounded
}

// release gives the context back.
func (f *follower) release() {
	if f.bounded != nil {
		f.cancel()
		f.bounded = nil
	}
}

// ask asks a node for what is due.
func (c *Cluster) ask(ctx context.Context, node Node, do action, patience time.Duration) answer {
	switch {
	case node.Connected():
	case patience == 0:
		return answer{err: ErrConnecting}
	default:
		bounded, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		if err := node.Connect(bounded); err != nil {
			return answer{err: err}
		}
	}
	a := answer{told: do != toPoll, since: c.sinceOf(node)}
	switch do {
	case toRead:
		a.Read, a.err = node.Read(ctx)
	case toInspect:
		a.Read, a.err = node.Inspect(ctx)
	case toPoll, toRest:
		a.Read, a.err = node.Poll(ctx)
	}
	return a
}

// tell keeps what a node answered, and tells those who wanted to know.
func (c *Cluster) tell(f *follower, a answer) {
	c.mu.Lock()
	now := time.Now()
	f.returned = now
	i := f.index
	server := c.nodes[i].Identity()
	foreign := server.System != 0 && server.System != c.system.System
	if a.told && !a.Received.IsZero() && !foreign {
		c.rememberState(i, a, server)
	}
	if !foreign {
		c.witnessLocked(i, a)
	}
	seen := a.err == nil && a.Row.Found && i != c.primary && !foreign
	if seen {
		c.rememberRow(i, a.Row)
	}
	kept := f.searches[:0]
	for _, s := range f.searches {
		if !c.takes(s, a) {
			kept = append(kept, s)
			continue
		}
		c.endLocked(s)
		f.ended = append(f.ended, s)
	}
	clear(f.searches[len(kept):])
	f.searches = kept
	var shown []verdict.Sighting
	if seen {
		shown = c.revealLocked(f, a.Read)
	}
	if f.looking = a.err == nil; a.err != nil && !mayPass(a.err) {
		f.blind = now
	}
	if len(shown) > 0 && c.observer != nil { // Before the rounds end, which are told then.
		c.mu.Unlock()
		c.tellShown(i, shown, a.Received)
		c.mu.Lock()
	}
	for _, s := range f.ended {
		s.batch.leave()
	}
	clear(f.ended)
	f.ended = f.ended[:0]
	c.mu.Unlock()
}

// endLocked ends a search, but for that its batch has to be left.
func (c *Cluster) endLocked(s *search) {
	if !s.round.over {
		c.conclusion(s, s.result())
	}
	if !s.look {
		c.memory[s.index].stepsBack = 0
	}
	if s.look && s.round.result.Write == nil && !s.round.over {
		c.noticeLocked(s.round)
	}
}

// revealLocked returns the beats that a read shows and the ones before it did not. Of
// those that were acknowledged while the node could not be read, and that it shows as soon as
// it can be, nobody knows how long that took.
func (c *Cluster) revealLocked(f *follower, read Read) []verdict.Sighting {
	m := &c.memory[f.index]
	newest := c.ledger.Newest()
	if newest == f.revealed && read.Row.Mark == f.row.Mark && read.Row.Capacity == f.row.Capacity {
		return nil
	}
	f.revealed, f.row = newest, read.Row
	var shown []verdict.Sighting
	shown, m.number = c.ledger.Reveal(m.number, read.Row)
	known := shown[:0]
	for _, beat := range shown {
		if f.looking || beat.Acknowledged.After(f.blind) {
			known = append(known, beat)
		}
	}
	return known
}

// tellShown tells the observer of beats that a replica shows now.
func (c *Cluster) tellShown(i int, shown []verdict.Sighting, at time.Time) {
	c.telling.Lock()
	defer c.telling.Unlock()
	for n := len(shown) - 1; n >= 0; n-- { // The oldest first.
		c.observer.Shown(c.nodes[i].Name(), shown[n], max(at.Sub(shown[n].Acknowledged), 0))
	}
}
