package history

import (
	"math"
	"sort"
)

// The ends of time: what a bound is when no read sets one.
const (
	Always = Moment(math.MinInt64)
	Never  = Moment(math.MaxInt64)
)

// Sightings are what an observer saw of a value that never goes back, in the
// order of time.
type Sightings []Seen

// Bounds returns when the last read that did not show k was sent, and when the
// first one that did had come back: k became visible between the two.
func (s Sightings) Bounds(k int64) (lastStale, firstFresh Moment) {
	lastStale, firstFresh = Always, Never
	fresh := sort.Search(len(s), func(i int) bool { return s[i].Value >= k })
	if fresh > 0 {
		lastStale = s[fresh-1].Last.Sent
	}
	if fresh < len(s) {
		firstFresh = s[fresh].First.Received
	}
	return lastStale, firstFresh
}

// ShownAt returns between which values the one lies that was shown at a moment;
// known is false where there is no read on both sides of it.
func (s Sightings) ShownAt(at Moment) (low, high int64, known bool) {
	// The last read that was back by then bounds it from below, the first one
	// that was sent after it from above.
	before := sort.Search(len(s), func(i int) bool { return s[i].First.Received > at }) - 1
	after := sort.Search(len(s), func(i int) bool { return s[i].Last.Sent >= at })
	if before < 0 || after == len(s) {
		return 0, 0, false
	}
	return s[before].Value, s[after].Value, true
}
