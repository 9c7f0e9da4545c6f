package verdict_test

import (
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

func TestOutages(t *testing.T) {
	t.Parallel()
	type beat struct {
		at    float64 // sent, or acknowledged, in seconds
		fails bool
	}
	for _, test := range []struct {
		situation string
		beats     []beat
		now       float64
		count     int64
		lasted    time.Duration // all of them, by now
		last      time.Duration // what the last beat ended
	}{
		{"no beat", nil, 10, 0, 0, 0},
		{"all are acknowledged", []beat{{1, false}, {2, false}}, 10, 0, 0, 0},
		{"one fails, and it lasts", []beat{{1, false}, {2, true}}, 10, 1, 8 * time.Second, 0},
		{"the first fails", []beat{{1, true}}, 2, 1, time.Second, 0},
		{"several fail in a row", []beat{{1, true}, {2, true}, {3, true}}, 5, 1, 4 * time.Second, 0},
		{"one ends", []beat{{1, true}, {2, true}, {4, false}}, 10, 1, 3 * time.Second, 3 * time.Second},
		{"another begins", []beat{{1, true}, {4, false}, {6, true}}, 10, 2, 7 * time.Second, 0},
		{"and ends", []beat{{1, true}, {4, false}, {6, true}, {6.5, false}}, 10, 2, 3500 * time.Millisecond, 500 * time.Millisecond},
		{"it goes on", []beat{{1, true}, {4, false}, {5, false}}, 10, 1, 3 * time.Second, 0},
	} {
		var (
			outages verdict.Outages
			last    time.Duration
			begun   int64
		)
		for _, b := range test.beats {
			if !b.fails {
				last = outages.Acknowledge(moment(b.at))
			} else if last = 0; outages.Fail(moment(b.at)) {
				begun++
			}
		}
		if outages.Count() != test.count || begun != test.count {
			t.Errorf("%s: %d outages, %d said so, want %d", test.situation, outages.Count(), begun, test.count)
		}
		if got := outages.Time(moment(test.now)); got != test.lasted || last != test.last {
			t.Errorf("%s: %v in all, the last %v; want %v and %v", test.situation, got, last, test.lasted, test.last)
		}
	}
}
