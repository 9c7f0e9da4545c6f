package probe

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// Shares of the time that is left for a beat, so that one hung node leaves the others theirs.
const (
	connectShare = 0.25 // The primary's connection is waited for so long, where it is missing.
	writeShare   = 0.75 // A primary that does not acknowledge in this share of the rest fails.
)

const (
	// impatience is how long after a round's beginning the other nodes are asked how they
	// are, though the beat has not been acknowledged.
	impatience = 250 * time.Millisecond
	// impatienceAgain is how long after that they are asked again.
	impatienceAgain = time.Second
)

// send sends the beat of a round, when it is its turn. It returns the reads that look for it
// or, where it was not acknowledged, for why; and the context of all that is done
// for the round, which is to be cancelled.
func (c *Cluster) send(r *round) (context.Context, *batch, context.CancelFunc) {
	c.mu.Lock()
	r.impatient = time.AfterFunc(impatience, func() { c.lookMeanwhile(r) })
	c.mu.Unlock()
	defer r.impatient.Stop()
	c.takeTurn(r)
	defer c.endTurn()
	ctx, cancel := context.WithTimeout(c.life, c.cfg.Timeout)
	c.readyConnections(ctx, r)
	c.mu.Lock()
	unknown := c.unknownLocked() && len(c.nodes) > 1
	c.mu.Unlock()
	if unknown {
		c.findPrimary(ctx, r)
	}
	reads := c.write(ctx, r)
	// Who has found another primary writes there before others do, so that it is this round which tells of the takeover.
	if r.result.Write == nil && c.findOther(r) {
		reads = c.write(ctx, r)
	}
	return ctx, reads, cancel
}

// takeTurn waits until a round may write, which only one does at a time.
func (c *Cluster) takeTurn(r *round) {
	c.turn <- struct{}{}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writing = r
}

// endTurn lets the next round write.
func (c *Cluster) endTurn() {
	c.mu.Lock()
	c.writing = nil
	c.mu.Unlock()
	<-c.turn
}

