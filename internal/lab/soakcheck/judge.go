package soakcheck

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
)

const (
	// lagTolerance is what lag_seconds of a replica that is behind may be off.
	lagTolerance = 50 * time.Millisecond
	// rounding is what a float64 of seconds may be off.
	rounding = time.Microsecond
)

// The checks, by the names under which they are reported.
const (
	checkSynced1   = "synced 1 is not contradicted"
	checkSynced0   = "synced 0 is not contradicted"
	checkLagBytes  = "lag_bytes 0 beside a fresh read only"
	checkOverlap   = "the intervals overlap"
	checkLagFresh  = "lag_seconds of a replica that shows it"
	checkLagBehind = "lag_seconds of a replica that is behind"
	checkWritten   = "written values and positions grow"
	checkObserved  = "the observer's reads never go back"
	checkExported  = "the exporter's reads never go back"
	checkCausal    = "nobody sees a canary before it was sent"

	checkLines      = "what servers show fits their branches"
	checkHeld       = "who acknowledged a beat has it"
	checkLineSynced = "synced 1 on the primary's line only"
	checkLineFresh  = "a fresh read on the primary's line only"
	checkLineLate   = "synced 0 of what was not there in time"
	checkAncestor   = "diverged is no ancestor"
	checkLeft       = "who has left is diverged"
	checkTimeline   = "primary_timeline is the writer's"
	checkPrimaries  = "primaries counts those that take writes"
	checkSplit      = "primaries of a split brain"
	checkChanges    = "primary_changes_total by one a takeover"
	checkLost       = "lost_writes_total is what is lost"
	checkRisk       = "at risk is what only another primary has"
	checkLogged     = "the log counts what the counters count"
)

var checkNames = []string{
	checkSynced1, checkSynced0, checkLagBytes, checkOverlap, checkLagFresh, checkLagBehind,
	checkWritten, checkObserved, checkExported, checkCausal,
}

// lineCheckNames are those of failovers.
var lineCheckNames = []string{
	checkLines, checkHeld, checkLineSynced, checkLineFresh, checkLineLate, checkAncestor, checkLeft,
	checkTimeline, checkPrimaries, checkSplit, checkChanges, checkLost, checkRisk, checkLogged,
}

// verdict is the outcome of one check.
type verdict struct {
	compared   int
	violations []string
}

// judge is a history that is being checked.
type judge struct {
	*history.History
	lives []life
	// acknowledged are the probes with an acknowledgement, in their order.
	acknowledged []*history.Probe
	verdicts     map[string]*verdict
	// cut counts the claims that a restart cut in two.
	cut int
	// Of failovers: exact counts the scrapes in which it is known what is lost, and
	// lost what was published as such.
	graph       *graph
	exact, lost int64
}

// names returns the checks that a history has to stand.
func (j *judge) names() []string {
	if j.Settings.Failovers == 0 {
		return checkNames
	}
	return slices.Concat(checkNames, lineCheckNames)
}

// examine runs all checks.
func examine(h *history.History) *judge {
	j := &judge{History: h, lives: lives(h), verdicts: map[string]*verdict{}}
	for _, name := range j.names() {
		j.verdicts[name] = &verdict{}
	}
	for i := range h.Probes {
		if p := &h.Probes[i]; p.Acknowledged != nil && p.Sent != nil && p.Capacity != nil {
			j.acknowledged = append(j.acknowledged, p)
		}
	}
	j.checkOrder()
	for _, p := range j.acknowledged {
		j.checkSynced(p)
		j.checkLagBytes(p)
		j.checkInterval(p)
		j.checkLagSeconds(p)
	}
	if h.Settings.Failovers > 0 {
		j.checkFailovers()
	}
	return j
}

// checkFailovers runs the checks of what was said of changing primaries.
func (j *judge) checkFailovers() {
	j.graph = newGraph(j.History)
	j.checkLines()
	for i := range j.Scrapes {
		j.checkScrape(&j.Scrapes[i])
	}
	j.checkCounters()
}

// expect counts a comparison, and notes a violation when it does not hold.
func (j *judge) expect(holds bool, check, format string, args ...any) {
	v := j.verdicts[check]
	v.compared++
	if !holds {
		v.violations = append(v.violations, fmt.Sprintf(format, args...))
	}
}

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

