package status

import (
	"fmt"
	"math"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector"
)

// The picture of a strip, in its own units: each beat has a column of so much, and bars are so high.
const (
	stripColumn = 6
	StripHeight = 72
	StripWidth  = stripColumn * collector.MostBeats
	barWidth    = 4
	leastBar    = 4
	mostBar     = StripHeight - 6
)

// The delays that the least and the highest bar stand for.
const (
	leastDelay = 100 * time.Microsecond
	mostDelay  = 10 * time.Second
)

// Strip is the last beats of a replica, as a picture.
type Strip struct {
	Bars []Bar
	// Text says the same in words.
	Text string
}

// Bar is a beat in the picture. Kind tells shapes apart: synced, late, unseen (late, and nobody saw when it was shown), unknown,
// unwritten.
type Bar struct {
	Kind          string
	X, Y          int
	Width, Height int
	Title         string
}

// NewStrip draws the last beats of a replica, the newest at the right.
func NewStrip(beats []collector.Beat, marks []collector.Mark) Strip {
	var strip Strip
	count := map[string]int{}
	slowest := time.Duration(-1)
	for i, beat := range beats {
		mark := collector.Mark{Delay: -1}
		if i < len(marks) {
			mark = marks[i]
		}
		bar := newBar(beat, mark)
		if bar.Kind == "" {
			continue
		}
		count[bar.Kind]++
		slowest = max(slowest, mark.Delay)
		bar.X = (collector.MostBeats - len(beats) + i) * stripColumn
		strip.Bars = append(strip.Bars, bar)
	}
	strip.Text = stripText(len(strip.Bars), count, slowest)
	return strip
}

func stripText(beats int, count map[string]int, slowest time.Duration) string {
	if beats == 0 {
		return "No beat yet"
	}
	text := fmt.Sprintf("Last %d beats: %d synced, %d late, %d unknown", beats, count["synced"], count["late"]+count["unseen"], count["unknown"])
	if beats == 1 {
		text = fmt.Sprintf("One beat so far: %d synced, %d late, %d unknown", count["synced"], count["late"]+count["unseen"], count["unknown"])
	}
	if n := count["unwritten"]; n > 0 {
		text += fmt.Sprintf(", %d not acknowledged", n)
	}
	if slowest >= 0 {
		text += "; the slowest was shown after " + Span(slowest)
	}
	return text
}

// newBar returns the bar of a beat, at no place; without a kind where there is none.
func newBar(beat collector.Beat, mark collector.Mark) Bar {
	at := beat.At.UTC().Format(time.TimeOnly)
	bar := Bar{Width: barWidth}
	switch {
	case !beat.Written:
		bar.Kind, bar.Height, bar.Title = "unwritten", leastBar+2, at+": not acknowledged"
	case mark.Outcome == collector.OutcomeNone:
		return Bar{}
	case mark.Outcome == collector.OutcomeUnknown:
		bar.Kind, bar.Height, bar.Title = "unknown", StripHeight/4, at+": unknown"
		if mark.Delay >= 0 {
			bar.Title = at + ": shown after " + Span(mark.Delay) + ", perhaps in time"
		}
	case mark.Outcome == collector.OutcomeLate && mark.Delay < 0:
		bar.Kind, bar.Height, bar.Title = "unseen", mostBar, at+": late, and not seen since"
	case mark.Outcome == collector.OutcomeLate:
		bar.Kind, bar.Height, bar.Title = "late", barHeight(mark.Delay), at+": late, shown after "+Span(mark.Delay)
	default:
		bar.Kind, bar.Height, bar.Title = "synced", barHeight(mark.Delay), at+": synced"
		if mark.Delay >= 0 {
			bar.Title += " after " + Span(mark.Delay)
		}
	}
	bar.Y = StripHeight - bar.Height
	return bar
}

// barHeight grows by the same for each tenfold of the delay.
func barHeight(delay time.Duration) int {
	if delay <= leastDelay {
		return leastBar
	}
	share := math.Log(float64(delay)/float64(leastDelay)) / math.Log(float64(mostDelay)/float64(leastDelay))
	return leastBar + int(math.Round(min(share, 1)*(mostBar-leastBar)))
}
