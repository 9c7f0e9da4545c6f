package soakcheck

import (
	"math"
	"sort"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
)

// duration returns a number of seconds.
func duration(seconds float64) time.Duration {
	return time.Duration(math.Round(seconds * float64(time.Second)))
}

// checkBound checks what a probe says of the pair's replica: how old what it shows is at
// the most, how many beats it does not show, and how long the oldest of these has been waiting.
func (j *judge) checkBound(p claim) {
	j.checkOwnBound(p)
	j.checkUnseen(p)
	if p.Ended == nil || p.Decided == nil {
		return
	}
	from, to := account(p.Probe)
	l := j.within(from, max(to, *p.Ended))
	if l == nil {
		return
	}
	// What is not shown when the probe has ended was not shown before either.
	if _, high, known := l.runs.ShownAt(*p.Ended); known && p.Bound != nil {
		if truth, ok := j.waitingAt(high, *p.Decided); ok && truth > 0 {
			j.expect(duration(*p.Bound) >= truth-rounding, checkBoundTruth, "%s: %v, but what the observer read misses a beat of %v before",
				p.who, duration(*p.Bound), truth)
		}
	}
	if p.LastStale == nil || p.LagSeconds == nil || p.FirstFresh != nil {
		return
	}
	if low, _, known := l.runs.ShownAt(*p.LastStale); known {
		if truth, ok := j.waitingAt(low, *p.LastStale); ok {
			j.expect(duration(*p.LagSeconds) <= truth+rounding, checkLagTruth, "%s: %v, but the observer's reads leave %v", p.who, duration(*p.LagSeconds), truth)
		}
	}
}

// checkOwnBound compares the bound with the exporter's own account of its reads: it is the age of
// the newest beat that is shown when the read came back that decided.
func (j *judge) checkOwnBound(p claim) {
	if p.Bound == nil {
		return
	}
	if p.Decided == nil || p.ReplicaCapacity == nil {
		j.expect(false, checkBoundOwn, "%s: %v without a read", p.who, duration(*p.Bound))
		return
	}
	sent := *p.Sent
	if p.FirstFresh == nil {
		i := sort.Search(len(j.beats), func(i int) bool { return *j.beats[i].Capacity > *p.ReplicaCapacity }) - 1
		if i < 0 {
			return // It is older than the history.
		}
		sent = *j.beats[i].Sent
	}
	bound, want := duration(*p.Bound), time.Duration(*p.Decided-sent)
	j.expect((bound-want).Abs() <= rounding, checkBoundOwn, "%s: %v, not %v, of a replica that shows %d", p.who, bound, want, *p.ReplicaCapacity)
}

// checkUnseen counts the beats that were acknowledged and not shown.
func (j *judge) checkUnseen(p claim) {
	if p.Unseen == nil {
		return
	}
	if p.FirstFresh != nil {
		j.expect(*p.Unseen == 0, checkUnseen, "%s: %d of a replica that shows the newest", p.who, *p.Unseen)
		return
	}
	if p.LastStale == nil || p.Ended == nil || p.ReplicaCapacity == nil {
		j.expect(false, checkUnseen, "%s: %d without a read", p.who, *p.Unseen)
		return
	}
	if len(j.beats) == 0 {
		return
	}
	shown := sort.Search(len(j.beats), func(i int) bool { return *j.beats[i].Capacity > *p.ReplicaCapacity })
	by := func(at history.Moment) int64 {
		return int64(sort.Search(len(j.beats), func(i int) bool { return *j.beats[i].Acknowledged > at }) - shown)
	}
	least, most := by(*p.Acknowledged), by(*p.Ended) // It may not have taken note of later ones yet.
	if last := j.beats[len(j.beats)-1]; last.Started < *p.Ended {
		most = math.MaxInt64 // The exporter was stopped before it told of all beats by then.
	}
	j.expect(*p.Unseen >= least && *p.Unseen <= most, checkUnseen, "%s: %d, not %d to %d", p.who, *p.Unseen, least, most)
}

// waitingAt returns how long the oldest beat above a value had been waiting at a moment, 0 where none was.
func (j *judge) waitingAt(value int64, at history.Moment) (time.Duration, bool) {
	i := sort.Search(len(j.beats), func(i int) bool { return *j.beats[i].Capacity > value })
	if i == len(j.beats) || *j.beats[i].Acknowledged > at {
		return 0, true // Nothing was waiting.
	}
	return time.Duration(at - *j.beats[i].Acknowledged), i > 0
}
