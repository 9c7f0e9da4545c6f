//go:build unix

package accuracy

import (
	"fmt"
	"sort"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/observer"
)

// application is what is known of an application when it has ended: its writes, all of them
// acknowledged, and what the replica showed of them. Both ends of every write and read are
// known, so what it missed at a moment is known to lie between two bounds.
type application struct {
	writes []observer.Write
	seen   history.Sightings
}

// sentFrom returns the first write that was sent at a moment or later; false for none.
func (a application) sentFrom(at history.Moment) (observer.Write, bool) {
	i := sort.Search(len(a.writes), func(i int) bool { return a.writes[i].Sent >= at })
	if i == len(a.writes) {
		return observer.Write{}, false
	}
	return a.writes[i], true
}

// acknowledgedBefore returns the last write that was acknowledged before a moment.
func (a application) acknowledgedBefore(at history.Moment) (observer.Write, bool) {
	i := sort.Search(len(a.writes), func(i int) bool { return a.writes[i].Answered >= at })
	if i == 0 {
		return observer.Write{}, false
	}
	return a.writes[i-1], true
}

// age returns how long the first write above a number had been acknowledged at a moment,
// 0 where it had not.
func (a application) age(shown int64, at history.Moment) time.Duration {
	i := sort.Search(len(a.writes), func(i int) bool { return a.writes[i].Number > shown })
	if i == len(a.writes) {
		return 0
	}
	return max(0, time.Duration(at-a.writes[i].Answered))
}

// lag returns between what the age lay, at a moment, of the oldest acknowledged write that
// the replica did not show.
func (a application) lag(at history.Moment) (least, most time.Duration) {
	oldest, newest, _ := a.seen.ShownAt(at)
	return a.age(newest, at), a.age(oldest, at)
}

// said is what the exporter said in one probe of what a replica misses, and the moments
// of which it is true.
type said struct {
	capacity int64
	// lag and bound are lag_seconds and staleness_bound_seconds.
	lag, bound time.Duration
	// acknowledged is when the canary was, lastStale when the last read was sent that did not
	// show it, [history.Always] for none, and decided when the read came back that decided.
	acknowledged, lastStale, decided history.Moment
	fresh                            bool
}

// unseenSince is since when, by lag_seconds, something that was acknowledged then was not
// shown; true at lastStale. Where the replica came to show the canary that is the canary itself.
func (s said) unseenSince() history.Moment {
	if s.fresh {
		return s.acknowledged
	}
	return s.lastStale - history.Moment(s.lag)
}

// fromBelow holds lag_seconds against the application: what that sent when the oldest canary which the
// replica did not show was acknowledged, or later, comes after it in the WAL, so the replica did not
// show it either. compared is false where there was nothing of the kind, or no stale read.
func (a application) fromBelow(s said) (compared bool, violation string) {
	if s.lastStale == history.Always {
		return false, ""
	}
	w, ok := a.sentFrom(s.unseenSince())
	if !ok || w.Answered >= s.lastStale {
		return false, ""
	}
	if _, shown := a.seen.Bounds(w.Number); shown < s.lastStale {
		least, most := a.lag(s.lastStale)
		return true, fmt.Sprintf("canary %d: a lag of %v, of which %v are surely the application's, which missed between %v and %v",
			s.capacity, s.lag, time.Duration(s.lastStale-w.Answered), least, most)
	}
	return true, ""
}

// fromAbove holds staleness_bound_seconds against it: no acknowledged write is missed that is older.
func (a application) fromAbove(s said) (compared bool, violation string) {
	w, ok := a.acknowledgedBefore(s.decided - history.Moment(s.bound))
	if !ok {
		return false, ""
	}
	if missed, _ := a.seen.Bounds(w.Number); missed >= s.decided {
		least, most := a.lag(s.decided)
		return true, fmt.Sprintf("canary %d: a bound of %v, and the application missed between %v and %v",
			s.capacity, s.bound, least, most)
	}
	return true, ""
}

// late is how late a replica was, by what an application saw of it.
type late struct {
	// least and most are what its writes and the observer's reads leave for that.
	least, most time.Duration
	// open is what the exporter's own reads and canaries leave open: lag_seconds may be off by so much.
	open time.Duration
}

// late returns how late the replica was that lag_seconds tells of. known is false where the observer
// did not look.
func (a application) late(s said) (l late, known bool) {
	if s.fresh {
		return a.delayOf(s)
	}
	// The read that was sent at lastStale showed the replica at some moment up to its return.
	before, _, known := a.seen.ShownAt(s.lastStale)
	_, after, knownToo := a.seen.ShownAt(s.decided)
	shown, ok := a.number(before)
	return late{
		least: a.age(after, s.lastStale),
		most:  time.Duration(s.lastStale - shown.Sent),
		// From sending the newest canary that it showed to the acknowledgement of the next one.
		open: s.bound - s.lag - time.Duration(s.decided-s.lastStale),
	}, known && knownToo && ok
}

// delayOf returns how long the canary took to be shown. It lies in the WAL between the writes
// that were acknowledged before it was sent and those that were sent after its acknowledgement.
func (a application) delayOf(s said) (l late, known bool) {
	before, ok := a.acknowledgedBefore(s.decided - history.Moment(s.bound))
	after, okToo := a.sentFrom(s.acknowledged)
	lastStale, _ := a.seen.Bounds(before.Number)
	_, firstFresh := a.seen.Bounds(after.Number)
	return late{
		least: max(0, time.Duration(lastStale-s.acknowledged)),
		most:  max(0, time.Duration(firstFresh-s.acknowledged)),
		open:  time.Duration(s.decided - max(s.lastStale, s.acknowledged)),
	}, ok && okToo && lastStale != history.Always && firstFresh != history.Never
}

// off returns how far a lag is from all that is left for it.
func (l late) off(lag time.Duration) time.Duration { return max(0, l.least-lag, lag-l.most) }

// number returns the write of a number.
func (a application) number(number int64) (observer.Write, bool) {
	i := sort.Search(len(a.writes), func(i int) bool { return a.writes[i].Number >= number })
	if i == len(a.writes) || a.writes[i].Number != number {
		return observer.Write{}, false
	}
	return a.writes[i], true
}
