package verdict_test

import (
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

func TestOutages(t *testing.T) {
	t.Parallel()
	type beat struct {
		at  float64 // sent, or acknowledged, in seconds
		how int
	}
	const acknowledged, failed, unknown = 0, 1, 2
	for _, test := range []struct {
		situation string
		beats     []beat
		now       float64
		count     int64
		lasted    time.Duration // all of them, by now
		last      time.Duration // what the last beat ended
	}{
		{"no beat", nil, 10, 0, 0, 0},
		{"all are acknowledged", []beat{{1, acknowledged}, {2, acknowledged}}, 10, 0, 0, 0},
		{"one fails, and it lasts", []beat{{1, acknowledged}, {2, failed}}, 10, 1, 8 * time.Second, 0},
		{"the first fails", []beat{{1, failed}}, 2, 1, time.Second, 0},
		{"several fail in a row", []beat{{1, failed}, {2, failed}, {3, failed}}, 5, 1, 4 * time.Second, 0},
		{"one ends", []beat{{1, failed}, {2, failed}, {4, acknowledged}}, 10, 1, 3 * time.Second, 3 * time.Second},
		{"another begins", []beat{{1, failed}, {4, acknowledged}, {6, failed}}, 10, 2, 7 * time.Second, 0},
		{"and ends", []beat{{1, failed}, {4, acknowledged}, {6, failed}, {6.5, acknowledged}}, 10, 2, 3500 * time.Millisecond, 500 * time.Millisecond},
		{"the connection is made in time", []beat{{1, acknowledged}, {2, unknown}, {3, acknowledged}}, 10, 0, 0, 0},
		{"the connection is being made, and fails", []beat{{1, acknowledged}, {2, unknown}, {3, unknown}, {4, failed}, {6, acknowledged}}, 10, 1, 4 * time.Second, 4 * time.Second},
		{"it fails, is being made, and fails", []beat{{1, failed}, {2, unknown}, {4, failed}}, 6, 1, 5 * time.Second, 0},
		{"it is being made, and nothing is known yet", []beat{{1, acknowledged}, {2, unknown}}, 10, 0, 0, 0},
		{"it goes on", []beat{{1, failed}, {4, acknowledged}, {5, acknowledged}}, 10, 1, 3 * time.Second, 0},
	} {
		var (
			outages verdict.Outages
			last    time.Duration
			begun   int64
			began   time.Time
		)
		for _, b := range test.beats {
			last = 0
			switch b.how {
			case acknowledged:
				last = outages.Acknowledge(moment(b.at))
				if last != 0 && !moment(b.at).Add(-last).Equal(began) {
					t.Errorf("%s: one that lasted %v ends at %v s, and began at %v", test.situation, last, b.at, began)
				}
			case unknown:
				outages.Doubt(moment(b.at))
			case failed:
				if since := outages.Fail(moment(b.at)); !since.IsZero() {
					began = since
					begun++
				}
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
