package status

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pg-canary/pg_canary_exporter/collector"
)

func TestStrip(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	written := collector.Beat{At: at, Written: true}
	mark := func(o collector.Outcome, delay time.Duration) collector.Mark {
		return collector.Mark{Outcome: o, Delay: delay}
	}
	beats := []collector.Beat{{At: at}, written, written, written, written, written, written}
	marks := []collector.Mark{
		mark(collector.OutcomeNone, -1), mark(collector.OutcomeNone, -1), mark(collector.OutcomeSynced, time.Millisecond),
		mark(collector.OutcomeLate, 10*time.Second), mark(collector.OutcomeLate, -1), mark(collector.OutcomeUnknown, -1), mark(collector.OutcomeUnknown, time.Second),
	}
	got := NewStrip(beats, marks)
	const tall = StripHeight - 6
	want := Strip{
		Text: "Last 6 beats: 1 synced, 2 late, 2 unknown, 1 not acknowledged; the slowest was shown after 10 s",
		Bars: []Bar{
			{"unwritten", 558, 66, 4, 6, "03:04:05: not acknowledged"},
			{"synced", 570, 56, 4, 16, "03:04:05: synced after 1 ms"},
			{"late", 576, 6, 4, tall, "03:04:05: late, shown after 10 s"},
			{"unseen", 582, 6, 4, tall, "03:04:05: late, and not seen since"},
			{"unknown", 588, 54, 4, 18, "03:04:05: unknown"},
			{"unknown", 594, 54, 4, 18, "03:04:05: shown after 1 s, perhaps in time"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if none := NewStrip(nil, nil); none.Text != "No beat yet" || len(none.Bars) != 0 {
		t.Errorf("%+v", none)
	}
}

// TestBarsGrow with the delay, by the same for each tenfold, and stay within the picture.
func TestBarsGrow(t *testing.T) {
	before := 0
	for _, d := range []time.Duration{0, 100 * time.Microsecond, time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond, time.Second, 10 * time.Second, time.Hour} {
		h := barHeight(d)
		if h < before || h < leastBar || h > mostBar {
			t.Errorf("%v is %d high, after %d", d, h, before)
		}
		before = h
	}
	if step := barHeight(time.Second) - barHeight(100*time.Millisecond); step < 12 || step > 13 {
		t.Errorf("a tenfold is %d", step)
	}
}
