package probe

import (
	"context"
	"time"
)

const (
	// eagerPhase is how long a replica is read again without a pause. Timers are no
	// finer than a millisecond, too coarse for what is visible within a few.
	eagerPhase = 25 * time.Millisecond
	// stepShare is which part of the time waited so far a pause lasts after
	// that. With the round trips on both sides of it, the moment of visibility
	// is known to a tenth of the delay.
	stepShare = 20
	// longestStep bounds the pause when a beat has been waiting for minutes.
	longestStep = 5 * time.Second
	// pulseShare is which part of the pulse's interval a pause lasts at the least while a
	// replica lacks several beats: the one that it shows next is older than the interval.
	// Nor is it less than oldestShare of the oldest one's time, up to oldestStep: a
	// replica that has been paused for hours is not read a hundred times a second.
	pulseShare  = 10
	oldestShare = 200
	oldestStep  = time.Second
)

// wish is what one search wants from the reads of a node.
type wish struct {
	// look asks for the state alone.
	look bool
	// closely has the state told with the first read, and with each after the limit.
	closely bool
	// knownStandby is true where the node has said that it is in recovery, so that the section
	// alone is enough as long as it shows the beat in time.
	knownStandby bool
	// begun is true when there has been a read, and explained when one after the limit
	// told the state.
	begun, explained bool
	// acknowledged is when the beat was, limit until when it is to be visible for the replica
	// to count as synced, and end until when it is looked for.
	acknowledged, limit, end time.Time
	// deadline is until when a read has to be back.
	deadline time.Time
}

// condition is what a follower's next step is decided by.
type condition struct {
	now    time.Time
	wishes []*wish
	// sent and returned are of the last read.
	sent, returned time.Time
	// unseen and oldest are when the newest and the oldest beat were acknowledged which the node
	// does not show; zero if there is none.
	unseen, oldest time.Time
	// goesOn is true where it is read on though nobody asks.
	goesOn bool
	// pulse is the interval of beats, 0 for none, and lateRead how long a read may take for
	// which nobody waits.
	pulse, lateRead time.Duration
}

// action is how a node is asked.
type action int

const (
	toRest    action = iota
	toPoll           // the section alone
	toRead           // the state, and then the section
	toInspect        // the same, with a closer look at what the replay waits for
)

// plan says how a node is asked next, until when the answer has to be there, and when
// it is due.
func (c condition) plan() (do action, deadline, due time.Time) {
	for _, w := range c.wishes {
		deadline = latest(deadline, w.deadline)
		do = max(do, w.next(c.now))
	}
	switch {
	case do != toRest && c.isBegun():
		return do, deadline, c.returned.Add(c.pause())
	case do != toRest:
		return do, deadline, c.now
	case !c.goesOn || c.unseen.IsZero():
		return toRest, time.Time{}, time.Time{}
	default:
		due = c.returned.Add(c.step())
		return toPoll, latest(c.now, due).Add(c.lateRead), due
	}
}

// next is how a node is to be asked for one wish: the section alone as long as the replica
// can still count as synced, and from then on its state too, because it has to be explained.
func (w *wish) next(now time.Time) action {
	switch {
	case w.look:
		return toInspect
	case !w.begun && (w.closely || !w.knownStandby):
		return toRead
	case !w.begun || now.Before(w.limit) && now.Before(w.end):
		return toPoll
	case w.closely || !w.explained:
		return toInspect
	default:
		return toPoll
	}
}

// isBegun says whether no wish waits for its first read.
func (c condition) isBegun() bool {
	for _, w := range c.wishes {
		if w.look || !w.begun {
			return false
		}
	}
	return true
}

// pause is how long after the last read the next one is made. It ends at the limit and at the
// end of each wish where it would cross them, and a read during which a limit passed
// is followed by another at once, so that one is made at the very moment for which
// the verdict is asked.
func (c condition) pause() time.Duration {
	pause := c.step()
	for _, w := range c.wishes {
		if w.sentBeforeLimit(c.sent, c.returned) {
			return 0
		}
		for _, moment := range []time.Time{w.limit, w.end} {
			if c.returned.Before(moment) {
				pause = min(pause, moment.Sub(c.returned))
			}
		}
	}
	return pause
}

// sentBeforeLimit says whether the limit passed during the last read.
func (w *wish) sentBeforeLimit(sent, returned time.Time) bool {
	return sent.Before(w.limit) && !returned.Before(w.limit)
}

// isOver says whether it was looked for long enough, when a read has come back: to the end,
// and beyond the limit, unless the end comes first, by a read that was sent after it.
func (w *wish) isOver(sent, now time.Time) bool {
	return !now.Before(w.end) && (w.end.Before(w.limit) || !sent.Before(w.limit))
}

// step is the pause by the time that the newest beat has been waiting: nothing at first,
// then a share of that.
func (c condition) step() time.Duration {
	newest := c.unseen
	for _, w := range c.wishes {
		newest = latest(newest, w.acknowledged)
	}
	waited, least := c.returned.Sub(newest), time.Duration(0)
	if c.pulse > 0 && c.oldest.Before(c.unseen) {
		least = max(c.pulse/pulseShare, min(c.returned.Sub(c.oldest)/oldestShare, oldestStep))
	}
	if waited < eagerPhase {
		return least
	}
	return max(least, min(waited/stepShare, longestStep))
}

// sleep waits for d and is false when ctx ended before.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
