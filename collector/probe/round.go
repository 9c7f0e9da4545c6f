package probe

import (
	"context"
	"slices"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// round is a beat and the reads that look for it: a probe, which a scrape asked for, or
// one of the pulse.
type round struct {
	began  time.Time
	before <-chan struct{} // closed when the round before it has ended
	wrote  chan struct{}   // closed when the write has been answered, or given up
	ended  chan struct{}   // closed when the result is final, and the observer knows it
	// superseded is closed when another node than the primary, which is silent, takes writes.
	superseded chan struct{}

	// The cluster's lock guards these.
	scraped   bool               // a scrape waits for it
	answered  bool               // the write has been answered, or given up
	giveUp    context.CancelFunc // has it wait no longer for the primary; nil while it does not
	awaited   int                // index of the primary that giveUp is about
	impatient *time.Timer        // until the others are asked though it has not been answered
	over      bool               // the result is final
	beat      verdict.Beat       // its own or, as long as it has none, the last one of before it
	primary   int                // index of the node that was written, or would have been
	result    *Result            // its Write is read without the lock by whoever runs the round, who alone sets it
}

// most is how many rounds may be open: more come only while the observer hangs.
const most = 64

// Probe returns what a probe saw, which it begins, or shares with other scrapes. When ctx
// ends before the probe does, that is what is known by then. The probe goes on all the
// same: others may wait for it, and no scraper decides how long it takes.
func (c *Cluster) Probe(ctx context.Context) *Result {
	c.awaitPulse(ctx)
	r := c.join(ctx)
	if r == nil {
		return c.nothing()
	}
	select {
	case <-r.ended:
		return r.result
	case <-ctx.Done():
	case <-c.life.Done():
	}
	return c.known(r)
}

// join returns the round that serves a scrape, which it begins where there is none; nil where ctx ends while that is not
// possible, and where there are no nodes.
func (c *Cluster) join(ctx context.Context) *round {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if r := c.sharedLocked(); r != nil {
			c.scraped = r
			return r
		}
		gate := c.gate
		if gate == nil {
			break
		}
		c.mu.Unlock()
		select {
		case <-gate:
		case <-ctx.Done():
		case <-c.life.Done():
		}
		c.mu.Lock()
		if ctx.Err() != nil || c.life.Err() != nil {
			return nil
		}
	}
	if len(c.nodes) == 0 {
		return nil
	}
	r := c.beginLocked(true)
	if !c.closed {
		c.running.Go(func() { c.run(r) }) //nolint:contextcheck // It goes on when the scrape has ended.
	}
	c.scraped = r
	return r
}

// nothing is the result of a probe that could not begin.
func (c *Cluster) nothing() *Result {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	r := c.newResult(now, true)
	r.Acknowledged, r.Outage.All = c.beat.Acknowledged, c.outages.Time(now)
	return r
}

// awaitPulse lets a beat of the pulse that is on its way be answered, so that a scrape has one of
// its own; unless that takes too long, as of a primary that is frozen.
func (c *Cluster) awaitPulse(ctx context.Context) {
	c.mu.Lock()
	r := c.last
	pulses := r != nil && !r.scraped && !r.answered
	c.mu.Unlock()
	if !pulses {
		return
	}
	timer := time.NewTimer(impatience - time.Since(r.began))
	defer timer.Stop()
	select {
	case <-r.wrote:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// sharedLocked returns the round that serves a scrape which comes now, nil for none: the last
// one as long as its write has not been answered, so that all that it will show is newer than the
// scrape, the pulse's only if that takes long; and the last probe that began a moment ago.
func (c *Cluster) sharedLocked() *round {
	if r := c.last; r != nil && !r.answered && (r.scraped || time.Since(r.began) >= impatience) {
		r.scraped, r.result.Scraped = true, true
		c.outages.Due(time.Now(), c.commits.Patience(max(c.cfg.MinInterval, 1)))
		return r
	}
	if r := c.scraped; r != nil && (time.Since(r.began) < c.cfg.MinInterval || c.open >= most) {
		return r
	}
	return nil
}

// beginLocked begins a round.
func (c *Cluster) beginLocked(scraped bool) *round {
	now := time.Now()
	r := &round{
		scraped: scraped, began: now, wrote: make(chan struct{}), ended: make(chan struct{}), superseded: make(chan struct{}),
		primary: c.primary, beat: c.beat,
		result: c.newResult(now, scraped),
	}
	if c.last != nil {
		r.before = c.last.ended
	}
	c.last = r
	c.open++
	return r
}

// newResult returns a result in which nothing is known yet. The lock is held.
func (c *Cluster) newResult(now time.Time, scraped bool) *Result {
	r := &Result{Started: now, Scraped: scraped, Primary: c.nodeName(c.primary), Nodes: make([]NodeResult, len(c.nodes))}
	for i, n := range c.nodes {
		r.Nodes[i].Name, r.Nodes[i].Followed = n.Name(), c.memory[i].followed
	}
	return r
}

// run runs a round from its beginning to its end.
func (c *Cluster) run(r *round) {
	growStack()
	ctx, reads, cancel := c.send(r)
	defer cancel()
	c.conclude(ctx, r, reads)
	c.finish(r)
}

// conclude waits for the reads. What the nodes said about themselves may show a better
// primary: then a beat is sent to that one too.
func (c *Cluster) conclude(ctx context.Context, r *round, reads *batch) {
	if r.result.Write != nil {
		c.await(reads) //nolint:contextcheck // What followers do goes on when a round has ended.
	} else {
		c.awaitNews(r, reads)
	}
	if c.findOther(r) {
		c.takeTurn(r)
		reads = c.write(ctx, r)
		c.endTurn()
		c.await(reads) //nolint:contextcheck // As above.
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.proveOutage(r)
	r.result.Duration = time.Since(r.began)
}

// findOther says whether what the nodes said about themselves shows a better primary than the one that was written, or was to be.
func (c *Cluster) findOther(r *round) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.proveOutage(r)
	c.choosePrimary(r)
	missed := c.missedPrimary(r)
	if missed {
		r.result.Write = nil
	}
	return missed
}

// finish settles what can be said only when all nodes have been read, in the order of
// the rounds, and tells the observer.
func (c *Cluster) finish(r *round) {
	if r.before != nil {
		<-r.before
	}
	c.mu.Lock()
	c.settle(r)
	r.over = true
	c.splitLocked(r.result)
	c.announceLocked()
	c.open--
	c.mu.Unlock()
	if c.observer != nil && c.life.Err() == nil {
		c.observer.Ended(r.result)
	}
	close(r.ended)
}

// known returns what is known of a round now.
func (c *Cluster) known(r *round) *Result {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.over { // Its nodes may be none any more.
		return r.result
	}
	known := *r.result
	known.Duration = time.Since(r.began)
	known.Acknowledged, known.Outage.All = c.beat.Acknowledged, c.outages.Time(time.Now())
	known.Nodes = slices.Clone(known.Nodes)
	for i := range known.Nodes {
		node := &known.Nodes[i]
		node.Failures = slices.Clone(node.Failures)
		if node.Replica != nil {
			node.Replica = new(*node.Replica)
		}
		for _, s := range c.followers[i].searches {
			if s.round == r {
				c.conclusion(s, node)
			}
		}
	}
	c.classify(&known, r.primary)
	return &known
}

// otherNodes returns the indexes of all nodes but the one that is written.
func (c *Cluster) otherNodes(r *round) []int {
	all := c.allIndexes()
	return append(all[:r.primary], all[r.primary+1:]...)
}
