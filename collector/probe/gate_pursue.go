package probe

import (
	"cmp"
	"time"
)

// What the gate has made, so that there is something new to answer by.

// pursueLocked begins what may prove what a check asks for, and returns when to do that again; the zero time
// for not before there is news.
func (c *Cluster) pursueLocked(i int, k *check, now time.Time) (again time.Time) {
	again = c.lookAtLocked(i, now, c.newestLocked(k))
	if c.isDueLocked(k, now, k.Max/gateAhead) || c.failure.err != nil {
		again = sooner(again, c.renewLocked(k, now))
	}
	// A primary that is silent is one that cannot be asked.
	if r := c.last; k.KeepDown && r != nil && !r.answered {
		again = sooner(again, latest(r.began.Add(c.silenceLocked()), now.Add(time.Millisecond)))
	}
	return again
}

// silenceLocked is how long a beat takes at the least of which the primary is silent.
func (c *Cluster) silenceLocked() time.Duration {
	return min(cmp.Or(c.commits.Patience(gateSilence), impatience), impatience)
}

// newestLocked returns when the newest beat or position was sent that can prove what a check asks for.
func (c *Cluster) newestLocked(k *check) time.Time {
	if c.byPosition(k) {
		return latest(c.beat.Sent, c.positions.Newest())
	}
	return c.beat.Sent
}

// isDueLocked says whether that was longer ago than so long.
func (c *Cluster) isDueLocked(k *check, now time.Time, age time.Duration) bool {
	return now.Sub(c.newestLocked(k)) > age
}

// renewLocked has a beat made, or a position asked for, and returns when that is possible where it is not yet.
func (c *Cluster) renewLocked(k *check, now time.Time) (again time.Time) {
	if !c.byPosition(k) {
		return c.beatSoonLocked(now)
	}
	if again = c.lookAtPrimaryLocked(now); c.failure.err != nil { // Perhaps another one takes writes.
		for other := range c.nodes {
			again = sooner(again, c.lookAtLocked(other, now, c.newestLocked(k)))
		}
	}
	return again
}

// beatSoonLocked has a beat made, which all checks share, and scrapes too. It returns when that is possible where it
// is not yet.
func (c *Cluster) beatSoonLocked(now time.Time) (again time.Time) {
	apart := c.gateApartLocked()
	if r := c.last; r != nil && !r.answered {
		return time.Time{} // That says whether the primary can be asked.
	}
	if c.closed || c.gate != nil || c.open >= most || len(c.nodes) == 0 {
		return now.Add(apart)
	}
	if r := c.scraped; r != nil && now.Before(r.began.Add(apart)) {
		return r.began.Add(apart)
	}
	r := c.beginLocked(true)
	c.running.Go(func() { c.run(r) })
	c.scraped = r
	return time.Time{}
}

// stayAwakeLocked keeps the connections from being ended as if nobody needed them, while checks are answered
// from what is known.
func (c *Cluster) stayAwakeLocked(i int, now time.Time) {
	if now.Sub(c.awake) < gateAwake || c.closed {
		return
	}
	c.awake = now
	for _, n := range []Node{c.nodes[c.primary], c.nodes[i]} {
		c.running.Go(func() { n.Prepare() })
	}
}

// sooner returns the earlier one of two times, of which the zero time is none.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
