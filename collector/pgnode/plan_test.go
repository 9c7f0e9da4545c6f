package pgnode

import (
	"testing"
	"time"
)

func TestPlan(t *testing.T) {
	t.Parallel()
	now := together(time.Now())
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	in := now.Add
	never := time.Time{}
	// connected is a connection that is used every second and was made a minute ago.
	connected := condition{
		now: now, demanded: ago(time.Second), connected: true, idleSince: ago(time.Second), checked: never,
		expires: in(4 * time.Minute), room: true,
	}
	lost := condition{now: now, demanded: ago(time.Second), room: true}
	// resting is connected, and was last wanted an hour ago, which is when it is ended.
	resting := connected
	resting.demanded, resting.rest, resting.idleSince, resting.checked = ago(time.Hour), time.Hour, ago(time.Hour), ago(time.Second)
	with := func(c condition, change func(*condition)) condition {
		change(&c)
		return c
	}
	for _, test := range []struct {
		situation string
		is        condition
		do        action
		next      time.Time
	}{
		{"nothing yet, and nobody asked", condition{now: now, room: true}, toRest, never},
		{"in good order", connected, toRest, in(time.Second)},
		{"idle for long", with(connected, func(c *condition) { c.idleSince = ago(2 * time.Second) }), toCheck, never},
		{"idle, but in use", with(connected, func(c *condition) { c.idleSince, c.busy = ago(time.Hour), true }), toRest, in(checkInterval)},
		{"idle, and just looked at", with(connected, func(c *condition) { c.idleSince, c.checked = ago(time.Hour), ago(time.Second) }), toRest, in(time.Second)},
		{"due before it is looked at", with(connected, func(c *condition) { c.expires = in(100 * time.Millisecond) }), toRest, in(100 * time.Millisecond)},
		{"due, before it is looked at, after a failure", with(connected, func(c *condition) {
			c.expires, c.redial = in(100*time.Millisecond), in(200*time.Millisecond)
		}), toRest, in(200 * time.Millisecond)},
		{"due", with(connected, func(c *condition) { c.expires = now }), toDial, never},
		{"due, and being renewed", with(connected, func(c *condition) { c.expires, c.dialing = now, true }), toRest, in(time.Second)},
		{"due, and the next one is ready", with(connected, func(c *condition) { c.expires, c.renewed = now, true }), toRest, in(time.Second)},
		{"due, without room", with(connected, func(c *condition) { c.expires, c.room = now, false }), toRest, in(time.Second)},
		{"due, and the last attempt failed", with(connected, func(c *condition) { c.expires, c.redial = now, in(100*time.Millisecond) }), toRest, in(100 * time.Millisecond)},
		{"due in use", with(connected, func(c *condition) { c.expires, c.busy = now, true }), toDial, never},
		{"lost", lost, toDial, never},
		{"lost, and an attempt is being made", with(lost, func(c *condition) { c.dialing = true }), toRest, never},
		{"lost, and the last attempt failed", with(lost, func(c *condition) { c.redial = in(time.Second) }), toRest, in(time.Second)},
		{"lost, without room", with(lost, func(c *condition) { c.room = false }), toRest, never},
		{"lost, and the next one is ready", with(lost, func(c *condition) { c.renewed = true }), toRest, never},
		{"lost, and nobody scrapes", with(lost, func(c *condition) { c.demanded = ago(demandMemory) }), toRest, never},
		{"lent, in use every second", with(connected, func(c *condition) { c.lent = true }), toRest, in(time.Second)},
		{"lent and idle", with(connected, func(c *condition) { c.lent, c.idleSince = true, ago(lentIdle) }), toGiveBack, never},
		{"lent and idle, but in use", with(connected, func(c *condition) { c.lent, c.busy, c.idleSince = true, true, ago(lentIdle) }), toRest, in(checkInterval)},
		{"lent and idle, in a probe that waits for the commit", with(connected, func(c *condition) {
			c.lent, c.idleSince, c.reserved = true, ago(lentIdle), in(3*time.Second)
		}), toRest, in(3 * time.Second)},
		{"lent, and not used by the last probe", with(connected, func(c *condition) {
			c.lent, c.idleSince, c.reserved = true, ago(lentIdle), now
		}), toGiveBack, never},
		{"lent, and due", with(connected, func(c *condition) { c.lent, c.expires = true, now }), toRest, in(time.Second)},
		{"not wanted for long", resting, toGiveBack, never},
		{"not wanted for long, but in use", with(resting, func(c *condition) { c.busy = true }), toRest, in(checkInterval)},
		{"not wanted for long, in use and due", with(resting, func(c *condition) { c.busy, c.expires = true, now }), toRest, in(checkInterval)},
		{"not wanted for long, and the next one is ready", with(resting, func(c *condition) { c.renewed = true }), toGiveBack, never},
		{"not wanted for long, and only the next one is there", with(resting, func(c *condition) { c.connected, c.renewed = false, true }), toGiveBack, never},
		{"not wanted for long, and lost", with(resting, func(c *condition) { c.connected = false }), toRest, never},
		{"not wanted for long, in a probe that is slower still", with(resting, func(c *condition) { c.reserved = in(time.Second) }), toRest, in(time.Second)},
		{"soon not wanted for long", with(resting, func(c *condition) { c.rest += time.Millisecond }), toRest, in(time.Millisecond)},
		{"soon not wanted for long, and due", with(resting, func(c *condition) { c.rest, c.expires = c.rest+time.Millisecond, now }), toDial, never},
		{"not wanted for half as long", with(resting, func(c *condition) { c.rest *= 2 }), toRest, in(time.Second)},
		{"lost, and soon not wanted for long", with(lost, func(c *condition) {
			c.rest, c.redial = time.Minute, in(2*time.Minute)
		}), toRest, in(2 * time.Minute)},
		{"lent, and given back", with(lost, func(c *condition) { c.lent = true }), toRest, never},
	} {
		do, next := test.is.plan()
		if do != test.do || !next.Equal(test.next) {
			t.Errorf("%s: %v at %v, want %v at %v", test.situation, do, next.Sub(now), test.do, test.next.Sub(now))
		}
	}
}

