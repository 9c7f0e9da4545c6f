package probe

import (
	"testing"
	"time"
)

// TestPauseKeepsTheErrorSmall walks through a wait of ten seconds with a round trip
// of 0.2 ms and timers that are up to 1.1 ms late.
func TestPauseKeepsTheErrorSmall(t *testing.T) {
	const roundTrip, late = 200 * time.Microsecond, 1100 * time.Microsecond
	start := time.Now()
	limit, end := start.Add(100*time.Millisecond), start.Add(10*time.Second)
	now, sent, reads := start, start, 0
	for ; now.Before(end); reads++ {
		if d := pauseBeforeReread(now, sent, start, limit, end); d > 0 {
			now = now.Add(d + late)
		}
		next := now
		now = now.Add(roundTrip)
		waited := now.Sub(start)
		if width := now.Sub(sent); width > max(time.Millisecond, waited/10) {
			t.Errorf("after %v the moment is known to %v only", waited, width)
		}
		sent = next
	}
	if reads > 400 {
		t.Errorf("%d reads in ten seconds", reads)
	}
}

func TestPauseEndsAtTheVerdict(t *testing.T) {
	start := time.Now()
	limit, end := start.Add(100*time.Millisecond), start.Add(time.Second)
	if got, want := pauseBeforeReread(start.Add(98*time.Millisecond), start, start, limit, end), 2*time.Millisecond; got != want {
		t.Errorf("the pause before the limit is %v, want %v", got, want)
	}
	if got, want := pauseBeforeReread(start.Add(990*time.Millisecond), start.Add(900*time.Millisecond), start, limit, end), 10*time.Millisecond; got != want {
		t.Errorf("the pause before the end is %v, want %v", got, want)
	}
	justBefore, justAfter := limit.Add(-time.Microsecond), limit.Add(time.Microsecond)
	if got := pauseBeforeReread(justAfter, justBefore, start, limit, end); got != 0 {
		t.Errorf("the pause after a read during which the limit passed is %v, want none", got)
	}
	if got := pauseBeforeReread(justAfter, limit, start, limit, end); got == 0 {
		t.Error("no pause after a read at the limit")
	}
}
