package soakcheck

import (
	"fmt"
	"math"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
)

// claim is what is said of one beat and the pair's replica, with a name for it.
type claim struct {
	*history.Probe
	who string
}

func nameOf(p *history.Probe) string { return fmt.Sprintf("probe %d", p.Number) }

// within returns the life that a claim's span lies in; a claim that a restart
// cuts in two is counted and not compared.
func (j *judge) within(from, to history.Moment) *life {
	l := lifeOf(j.lives, from, to)
	if l == nil {
		j.cut++
	}
	return l
}

// account returns the span of all that the exporter's claim about p rests on.
func account(p *history.Probe) (from, to history.Moment) {
	from, to = *p.Acknowledged, *p.Acknowledged
	for _, m := range []*history.Moment{p.FirstSent, p.FirstReceived, p.LastStale, p.FirstFresh} {
		if m != nil {
			from, to = min(from, *m), max(to, *m)
		}
	}
	return from, to
}

func (j *judge) checkSynced(p claim, inTime, late string) {
	if p.Synced == nil {
		return
	}
	l := j.within(account(p.Probe))
	if l == nil {
		return
	}
	limit := *p.Acknowledged + j.Settings.SyncedWithin
	lastStale, firstFresh := l.runs.Bounds(*p.Capacity)
	if *p.Synced {
		j.expect(lastStale <= limit, inTime, "%s: the observer read an older value than %d %v after the limit",
			p.who, *p.Capacity, time.Duration(lastStale-limit))
		return
	}
	j.expect(firstFresh > limit, late, "%s: the observer had %d %v before the limit",
		p.who, *p.Capacity, time.Duration(limit-firstFresh))
}

func (j *judge) checkLagBytes(p claim) {
	if p.LagBytes == nil || *p.LagBytes != 0 {
		return
	}
	if p.ReplicaCapacity == nil {
		j.expect(false, checkLagBytes, "%s: no value was read", p.who)
		return
	}
	j.expect(*p.ReplicaCapacity >= *p.Capacity, checkLagBytes, "%s: the first read showed %d, not %d",
		p.who, *p.ReplicaCapacity, *p.Capacity)
	if p.FirstSent == nil || p.FirstReceived == nil {
		return
	}
	if l := j.within(*p.FirstSent, *p.FirstReceived); l != nil {
		lastStale, _ := l.runs.Bounds(*p.Capacity)
		j.expect(lastStale <= *p.FirstReceived, checkLagBytes, "%s: the observer read an older value than %d %v after the first read",
			p.who, *p.Capacity, time.Duration(lastStale-*p.FirstReceived))
	}
}

func (j *judge) checkInterval(p claim, check string) {
	if p.LastStale == nil && p.FirstFresh == nil {
		return
	}
	l := j.within(account(p.Probe))
	if l == nil {
		return
	}
	lastStale, firstFresh := l.runs.Bounds(*p.Capacity)
	if p.FirstFresh != nil {
		j.expect(lastStale <= *p.FirstFresh, check, "%s: the observer read an older value than %d %v after the first fresh read",
			p.who, *p.Capacity, time.Duration(lastStale-*p.FirstFresh))
	}
	if p.LastStale != nil {
		j.expect(firstFresh >= *p.LastStale, check, "%s: the observer had %d %v before the last stale read",
			p.who, *p.Capacity, time.Duration(*p.LastStale-firstFresh))
	}
}

func (j *judge) checkLagSeconds(p claim) {
	if p.LagSeconds == nil {
		return
	}
	lag := time.Duration(math.Round(*p.LagSeconds * float64(time.Second)))
	if p.FirstFresh != nil {
		want := time.Duration(*p.FirstFresh - *p.Acknowledged)
		j.expect((lag-want).Abs() <= rounding, checkLagFresh, "%s: %v, not %v", p.who, lag, want)
		return
	}
	if p.LastStale == nil || p.Ended == nil {
		j.expect(false, checkLagFresh, "%s: %v without a read", p.who, lag)
		return
	}
	from, to := account(p.Probe)
	l := j.within(from, max(to, *p.Ended))
	if l == nil {
		return
	}
	// The last stale read was answered at some moment until the probe's end.
	low, _, known := l.runs.ShownAt(*p.LastStale)
	_, high, knownToo := l.runs.ShownAt(*p.Ended)
	if !known || !knownToo {
		return
	}
	longest, ok := j.waitingAt(low, *p.LastStale)
	shortest, okToo := j.waitingAt(high, *p.LastStale)
	if !ok || !okToo {
		return
	}
	j.expect(lag >= shortest-lagTolerance && lag <= longest+lagTolerance, checkLagBehind,
		"%s: %v, but the observer's reads leave %v to %v", p.who, lag, shortest, longest)
}
