package soakcheck

import (
	"fmt"
	"slices"
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

	checkPulseSynced1 = "a beat of the pulse in time"
	checkPulseSynced0 = "a beat of the pulse that is late"
	checkPulseOverlap = "the intervals of the pulse's beats overlap"

	checkBoundOwn    = "staleness_bound_seconds is of the newest beat shown"
	checkBoundTruth  = "staleness_bound_seconds is never below the truth"
	checkLagTruth    = "lag_seconds is never above the truth"
	checkUnseen      = "unseen_beats counts what is not shown"
	checkAccount     = "every beat is accounted for"
	checkCommits     = "commit_duration_seconds counts each beat once"
	checkVerdicts    = "verdicts_total counts each beat once"
	checkProved      = "verdicts_total is what the reads prove"
	checkDelays      = "each delay is counted once"
	checkVisible     = "what was seen was visible"
	checkHistogram   = "visibility_delay_seconds is the delays"
	checkOutages     = "outages begin and end with the beats"
	checkOutageCount = "write_outages_total counts the outages"
	checkOutageTime  = "write_outage_seconds_total is their time"

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
	checkLineBound  = "the bound on the primary's line"
	checkLineLag    = "the lag on the primary's line"
)

var checkNames = []string{
	checkSynced1, checkSynced0, checkLagBytes, checkOverlap, checkLagFresh, checkLagBehind,
	checkWritten, checkObserved, checkExported, checkCausal,
	checkBoundOwn, checkBoundTruth, checkLagTruth, checkUnseen, checkAccount, checkCommits, checkVerdicts, checkProved,
	checkDelays, checkVisible, checkHistogram, checkOutages, checkOutageCount, checkOutageTime,
}

// pulseCheckNames are those of beats between scrapes.
var pulseCheckNames = []string{checkPulseSynced1, checkPulseSynced0, checkPulseOverlap}

// lineCheckNames are those of failovers.
var lineCheckNames = []string{
	checkLines, checkHeld, checkLineSynced, checkLineFresh, checkLineLate, checkAncestor, checkLeft,
	checkTimeline, checkPrimaries, checkSplit, checkChanges, checkLost, checkRisk, checkLogged, checkLineBound, checkLineLag,
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
	// acknowledged are the probes of the pair with an acknowledgement, in their order.
	acknowledged []claim
	// runs are those of all exporters, and beats the acknowledged ones of the pair.
	runs     map[history.Source]*run
	beats    []*history.Beat
	verdicts map[string]*verdict
	// cut counts the claims that a restart cut in two.
	cut int
	// Of failovers: exact counts the beats with which it is known what is lost, and
	// lost what was logged as such.
	graph       *graph
	exact, lost int64
}

// names returns the checks that a history has to stand.
func (j *judge) names() []string {
	names := slices.Clone(checkNames)
	if j.Settings.Pulse > 0 {
		names = append(names, pulseCheckNames...)
	}
	if j.Settings.Failovers > 0 {
		names = append(names, lineCheckNames...)
	}
	return names
}

// examine runs all checks.
func examine(h *history.History) *judge {
	j := &judge{History: h, lives: lives(h), verdicts: map[string]*verdict{}, runs: runsOf(h)}
	for _, name := range slices.Concat(checkNames, pulseCheckNames, lineCheckNames) {
		j.verdicts[name] = &verdict{}
	}
	for i := range h.Probes {
		if p := &h.Probes[i]; p.Acknowledged != nil && p.Sent != nil && p.Capacity != nil {
			j.acknowledged = append(j.acknowledged, claim{p, nameOf(p)})
		}
	}
	if pair := j.runs[history.Source{}]; pair != nil {
		j.beats = pair.acknowledged
	}
	if h.Settings.Failovers > 0 {
		j.graph = newGraph(j.History)
	}
	j.checkOrder()
	for _, p := range j.acknowledged {
		j.checkSynced(p, checkSynced1, checkSynced0)
		j.checkLagBytes(p)
		j.checkInterval(p, checkOverlap)
		j.checkLagSeconds(p)
		j.checkBound(p)
	}
	for _, b := range j.beats {
		if !b.Scraped {
			j.checkPulse(b)
		}
	}
	j.checkRuns()
	if h.Settings.Failovers > 0 {
		j.checkFailovers()
	}
	return j
}

// checkPulse checks a beat of the pulse: of what is counted of it, the reads are all that is known.
func (j *judge) checkPulse(b *history.Beat) {
	for _, reads := range b.Reads {
		p := claim{&history.Probe{
			Capacity: b.Capacity, Sent: b.Sent, Acknowledged: b.Acknowledged, Reads: reads, Synced: proved(b, reads, j.Settings.SyncedWithin),
		}, fmt.Sprintf("beat %d", b.Number)}
		j.checkSynced(p, checkPulseSynced1, checkPulseSynced0)
		j.checkInterval(p, checkPulseOverlap)
	}
}

// checkFailovers runs the checks of what was said of changing primaries.
func (j *judge) checkFailovers() {
	j.checkLines()
	for i := range j.Scrapes {
		j.checkScrape(&j.Scrapes[i])
	}
	for i := range j.Beats {
		if b := &j.Beats[i]; b.Exporter != "" && !b.Scraped {
			j.checkBeat(b)
		}
	}
	for _, r := range j.runs {
		if r.Exporter != "" {
			j.checkCounters(r)
		}
	}
}

// expect counts a comparison, and notes a violation when it does not hold.
func (j *judge) expect(holds bool, check, format string, args ...any) {
	v := j.verdicts[check]
	v.compared++
	if !holds {
		v.violations = append(v.violations, fmt.Sprintf(format, args...))
	}
}