// TestChecksFallTogether: those that are due within a while of each other are at the same moment.
func TestChecksFallTogether(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_700_000_000, 0)
	for after, want := range map[time.Duration]time.Duration{
		0: 0, 1: checkTogether, checkTogether - 1: checkTogether, checkTogether: checkTogether, checkTogether + 1: 2 * checkTogether,
	} {
		if got := together(at.Add(after)); !got.Equal(at.Add(want)) {
			t.Errorf("after %v: %v, want %v", after, got.Sub(at), want)
		}
	}
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		failures       int
		shortest, most time.Duration
	}{
		{1, 187500 * time.Microsecond, 312500 * time.Microsecond},
		{2, 375 * time.Millisecond, 625 * time.Millisecond},
		{3, 750 * time.Millisecond, 1250 * time.Millisecond},
		{7, 11250 * time.Millisecond, 18750 * time.Millisecond},
		{1_000_000, 11250 * time.Millisecond, 18750 * time.Millisecond},
	} {
		if low, high := backoff(test.failures, 0), backoff(test.failures, 1); low != test.shortest || high != test.most {
			t.Errorf("after %d failures: %v to %v, want %v to %v", test.failures, low, high, test.shortest, test.most)
		}
	}
}

func TestPatience(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		situation string
		took      time.Duration
		failed    bool
		want      time.Duration
	}{
		{"the first attempt", 0, false, 0},
		{"a near one", 5 * time.Millisecond, false, leastPatience},
		{"a far one", 700 * time.Millisecond, false, 2100 * time.Millisecond},
		{"after a failure", 5 * time.Millisecond, true, 0},
	} {
		if got := patience(test.took, test.failed); got != test.want {
			t.Errorf("%s: %v, want %v", test.situation, got, test.want)
		}
	}
}
