package probe

import (
	"math/rand/v2"
	"time"
)

// pulse sends beats between the scrapes. A beat that is slow delays the next one, and
// its reads delay nothing.
func (c *Cluster) pulse() {
	for c.awaitBeat() {
		c.mu.Lock()
		if c.closed {
			c.mu.Unlock()
			return
		}
		r := c.beginLocked(false)
		c.mu.Unlock()
		ctx, reads, cancel := c.send(r)
		c.goOrRun(func() {
			defer cancel()
			c.conclude(ctx, r, reads)
			c.finish(r)
		})
		c.awaitPrimary(r)
	}
}

// awaitPrimary waits until a beat that failed has found out whether the primary is another one now, but no
// longer than an interval: a node that does not answer that is no reason to send none.
func (c *Cluster) awaitPrimary(r *round) {
	c.mu.Lock()
	written := r.result.Write != nil
	c.mu.Unlock()
	if written {
		return
	}
	timer := time.NewTimer(c.cfg.Pulse)
	defer timer.Stop()
	select {
	case <-r.ended:
	case <-timer.C:
	case <-c.life.Done():
	}
}

// goOrRun runs a function in the background, or at once when the cluster is being closed.
func (c *Cluster) goOrRun(do func()) {
	c.mu.Lock()
	closed := c.closed
	if !closed {
		c.running.Go(do)
	}
	c.mu.Unlock()
	if closed {
		do()
	}
}

// awaitBeat waits until the next beat of the pulse is due, which a scrape's may have taken the
// place of; false when the cluster was closed before.
func (c *Cluster) awaitBeat() bool {
	for {
		c.mu.Lock()
		pause := time.Until(c.due)
		if c.open >= most {
			pause = max(pause, c.cfg.Pulse)
		}
		c.mu.Unlock()
		if pause <= 0 {
			return c.life.Err() == nil
		}
		if !sleep(c.life, pause) {
			return false
		}
	}
}

// jittered returns nine to eleven tenths of an interval, so that beats keep no step with
// anything else that comes at intervals.
func jittered(interval time.Duration) time.Duration {
	return interval*9/10 + time.Duration(rand.Int64N(int64(interval/5)+1)) //nolint:gosec // It is no secret.
}
