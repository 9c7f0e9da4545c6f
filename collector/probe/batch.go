package probe

import (
	"time"
)

// batch are the searches of a round that it waits for together.
type batch struct {
	open int
	done chan struct{} // closed when none is open
	own  *follower     // that runs on the goroutine of whoever waits; nil for none
}

// leave says that a search of it has ended.
func (b *batch) leave() {
	if b.open--; b.open == 0 {
		close(b.done)
	}
}

// seek begins to look for the beat of a round, which has to end by a deadline, on the nodes
// that it was not written on.
func (c *Cluster) seek(r *round, deadline time.Time) *batch {
	c.mu.Lock()
	defer c.mu.Unlock()
	reads := &batch{done: make(chan struct{})}
	beat := r.beat
	w := wish{
		closely: r.scraped, acknowledged: beat.Acknowledged,
		limit: beat.Acknowledged.Add(c.cfg.SyncedWithin), end: beat.Acknowledged.Add(c.cfg.Wait),
	}
	// Who does not answer at all does not hold up the scrape to its end.
	w.deadline = earliest(w.end.Add(readGrace), deadline)
	w.end = earliest(w.end, deadline.Add(-answerReserve))
	if !r.scraped {
		w.end = w.limit
	}
	for _, i := range c.otherNodes(r) {
		s := &search{round: r, index: i, wish: w, beat: beat, before: c.memory[i]}
		s.knownStandby = s.before.stateOf(r.result.Nodes[i].Server).InRecovery
		s.look = r.result.Nodes[i].Foreign
		s.Late = !c.nodes[i].Connected()
		r.result.Nodes[i].Replica = unreachable()
		c.addLocked(reads, s)
	}
	c.endIfEmpty(reads)
	return reads
}

// look begins to ask the nodes how they are, when there is no beat to look for, by a deadline.
func (c *Cluster) look(r *round, nodes []int, deadline time.Time) *batch {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	soon := earliest(now.Add(c.cfg.Wait+readGrace), deadline)
	reads := &batch{done: make(chan struct{})}
	for _, i := range nodes {
		if i != r.primary {
			result := &r.result.Nodes[i]
			result.Replica = unreachable()
			if result.Up { // It has answered in this probe.
				result.Replica.State = ""
			}
		}
		if now.Before(deadline) {
			c.addLocked(reads, &search{round: r, index: i, wish: wish{look: true, deadline: soon}})
		}
	}
	c.endIfEmpty(reads)
	return reads
}

func (c *Cluster) endIfEmpty(reads *batch) {
	if reads.open == 0 {
		close(reads.done)
	}
}

// addLocked gives a follower something to do. If nobody works for it, and the batch has
// none of its own yet, that will be whoever waits for the batch, which spares a pair
// its only switch between goroutines.
func (c *Cluster) addLocked(reads *batch, s *search) {
	f := c.followers[s.index]
	s.batch, s.asked = reads, time.Now()
	reads.open++
	f.searches = append(f.searches, s)
	if s.Late {
		f.blind, f.looking = time.Now(), false
	}
	if f.running {
		f.wake()
		return
	}
	f.running = true
	if s.round.answered && !s.look && reads.own == nil {
		reads.own = f
		return
	}
	c.running.Go(func() { c.follow(f, nil) })
}

// await waits until the searches of a batch have ended, and works for its own follower.
func (c *Cluster) await(reads *batch) {
	if reads.own != nil {
		c.follow(reads.own, reads)
	}
	<-reads.done
}

// awaitNews waits for the reads of a round that was not written. When another node is found to take
// writes, the silent one has only a while left to say more.
func (c *Cluster) awaitNews(r *round, reads *batch) {
	select {
	case <-reads.done:
		return
	case <-r.superseded:
	}
	timer := time.NewTimer(impatience)
	defer timer.Stop()
	select {
	case <-reads.done:
	case <-timer.C:
	}
}
