package observer_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/observer"
)

// ms is a millisecond of history.
const ms = history.Moment(1e6)

func TestOutages(t *testing.T) {
	t.Parallel()
	acknowledged := func(sent, answered history.Moment) observer.Write {
		return observer.Write{Sent: sent * ms, Answered: answered * ms}
	}
	failed := func(sent, answered history.Moment) observer.Write {
		return observer.Write{Sent: sent * ms, Answered: answered * ms, Failed: true}
	}
	for _, test := range []struct {
		situation string
		writes    []observer.Write
		want      []observer.Outage
	}{
		{"no write", nil, nil},
		{"all are acknowledged", []observer.Write{acknowledged(0, 1), acknowledged(20, 120)}, nil},
		{
			"one waits",
			[]observer.Write{acknowledged(0, 1), acknowledged(20, 320), acknowledged(321, 322)},
			[]observer.Outage{{From: 20 * ms, To: 320 * ms, Before: 0, Surely: 120 * ms, Until: 320 * ms}},
		},
		{
			"some fail",
			[]observer.Write{acknowledged(0, 1), failed(20, 25), failed(40, 41), failed(60, 61), acknowledged(80, 85)},
			[]observer.Outage{{From: 20 * ms, To: 85 * ms, Before: 0, Surely: 25 * ms, Until: 60 * ms}},
		},
		{
			"some fail, and the connection takes long",
			[]observer.Write{acknowledged(0, 1), failed(20, 25), failed(40, 41), acknowledged(60, 260), acknowledged(261, 262)},
			[]observer.Outage{{From: 20 * ms, To: 260 * ms, Before: 0, Surely: 25 * ms, Until: 40 * ms}},
		},
		{
			"one waits, and fails",
			[]observer.Write{acknowledged(0, 1), failed(20, 920), failed(940, 941), acknowledged(960, 961)},
			[]observer.Outage{{From: 20 * ms, To: 961 * ms, Before: 0, Surely: 120 * ms, Until: 940 * ms}},
		},
		{
			"it lasts",
			[]observer.Write{acknowledged(0, 1), failed(20, 21)},
			[]observer.Outage{{From: 20 * ms, To: history.Never, Before: 0, Surely: 21 * ms, Until: 20 * ms}},
		},
		{
			"two",
			[]observer.Write{failed(0, 1), acknowledged(20, 21), acknowledged(40, 240)},
			[]observer.Outage{
				{From: 0, To: 21 * ms, Before: history.Always, Surely: 1 * ms, Until: 0},
				{From: 40 * ms, To: 240 * ms, Before: 20 * ms, Surely: 140 * ms, Until: 240 * ms},
			},
		},
	} {
		if diff := cmp.Diff(test.want, observer.Outages(test.writes)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.situation, diff)
		}
	}
}