// readyConnections takes the connections that are there, and has the others made, so that
// the reads that follow measure replication and not the opening of connections. A probe's
// beat waits for the primary's alone, and as long as they usually take for those of nodes
// that nothing is wrong with; before the first one for all, to find the primary.
func (c *Cluster) readyConnections(ctx context.Context, r *round) {
	c.mu.Lock()
	primary, unknown, scraped := c.primary, c.unknownLocked(), r.scraped
	c.mu.Unlock()
	unready := slices.DeleteFunc(c.allIndexes(), func(i int) bool {
		if !scraped && !unknown && i != primary && !c.nodes[i].Connected() {
			return true // What broke elsewhere is made again without the pulse's urging.
		}
		return c.nodes[i].Ready()
	})
	if len(unready) > 0 {
		bounded, giveUp := withShare(ctx, connectShare)
		defer giveUp()
		c.setGiveUp(r, primary, giveUp)
		forEachConcurrently(unready, func(i int) { c.readyConnection(bounded, r, i, i == primary || unknown, scraped) })
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r.giveUp = nil
	c.identifyCluster(r.result)
}

// setGiveUp keeps how to have a round wait no longer for the primary, which is the i-th node.
func (c *Cluster) setGiveUp(r *round, i int, giveUp context.CancelFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r.awaited, r.giveUp = i, giveUp
}

// readyConnection has one connection made, and waits for it where that is needed, or a scrape
// waits and it usually takes no longer.
func (c *Cluster) readyConnection(ctx context.Context, r *round, i int, needed, scraped bool) {
	node := c.nodes[i]
	patience := node.Prepare()
	if err := node.Unrenewed(); err != nil {
		c.mu.Lock()
		if r.scraped {
			r.result.Nodes[i].recordFailure(err)
		}
		c.mu.Unlock()
	}
	switch {
	case node.Connected(), !needed && !scraped:
		return
	case !needed:
		bounded, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		ctx = bounded
	}
	err := node.Connect(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil && i == c.primary { // Of the others, who asks them later says why they cannot be had.
		r.result.Nodes[i].recordFailure(err)
	}
}

// unknownLocked says whether none of the nodes is known to have been written.
func (c *Cluster) unknownLocked() bool {
	return !slices.ContainsFunc(c.nodes, func(n Node) bool { return n.Name() == c.writer.Name })
}

// findPrimary asks all nodes who they are before anything is written, so that of
// two primaries the wrong one is not.
func (c *Cluster) findPrimary(ctx context.Context, r *round) {
	ctx, cancel := withShare(ctx, connectShare)
	defer cancel()
	deadline, _ := ctx.Deadline()
	c.await(c.look(r, c.allIndexes(), deadline)) //nolint:contextcheck // What followers do goes on when a round has ended.
	c.mu.Lock()
	defer c.mu.Unlock()
	c.choosePrimary(r)
}

// write commits the next canary value on the primary, and begins the reads that
// look for it, or for why there is none.
func (c *Cluster) write(ctx context.Context, r *round) *batch {
	c.mu.Lock()
	i := c.primary
	r.primary = i
	node, result := c.nodes[i], &r.result.Nodes[i]
	result.Replica = nil
	now := time.Now()
	c.due, r.result.Attempted, r.result.Primary = now.Add(jittered(c.cfg.Pulse)), now, node.Name()
	c.outages.Send(now, c.commits.Patience(c.cfg.Pulse))
	bounded, giveUp := withShare(ctx, writeShare)
	defer giveUp()
	r.awaited, r.giveUp = i, giveUp
	can := node.Connected() && !result.Foreign
	if result.Foreign {
		result.recordFailure(errForeign)
	}
	c.mu.Unlock()
	if can {
		c.writeTo(bounded, r, i)
	}
	c.mu.Lock()
	if !r.answered {
		close(r.wrote)
	}
	r.answered, r.giveUp = true, nil
	c.recordOutage(r)
	written := r.result.Write != nil
	if !written { // One that fails again and again does not hold the row all the time.
		c.due = time.Now().Add(jittered(c.cfg.Pulse))
	}
	c.mu.Unlock()
	deadline, _ := ctx.Deadline()
	if !written {
		reads := c.look(r, c.allIndexes(), deadline) //nolint:contextcheck // What followers do goes on when a round has ended.
		c.letAnswer(r, reads)
		return reads
	}
	return c.seek(r, deadline) //nolint:contextcheck // As above.
}

// letAnswer lets the nodes say why a write failed, before the next one keeps the primary's connection busy again:
// no longer than an interval of the pulse, because a node that does not answer is no reason to send no beat.
func (c *Cluster) letAnswer(r *round, reads *batch) {
	c.mu.Lock()
	patience := impatience
	if c.cfg.Pulse > 0 {
		patience = min(patience, c.cfg.Pulse)
	}
	c.mu.Unlock()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-reads.done:
	case <-r.superseded:
	case <-timer.C:
	case <-c.life.Done():
	}
}

// writeTo writes to a node.
func (c *Cluster) writeTo(ctx context.Context, r *round, i int) {
	w, err := c.nodes[i].Write(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	result := &r.result.Nodes[i]
	c.recordIdentity(i, result)
	if err != nil {
		if errors.Is(context.Cause(ctx), context.Canceled) && c.life.Err() == nil {
			err = errGivenUp
		}
		result.recordFailure(err)
		return
	}
	result.Up, result.Answered, result.Row = true, true, w.Row
	result.State = verdict.State{Timeline: w.Timeline}
	r.result.Write = &w
	c.recordAcknowledgement(r.result, i)
	r.beat = c.beat
}

// errGivenUp is why a write failed that was not waited for any longer.
var errGivenUp = &Error{
	Reason: ReasonTimeout,
	Err:    errors.New("the primary did not acknowledge the canary commit, and another server of the cluster takes writes"),
}

// lookMeanwhile asks the other nodes how they are while the primary is silent, so that
// a scrape whose time is over can say so.
func (c *Cluster) lookMeanwhile(r *round) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.answered || c.closed {
		return
	}
	deadline := time.Now().Add(c.cfg.Wait + readGrace)
	reads := &batch{done: make(chan struct{})}
	for _, i := range c.otherNodes(r) {
		c.addLocked(reads, &search{round: r, index: i, wish: wish{look: true, deadline: deadline}})
	}
	r.impatient.Reset(impatienceAgain)
}

// noticeLocked has a round wait no longer for a primary that is silent, be it for a connection or for an
// acknowledgement, when it turns out that another server takes writes which did not before: one that did already
// is no reason why a commit should not take its time.
func (c *Cluster) noticeLocked(r *round) {
	next := c.bestPrimary(r)
	if next == c.primary || c.memory[next].tookWrites {
		return
	}
	if r.giveUp != nil {
		r.giveUp()
	}
	select {
	case <-r.superseded:
	default:
		close(r.superseded)
	}
}

// withShare limits ctx, which has a deadline, to the given share of the time that it has left.
func withShare(ctx context.Context, share float64) (context.Context, context.CancelFunc) {
	deadline, _ := ctx.Deadline()
	return context.WithTimeout(ctx, time.Duration(share*float64(time.Until(deadline))))
}
