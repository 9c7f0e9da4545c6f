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
)

// pauseBeforeReread returns how long to wait at now before the next read, when the last one
// was sent at sent: nothing at first, then a share of the time since the
// acknowledgement. The pause ends at the limit and at the end where it would
// cross them, and a read during which the limit passed is followed by another
// at once, so that one is made at the very moment for which the verdict is asked.
func pauseBeforeReread(now, sent, acknowledged, limit, end time.Time) time.Duration {
	waited := now.Sub(acknowledged)
	if waited < eagerPhase || (sent.Before(limit) && !now.Before(limit)) {
		return 0
	}
	step := waited / stepShare
	if now.Before(limit) {
		step = min(step, limit.Sub(now))
	}
	return min(step, end.Sub(now))
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
