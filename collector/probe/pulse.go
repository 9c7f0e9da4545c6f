package probe

import (
	"context"
	"math/rand/v2"
	"time"
)

// beatLocked begins the pulse, where there is to be one and there is none.
func (c *Cluster) beatLocked() {
	if c.started && !c.pulsing && !c.closed && c.cfg.Pulse > 0 && len(c.nodes) > 0 {
		ctx, cancel := context.WithCancel(c.life)
		c.pulsing, c.stopPulse = true, cancel
		c.running.Go(func() {
			defer cancel()
			c.pulse(ctx)
		})
	}
}

// pulse sends beats between the scrapes, until the nodes are exchanged. A beat that is slow delays the next one, and
// its reads delay nothing.
func (c *Cluster) pulse(life context.Context) { //nolint:contextcheck // A beat that has begun is ended, whatever becomes of the pulse.
	for c.awaitBeat(life) {
		c.mu.Lock()
		if c.closed || c.gate != nil {
			c.mu.Unlock()
			break
		}
		r := c.beginLocked(false)
		c.mu.Unlock()
		ctx, reads, cancel := c.send(r)
		c.goOrRun(func() {
			defer cancel()
			c.conclude(ctx, r, reads)
			c.finish(r)
		})
	}
	c.mu.Lock()
	c.pulsing = false
	if c.gate == nil { // It was a change that could not be made.
		c.beatLocked() //nolint:contextcheck // It is another one.
	}
	c.mu.Unlock()
	c.tellRested()
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
// place of; false when the pulse has ended before.
func (c *Cluster) awaitBeat(life context.Context) bool {
	for {
		c.mu.Lock()
		pause := time.Until(c.due)
		if c.open >= most {
			pause = max(pause, c.cfg.Pulse)
		}
		c.mu.Unlock()
		if pause <= 0 {
			return life.Err() == nil
		}
		if !sleep(life, pause) {
			return false
		}
	}
}

// jittered returns nine to eleven tenths of an interval, so that beats keep no step with
// anything else that comes at intervals.
func jittered(interval time.Duration) time.Duration {
	return interval*9/10 + time.Duration(rand.Int64N(int64(interval/5)+1)) //nolint:gosec // It is no secret.
}
