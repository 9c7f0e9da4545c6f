package drill

import (
	"fmt"
	"strings"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

// liveCells is how many cells the bar of a second has.
const liveCells = 25

// Live makes the lines that are shown while a drill runs. Like the recorder it has no clock.
type Live struct {
	// Colour says whether to use those of terminals.
	Colour bool

	every  time.Duration
	usual  commits
	recent []shownBeat
}

// shownBeat is what a line needs of a beat.
type shownBeat struct {
	beat
	fate Fate
	lag  time.Duration // the worst of the replicas
}

// NewLive returns one for beats that are sent every so often.
func NewLive(interval time.Duration, colour bool) *Live {
	return &Live{every: interval, Colour: colour}
}

// Ended takes the result of the next beat.
func (l *Live) Ended(r *probe.Result) {
	for _, b := range beatsOf(r) {
		known := len(l.usual.took) > 0 // What is usual, the first one tells.
		shown := shownBeat{beat: b, fate: fateOf(b, b.took() > l.usual.patience(l.every) && (known || !b.acknowledged))}
		if b.acknowledged {
			l.usual.add(b.took())
			shown.lag = worstLag(r)
		}
		l.recent = append(l.recent, shown)
	}
}

// worstLag is that of the replicas.
func worstLag(r *probe.Result) time.Duration {
	var worst time.Duration
	for _, node := range r.Replicas() {
		if replica := node.Replica; replica.Lag != nil && replica.IsOne() {
			worst = max(worst, *replica.Lag)
		}
	}
	return worst
}

// Line returns the line of the second that begins at a moment, and forgets what lies before it.
// waits is since when a beat has been waiting, zero where none is known to.
func (l *Live) Line(from, waits time.Time) string {
	end := from.Add(time.Second)
	for len(l.recent) > 1 && !l.recent[1].sent.After(from) { // The last before it may last.
		l.recent = l.recent[1:]
	}
	var counts Counts
	var worst time.Duration
	node := ""
	for _, b := range l.recent {
		if !b.sent.Before(end) {
			break
		}
		node = b.node
		if b.ended.Before(from) || !b.ended.Before(end) {
			continue // It is one of another second.
		}
		worst = max(worst, b.lag)
		switch {
		case b.acknowledged:
			counts.Acknowledged++
		case b.fate == Refused:
			counts.Refused++
		default:
			counts.GivenUp++
		}
	}
	return l.format(from, l.bar(from, end, waits), counts, node, worst)
}

func (l *Live) format(from time.Time, bar string, counts Counts, node string, worst time.Duration) string {
	text := fmt.Sprintf("%s  %s  %3d ok", from.UTC().Format("15:04:05"), bar, counts.Acknowledged)
	if counts.Refused > 0 {
		text += fmt.Sprintf("  %d refused", counts.Refused)
	}
	if counts.GivenUp > 0 {
		text += fmt.Sprintf("  %d given up", counts.GivenUp)
	}
	text += "  " + node
	if counts.Acknowledged > 0 {
		text += "  lag " + lag(worst)
	}
	return text
}

// liveWeight says what wins where a cell of a bar has several.
var liveWeight = map[Fate]int{Acknowledged: 1, Waiting: 2, Refused: 3}

// bar draws a second.
func (l *Live) bar(from, end, waits time.Time) string {
	const step = time.Second / liveCells
	cells := make([]Fate, liveCells)
	mark := func(fate Fate, begin, finish time.Time) {
		first, last := int(begin.Sub(from)/step), int((finish.Sub(from)-1)/step)
		for i := max(first, 0); i <= min(last, liveCells-1) && begin.Before(end) && finish.After(from); i++ {
			if liveWeight[fate] > liveWeight[cells[i]] {
				cells[i] = fate
			}
		}
	}
	for i, b := range l.recent {
		// A beat stands for the time until the next one.
		until := b.ended
		if i+1 < len(l.recent) {
			until = l.recent[i+1].sent
		} else if waits.IsZero() {
			until = end
		}
		if until.Before(b.ended) {
			until = b.ended
		}
		mark(b.fate, b.sent, until)
	}
	if !waits.IsZero() {
		mark(Waiting, waits, end)
	}
	var bar strings.Builder
	for _, fate := range cells {
		bar.WriteString(l.cell(fate))
	}
	return bar.String()
}

// colours are those of terminals: green, red, yellow.
var colours = map[Fate]string{Acknowledged: "\x1b[32m", Refused: "\x1b[31m", Waiting: "\x1b[33m"}

func (l *Live) cell(fate Fate) string {
	glyph, known := fateGlyphs[fate]
	switch {
	case !known:
		return " "
	case l.Colour:
		return colours[fate] + glyph + "\x1b[0m"
	default:
		return glyph
	}
}

// EventLine is the line of an event.
func EventLine(e Event) string { return clock(e.At) + "  " + e.String() }
