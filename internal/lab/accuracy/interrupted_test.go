//go:build unix

package accuracy

import (
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/exporter"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/observer"
)

func TestOutageOf(t *testing.T) {
	t.Parallel()
	writes := []observer.Write{
		{Sent: 0, Answered: 2 * ms},
		{Sent: 20 * ms, Answered: 220 * ms}, // One before the interruption.
		{Sent: 300 * ms, Answered: 301 * ms},
		{Sent: 320 * ms, Answered: 620 * ms},
		{Sent: 621 * ms, Answered: 622 * ms},
		{Sent: 640 * ms, Answered: 642 * ms, Failed: true},
		{Sent: 660 * ms, Answered: 662 * ms},
	}
	o := outageOf(writes, 310*ms)
	if want := (outage{observed: 322 * ms, least: 200 * ms, most: 361 * ms}); o != want {
		t.Errorf("observed were %+v, want %+v", o, want)
	}
	for counted, want := range map[time.Duration]struct{ difference, off time.Duration }{
		322 * ms: {0, 0}, 200 * ms: {122 * ms, 0}, 150 * ms: {172 * ms, 50 * ms}, 400 * ms: {78 * ms, 39 * ms},
	} {
		o.counted = counted
		if o.difference() != want.difference || o.off() != want.off {
			t.Errorf("%v counted: a difference of %v, off by %v; want %+v", counted, o.difference(), o.off(), want)
		}
	}
}

func TestLateness(t *testing.T) {
	t.Parallel()
	began := time.Now()
	at := began.Add
	quick := func(sent time.Duration) exporter.Beat {
		return exporter.Beat{Attempted: at(sent), Acknowledged: at(sent + ms)}
	}
	for _, test := range []struct {
		situation string
		beats     []exporter.Beat
		want      time.Duration
	}{
		{"none", nil, 0},
		{"in time", []exporter.Beat{quick(0), quick(90 * ms), quick(200 * ms)}, 0},
		{"two late", []exporter.Beat{quick(0), quick(150 * ms), quick(251 * ms), quick(371 * ms)}, 50 * ms},
		{"one before it began", []exporter.Beat{quick(-200 * ms), quick(-1 * ms), quick(50 * ms)}, 0},
		{"one waited for the write before it", []exporter.Beat{{Attempted: at(0), Acknowledged: at(300 * ms)}, quick(301 * ms)}, 0},
		{"one failed at once", []exporter.Beat{{Attempted: at(0), Ended: at(2 * ms)}, quick(300 * ms)}, 190 * ms},
		{"one failed late", []exporter.Beat{{Attempted: at(0), Ended: at(200 * ms)}, quick(300 * ms)}, 0},
	} {
		if got := lateness(test.beats, began, pulseLongest); got != test.want {
			t.Errorf("%s: late by %v, want %v", test.situation, got, test.want)
		}
	}
}
