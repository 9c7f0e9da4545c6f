package probe

import (
	"testing"
	"time"
)

// TestPauseKeepsTheErrorSmall walks through a wait of ten seconds with a round trip
// of 0.2 ms and timers that are up to 1.1 ms late.
func TestPauseKeepsTheErrorSmall(t *testing.T) {
	t.Parallel()
	const roundTrip, late = 200 * time.Microsecond, 1100 * time.Microsecond
	start := time.Now()
	w := &wish{begun: true, closely: true, acknowledged: start, limit: start.Add(100 * time.Millisecond), end: start.Add(10 * time.Second)}
	c := condition{wishes: []*wish{w}, sent: start, returned: start}
	reads := 0
	for ; c.returned.Before(w.end); reads++ {
		sent, before := c.returned, c.sent
		if d := c.pause(); d > 0 {
			sent = sent.Add(d + late)
		}
		returned := sent.Add(roundTrip)
		waited := returned.Sub(start)
		if width := returned.Sub(before); width > max(3*time.Millisecond, waited/10) {
			t.Errorf("after %v the moment is known to %v only", waited, width)
		}
		c.sent, c.returned = sent, returned
	}
	if reads > 400 {
		t.Errorf("%d reads in ten seconds", reads)
	}
}

func TestPauseEndsAtTheVerdict(t *testing.T) {
	t.Parallel()
	start := time.Now()
	at := start.Add
	const limit = 100 * time.Millisecond
	w := &wish{begun: true, acknowledged: start, limit: at(limit), end: at(time.Second)}
	for _, test := range []struct {
		situation      string
		sent, returned time.Duration
		want           time.Duration
	}{
		{"before the limit", 97 * time.Millisecond, 98 * time.Millisecond, 2 * time.Millisecond},
		{"before the end", 900 * time.Millisecond, 990 * time.Millisecond, 10 * time.Millisecond},
		{"the limit passed during the read", limit - 1, limit + 1, 0},
		{"it was sent at the limit", limit, limit + 1, (limit + 1) / stepShare},
	} {
		c := condition{wishes: []*wish{w}, sent: at(test.sent), returned: at(test.returned)}
		if got := c.pause(); got != test.want {
			t.Errorf("%s: the pause is %v, want %v", test.situation, got, test.want)
		}
	}
}

// TestStep goes by the newest beat, and not below a tenth of the pulse for those before it.
func TestStep(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, test := range []struct {
		situation      string
		newest, oldest time.Duration // how long they have been waiting
		pulse          time.Duration
		want           time.Duration
	}{
		{"at first", 10 * time.Millisecond, 10 * time.Millisecond, 0, 0},
		{"then", 200 * time.Millisecond, 200 * time.Millisecond, 0, 10 * time.Millisecond},
		{"a minute", time.Minute, time.Minute, 0, 3 * time.Second},
		{"ten minutes", 10 * time.Minute, 10 * time.Minute, 0, longestStep},
		{"several, without a pulse", 10 * time.Millisecond, time.Hour, 0, 0},
		{"several, with a pulse", 10 * time.Millisecond, time.Second, 100 * time.Millisecond, 10 * time.Millisecond},
		{"several, with a slow pulse", 900 * time.Millisecond, 3 * time.Second, time.Second, 100 * time.Millisecond},
		{"one, with a pulse", 90 * time.Millisecond, 90 * time.Millisecond, 100 * time.Millisecond, 4500 * time.Microsecond},
		{"a minute's, with a pulse", 90 * time.Millisecond, time.Minute, 100 * time.Millisecond, 300 * time.Millisecond},
		{"an hour's, with a pulse", 90 * time.Millisecond, time.Hour, 100 * time.Millisecond, oldestStep},
	} {
		c := condition{returned: now, unseen: now.Add(-test.newest), oldest: now.Add(-test.oldest), pulse: test.pulse}
		if got := c.step(); got != test.want {
			t.Errorf("%s: %v, want %v", test.situation, got, test.want)
		}
	}
}

func TestPlan(t *testing.T) {
	t.Parallel()
	now := time.Now()
	at := now.Add
	// A beat that was acknowledged 50 ms ago, or 500 ms.
	early := func(change func(*wish)) *wish {
		w := &wish{acknowledged: at(-50 * time.Millisecond), limit: at(50 * time.Millisecond), end: at(950 * time.Millisecond), deadline: at(1450 * time.Millisecond)}
		change(w)
		return w
	}
	late := func(change func(*wish)) *wish {
		w := &wish{acknowledged: at(-500 * time.Millisecond), limit: at(-400 * time.Millisecond), end: at(500 * time.Millisecond), deadline: at(time.Second)}
		change(w)
		return w
	}
	closely := func(w *wish) { w.closely = true }
	begun := func(w *wish) { w.closely, w.begun = true, true }
	pulses := func(w *wish) { w.knownStandby = true }
	pulsesOn := func(w *wish) { w.knownStandby, w.begun = true, true }
	explained := func(w *wish) { w.knownStandby, w.begun, w.explained = true, true, true }
	look := &wish{look: true, deadline: at(3 * time.Second)}
	for _, test := range []struct {
		situation string
		c         condition
		do        action
		due       time.Duration // from now
		deadline  time.Duration
	}{
		{"nothing", condition{}, toRest, 0, 0},
		{"a look", condition{wishes: []*wish{look}}, toInspect, 0, 3 * time.Second},
		{"the first read of a probe", condition{wishes: []*wish{early(closely)}}, toRead, 0, 1450 * time.Millisecond},
		{"the next, in time", condition{wishes: []*wish{early(begun)}}, toPoll, 2500 * time.Microsecond, 1450 * time.Millisecond},
		{"the next, too late", condition{wishes: []*wish{late(begun)}}, toInspect, 25 * time.Millisecond, time.Second},
		{"the first of the pulse", condition{wishes: []*wish{early(pulses)}}, toPoll, 0, 1450 * time.Millisecond},
		{"of a node that has not said that it is a standby", condition{wishes: []*wish{early(func(*wish) {})}}, toRead, 0, 1450 * time.Millisecond},
		{"the pulse's after the limit", condition{wishes: []*wish{late(pulsesOn)}}, toInspect, 25 * time.Millisecond, time.Second},
		{"it is explained", condition{wishes: []*wish{late(explained)}}, toPoll, 25 * time.Millisecond, time.Second},
		{"a new beat beside one that waits", condition{wishes: []*wish{late(explained), early(pulses)}}, toPoll, 0, 1450 * time.Millisecond},
		{"a probe's beside one of the pulse that waits", condition{wishes: []*wish{late(explained), early(closely)}}, toRead, 0, 1450 * time.Millisecond},
		{"nobody asks, and nothing is unseen", condition{goesOn: true}, toRest, 0, 0},
		{"nobody asks, and a beat is unseen", condition{goesOn: true, unseen: at(-time.Second), lateRead: time.Second}, toPoll, 50 * time.Millisecond, 1050 * time.Millisecond},
		{"it cannot be read", condition{unseen: at(-time.Second)}, toRest, 0, 0},
	} {
		test.c.now, test.c.returned, test.c.sent = now, now, now
		do, deadline, due := test.c.plan()
		if do != test.do {
			t.Errorf("%s: action %d, want %d", test.situation, do, test.do)
		}
		if do != toRest && (!due.Equal(at(test.due)) || !deadline.Equal(at(test.deadline))) {
			t.Errorf("%s: due in %v within %v, want %v within %v", test.situation, due.Sub(now), deadline.Sub(now), test.due, test.deadline)
		}
	}
}
