package pgnode

import "time"

const (
	// checkInterval is how often an idle connection is looked at, so that one that was
	// cut is replaced before a probe needs it.
	checkInterval = 2 * time.Second
	// checkTogether is between moments at which all that are due are looked at: waking up costs
	// more than looking.
	checkTogether = 100 * time.Millisecond
	// demandMemory is how long after the last probe a broken connection is still
	// replaced: where nobody scrapes, nobody needs it.
	demandMemory = 10 * time.Minute
	// firstBackoff and longestBackoff bound the pause after an attempt that failed; it
	// doubles with each. A probe that comes meanwhile does not wait for its end.
	firstBackoff   = 250 * time.Millisecond
	longestBackoff = 15 * time.Second
)

// condition is how a node's connection stands at a moment.
type condition struct {
	now time.Time
	// demanded is when a probe last wanted the connection, and rest after how long without
	// that it is ended; 0 for never.
	demanded time.Time
	rest     time.Duration
	// connected is true while there is a session, and busy while something uses it.
	connected, busy bool
	// idleSince is when it was last used, and checked when it was last looked at.
	idleSince, checked time.Time
	// reserved is until when a probe may still come to use it that has begun, and has not yet.
	reserved time.Time
	// expires is when it is to be renewed; the zero time where there is none.
	expires time.Time
	// renewed is true when the next one is ready, and dialing while one is being made.
	renewed, dialing bool
	// room says whether one more connection is within the limit.
	room bool
	// lent is true for a connection that goes back when it is idle: a pooler's, and one
	// that each probe makes anew.
	lent bool
	// redial is when the next attempt may be made without a probe that wants it.
	redial time.Time
}

// action is what is to be done about a connection.
type action int

const (
	toRest action = iota
	toDial
	toCheck
	toGiveBack
)

// plan says what is to be done, and if that is nothing, when to ask again: the zero
// time for not before something else changes.
func (c condition) plan() (do action, next time.Time) {
	if c.connected && c.lent {
		return c.at(!c.busy, later(c.idleSince.Add(lentIdle), c.reserved), toGiveBack)
	}
	if do, next = c.planRest(); do != toRest || c.forgotten() {
		return do, next
	}
	// A lent connection is made when a probe asks for it, not before.
	wanted := !c.renewed
	if !c.connected {
		wanted = wanted && !c.lent && c.now.Sub(c.demanded) < demandMemory
	}
	if wanted && !c.dialing && c.room {
		do, dial := c.at(true, later(c.expires, c.redial), toDial)
		if do != toRest {
			return do, dial
		}
		next = sooner(next, dial)
	}
	if !c.connected {
		return toRest, next
	}
	do, look := c.at(!c.busy, together(later(c.idleSince, c.checked).Add(checkInterval)), toCheck)
	if do != toRest {
		return do, look
	}
	return toRest, sooner(next, look)
}

// planRest is plan as far as connections are to be ended that no probe has wanted for long.
func (c condition) planRest() (do action, next time.Time) {
	if c.rest == 0 || !c.connected && !c.renewed {
		return toRest, time.Time{}
	}
	return c.at(!c.busy, later(c.demanded.Add(c.rest), c.reserved), toGiveBack)
}

// forgotten says whether no probe has wanted the connection for so long that there is to be none.
func (c condition) forgotten() bool { return c.rest > 0 && c.now.Sub(c.demanded) >= c.rest }

// at returns the action if it is possible and its time has come, else when to ask again.
func (c condition) at(possible bool, when time.Time, do action) (action, time.Time) {
	switch {
	case !possible:
		return toRest, c.now.Add(checkInterval)
	case c.now.Before(when):
		return toRest, when
	default:
		return do, time.Time{}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// together returns the next of the moments at which connections are looked at.
func together(t time.Time) time.Time {
	past := time.Duration(t.UnixNano()) % checkTogether
	return t.Add((checkTogether - past) % checkTogether)
}

// sooner returns the earlier one of two times, of which the zero time is none.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// backoff returns the pause after so many failures in a row. chance is a random number
// from 0 to 1: exporters that lost a server together do not come back together.
func backoff(failures int, chance float64) time.Duration {
	pause := longestBackoff
	if doublings := failures - 1; doublings < 10 {
		pause = min(firstBackoff<<max(doublings, 0), longestBackoff)
	}
	return jittered(pause, chance)
}

// jittered returns three quarters to five quarters of a duration.
func jittered(d time.Duration, chance float64) time.Duration {
	return d*3/4 + time.Duration(chance*float64(d)/2)
}

// patience returns how long a probe waits before its beat for a connection that is being
// made, when the last one took so long. One after a failure is not waited for: a node
// that does not answer holds up nobody.
func patience(took time.Duration, failed bool) time.Duration {
	if failed || took <= 0 {
		return 0
	}
	return max(3*took, leastPatience)
}

// leastPatience is what a busy machine may take for what takes a few milliseconds on
// an idle one.
const leastPatience = 100 * time.Millisecond
