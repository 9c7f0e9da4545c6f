package verdict_test

import (
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

func TestOutages(t *testing.T) {
	t.Parallel()
	type beat struct {
		at   float64 // sent, or acknowledged, in seconds
		how  int
		took float64 // until it was acknowledged
	}
	const acknowledged, failed, unknown, waiting, proved = 0, 1, 2, 3, 4
	for _, test := range []struct {
		situation string
		beats     []beat
		now       float64
		count     int64
		lasted    time.Duration // all of them, by now
		last      time.Duration // what the last beat ended
	}{
		{"no beat", nil, 10, 0, 0, 0},
		{"all are acknowledged", []beat{{at: 1, how: acknowledged}, {at: 2, how: acknowledged}}, 10, 0, 0, 0},
		{"one fails, and it lasts", []beat{{at: 1, how: acknowledged}, {at: 2, how: failed}}, 10, 1, 8 * time.Second, 0},
		{"the first fails", []beat{{at: 1, how: failed}}, 2, 1, time.Second, 0},
		{"several fail in a row", []beat{{at: 1, how: failed}, {at: 2, how: failed}, {at: 3, how: failed}}, 5, 1, 4 * time.Second, 0},
		{"one ends", []beat{{at: 1, how: failed}, {at: 2, how: failed}, {at: 4, how: acknowledged}}, 10, 1, 3 * time.Second, 3 * time.Second},
		{"another begins", []beat{{at: 1, how: failed}, {at: 4, how: acknowledged}, {at: 6, how: failed}}, 10, 2, 7 * time.Second, 0},
		{"and ends", []beat{{at: 1, how: failed}, {at: 4, how: acknowledged}, {at: 6, how: failed}, {at: 6.5, how: acknowledged}}, 10, 2, 3500 * time.Millisecond, 500 * time.Millisecond},
		{"the connection is made in time", []beat{{at: 1, how: acknowledged}, {at: 2, how: unknown}, {at: 3, how: acknowledged}}, 10, 0, 0, 0},
		{"the connection is being made, and fails", []beat{{at: 1, how: acknowledged}, {at: 2, how: unknown}, {at: 3, how: unknown}, {at: 4, how: failed}, {at: 6, how: acknowledged}}, 10, 1, 4 * time.Second, 4 * time.Second},
		{"it fails, is being made, and fails", []beat{{at: 1, how: failed}, {at: 2, how: unknown}, {at: 4, how: failed}}, 6, 1, 5 * time.Second, 0},
		{"it is being made, and nothing is known yet", []beat{{at: 1, how: acknowledged}, {at: 2, how: unknown}}, 10, 0, 0, 0},
		{"it is being made, and turns out to fail", []beat{{at: 1, how: acknowledged}, {at: 2, how: unknown}, {at: 3, how: unknown}, {at: 3, how: proved}, {at: 4, how: failed}}, 10, 1, 8 * time.Second, 0},
		{"it turns out when another one was acknowledged", []beat{{at: 2, how: unknown}, {at: 3, how: acknowledged}, {at: 2, how: proved}}, 10, 0, 0, 0},
		{"and the next one is being made too", []beat{{at: 2, how: unknown}, {at: 3, how: acknowledged}, {at: 4, how: unknown}, {at: 2, how: proved}}, 10, 0, 0, 0},
		{"one waits a little", []beat{{at: 2, how: acknowledged, took: 0.9}}, 10, 0, 0, 0},
		{"one waits for long", []beat{{at: 5, how: acknowledged, took: 3}}, 10, 1, 3 * time.Second, 3 * time.Second},
		{"one is waiting", []beat{{at: 5, how: waiting}}, 5.5, 0, 0, 0},
		{"one has been waiting for long", []beat{{at: 5, how: waiting}}, 8, 0, 3 * time.Second, 0},
		{"the first after one that failed waits", []beat{{at: 2, how: failed}, {at: 7, how: acknowledged, took: 3}}, 10, 1, 5 * time.Second, 5 * time.Second},
		{"the connection was being made, and the next waits", []beat{{at: 2, how: unknown}, {at: 7, how: acknowledged, took: 3}}, 10, 1, 5 * time.Second, 5 * time.Second},
		{"one waits, and fails", []beat{{at: 2, how: waiting}, {at: 2, how: failed}}, 7, 1, 5 * time.Second, 0},
		{"it goes on", []beat{{at: 1, how: failed}, {at: 4, how: acknowledged}, {at: 5, how: acknowledged}}, 10, 1, 3 * time.Second, 0},
	} {
		var (
			outages verdict.Outages
			last    time.Duration
			begun   int64
			began   time.Time
		)
		for _, b := range test.beats {
			last = 0
			if b.how != proved {
				outages.Send(moment(b.at-b.took), time.Second)
			}
			since := time.Time{}
			switch b.how {
			case acknowledged:
				since, last = outages.Acknowledge(moment(b.at))
			case unknown:
				outages.Doubt()
			case failed:
				since = outages.Fail()
			case proved:
				since = outages.Prove(moment(b.at))
			case waiting:
			}
			if !since.IsZero() {
				began = since
				begun++
			}
			if last != 0 && !moment(b.at).Add(-last).Equal(began) {
				t.Errorf("%s: one that lasted %v ends at %v s, and began at %v", test.situation, last, b.at, began)
			}
		}
		if begun != test.count {
			t.Errorf("%s: %d outages, want %d", test.situation, begun, test.count)
		}
		if got := outages.Time(moment(test.now)); got != test.lasted || last != test.last {
			t.Errorf("%s: %v in all, the last %v; want %v and %v", test.situation, got, last, test.lasted, test.last)
		}
	}
}

// TestDue: without a patience of its own a beat waits until another one is asked for.
func TestDue(t *testing.T) {
	t.Parallel()
	const usual = 200 * time.Millisecond
	for _, test := range []struct {
		situation string
		due       []float64 // when others were asked for, in seconds
		usual     time.Duration
		want      time.Duration // that is counted, of the beat's three seconds
	}{
		{"no other", nil, usual, 0},
		{"one at once", []float64{1.1}, usual, 0},
		{"one later", []float64{2}, usual, 3 * time.Second},
		{"several", []float64{1.1, 1.2, 1.3, 2}, usual, 3 * time.Second},
		{"nothing is known to be usual", []float64{2, 3}, 0, 0},
	} {
		var o verdict.Outages
		o.Send(moment(1), 0)
		for _, at := range test.due {
			o.Due(moment(at), test.usual)
		}
		if got := o.Time(moment(3.5)); test.want > 0 && got != 2500*time.Millisecond || test.want == 0 && got != 0 {
			t.Errorf("%s: %v are counted while it waits", test.situation, got)
		}
		began, lasted := o.Acknowledge(moment(4))
		if lasted != test.want || !began.IsZero() != (test.want > 0) {
			t.Errorf("%s: %v are counted from %v on, want %v", test.situation, lasted, began, test.want)
		}
	}
}

func TestPatience(t *testing.T) {
	t.Parallel()
	const interval = 100 * time.Millisecond
	var c verdict.Commits
	for range 10 {
		c.Record(time.Millisecond)
	}
	if got := c.Patience(interval); got != 0 {
		t.Errorf("after ten commits the patience is %v, want any time", got)
	}
	for range 10 {
		c.Record(time.Millisecond)
	}
	if got := c.Patience(interval); got != interval {
		t.Errorf("quick commits: %v, want the interval", got)
	}
	if got := c.Patience(0); got != 0 {
		t.Errorf("without a pulse: %v, want any time", got)
	}
	for range 40 {
		c.Record(200 * time.Millisecond)
	}
	if got := c.Patience(interval); got != 600*time.Millisecond {
		t.Errorf("commits that take 200 ms: %v, want thrice that", got)
	}
}