func (j *judge) checkSynced(p *history.Probe) {
	if p.Synced == nil {
		return
	}
	l := j.within(account(p))
	if l == nil {
		return
	}
	limit := *p.Acknowledged + j.Settings.SyncedWithin
	lastStale, firstFresh := l.runs.Bounds(*p.Capacity)
	if *p.Synced {
		j.expect(lastStale <= limit, checkSynced1, "probe %d: the observer read an older value than %d %v after the limit",
			p.Number, *p.Capacity, time.Duration(lastStale-limit))
		return
	}
	j.expect(firstFresh > limit, checkSynced0, "probe %d: the observer had %d %v before the limit",
		p.Number, *p.Capacity, time.Duration(limit-firstFresh))
}

func (j *judge) checkLagBytes(p *history.Probe) {
	if p.LagBytes == nil || *p.LagBytes != 0 {
		return
	}
	if p.ReplicaCapacity == nil {
		j.expect(false, checkLagBytes, "probe %d: no value was read", p.Number)
		return
	}
	j.expect(*p.ReplicaCapacity >= *p.Capacity, checkLagBytes, "probe %d: the first read showed %d, not %d",
		p.Number, *p.ReplicaCapacity, *p.Capacity)
	if p.FirstSent == nil || p.FirstReceived == nil {
		return
	}
	if l := j.within(*p.FirstSent, *p.FirstReceived); l != nil {
		lastStale, _ := l.runs.Bounds(*p.Capacity)
		j.expect(lastStale <= *p.FirstReceived, checkLagBytes, "probe %d: the observer read an older value than %d %v after the first read",
			p.Number, *p.Capacity, time.Duration(lastStale-*p.FirstReceived))
	}
}

func (j *judge) checkInterval(p *history.Probe) {
	if p.LastStale == nil && p.FirstFresh == nil {
		return
	}
	l := j.within(account(p))
	if l == nil {
		return
	}
	lastStale, firstFresh := l.runs.Bounds(*p.Capacity)
	if p.FirstFresh != nil {
		j.expect(lastStale <= *p.FirstFresh, checkOverlap, "probe %d: the observer read an older value than %d %v after the first fresh read",
			p.Number, *p.Capacity, time.Duration(lastStale-*p.FirstFresh))
	}
	if p.LastStale != nil {
		j.expect(firstFresh >= *p.LastStale, checkOverlap, "probe %d: the observer had %d %v before the last stale read",
			p.Number, *p.Capacity, time.Duration(*p.LastStale-firstFresh))
	}
}

func (j *judge) checkLagSeconds(p *history.Probe) {
	if p.LagSeconds == nil {
		return
	}
	lag := time.Duration(math.Round(*p.LagSeconds * float64(time.Second)))
	if p.FirstFresh != nil {
		want := time.Duration(*p.FirstFresh - *p.Acknowledged)
		j.expect((lag-want).Abs() <= rounding, checkLagFresh, "probe %d: %v, not %v", p.Number, lag, want)
		return
	}
	if p.LastStale == nil || p.Ended == nil {
		j.expect(false, checkLagFresh, "probe %d: %v without a read", p.Number, lag)
		return
	}
	from, to := account(p)
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
	longest, ok := j.waiting(low, p)
	shortest, okToo := j.waiting(high, p)
	if !ok || !okToo {
		return
	}
	j.expect(lag >= shortest-lagTolerance && lag <= longest+lagTolerance, checkLagBehind,
		"probe %d: %v, but the observer's reads leave %v to %v", p.Number, lag, shortest, longest)
}

// waiting returns how long the oldest canary above a value had been waiting
// when p's last stale read was sent.
func (j *judge) waiting(value int64, p *history.Probe) (time.Duration, bool) {
	i := sort.Search(len(j.acknowledged), func(i int) bool { return *j.acknowledged[i].Capacity > value })
	if i == len(j.acknowledged) || *j.acknowledged[i].Acknowledged > *p.LastStale {
		return 0, true // Nothing was waiting.
	}
	return time.Duration(*p.LastStale - *j.acknowledged[i].Acknowledged), i > 0
}
