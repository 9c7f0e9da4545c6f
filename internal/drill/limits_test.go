package drill

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

func TestLimits(t *testing.T) {
	bad := &Record{
		Outages:   []Outage{{Ended: noon, Lasted: 6 * time.Second}, {Ended: noon, Lasted: time.Second}},
		Losses:    []Loss{{Loss: verdict.Loss{Commits: 2}}, {Loss: verdict.Loss{Commits: 1}}},
		Recovered: noon,
		Nodes: []Node{
			{Name: "a"}, {Name: "b", WorstLag: new(31 * time.Second)}, {Name: "c", WorstLag: new(2500 * time.Microsecond)},
		},
	}
	atRisk := &Record{AtRisk: &verdict.Loss{Commits: 4}, Undecided: true}
	limit := func(d time.Duration) *time.Duration { return &d }
	lost := func(n int64) *int64 { return &n }
	for name, test := range map[string]struct {
		limits Limits
		record *Record
		want   []Excess
	}{
		"no limits":          {Limits{}, bad, nil},
		"nothing happened":   {Limits{MaxOutage: limit(0), MaxLost: lost(0), MaxStale: limit(0)}, &Record{}, nil},
		"all kept, just so":  {Limits{MaxOutage: limit(6 * time.Second), MaxLost: lost(3), MaxStale: limit(31 * time.Second)}, bad, nil},
		"recovered as asked": {Limits{Recovers: true}, bad, nil},
		"the longest outage": {
			Limits{MaxOutage: limit(5 * time.Second)},
			bad,
			[]Excess{{"--max-outage", "nobody could write for 6.00 s: 1.00 s more than 5s"}},
		},
		"no outage at all": {
			Limits{MaxOutage: limit(0)}, bad, []Excess{{"--max-outage", "nobody could write for 6.00 s: 6.00 s more than 0s"}},
		},
		"lost":         {Limits{MaxLost: lost(0)}, bad, []Excess{{"--max-lost", "3 acknowledged beats lost: 3 more than 0"}}},
		"lost, by one": {Limits{MaxLost: lost(2)}, bad, []Excess{{"--max-lost", "3 acknowledged beats lost: 1 more than 2"}}},
		"at risk":      {Limits{MaxLost: lost(1)}, atRisk, []Excess{{"--max-lost", "0 acknowledged beats lost and 4 at risk: 3 more than 1"}}},
		"not decided": {
			Limits{MaxLost: lost(1)},
			&Record{Undecided: true},
			[]Excess{{"--max-lost", "whether acknowledged beats are lost was not decided by the end of the drill"}},
		},
		"stale": {
			Limits{MaxStale: limit(time.Millisecond)},
			bad,
			[]Excess{
				{"--max-stale", "b was 31.00 s behind: 31.00 s more than 1ms"},
				{"--max-stale", "c was 2.5 ms behind: 1.5 ms more than 1ms"},
			},
		},
		"all of them": {
			Limits{MaxOutage: limit(time.Second), MaxLost: lost(0), MaxStale: limit(30 * time.Second)},
			bad,
			[]Excess{
				{"--max-outage", "nobody could write for 6.00 s: 5.00 s more than 1s"},
				{"--max-lost", "3 acknowledged beats lost: 3 more than 0"},
				{"--max-stale", "b was 31.00 s behind: 1.00 s more than 30s"},
			},
		},
		"nothing to recover from": {
			Limits{Recovers: true},
			&Record{},
			[]Excess{{"--until-recovered", "the cluster had not recovered by the end of the drill: nothing happened of which to recover"}},
		},
		"an outage that lasts": {
			Limits{Recovers: true},
			&Record{Outages: []Outage{{Lasted: time.Second}}},
			[]Excess{{"--until-recovered", "the cluster had not recovered by the end of the drill: nobody can write"}},
		},
		"a replica that is behind": {
			Limits{Recovers: true},
			&Record{Takeovers: make([]Takeover, 1), Nodes: []Node{{Name: "b", Stretches: []Stretch{{Condition: Behind}}}}},
			[]Excess{{"--until-recovered", "the cluster had not recovered by the end of the drill: b is behind"}},
		},
		"too short": {
			Limits{Recovers: true},
			&Record{Takeovers: make([]Takeover, 1), Nodes: []Node{{Name: "b", Stretches: []Stretch{{Condition: Synced}}}}},
			[]Excess{{"--until-recovered", "the cluster had not recovered by the end of the drill: all was well for less than 5s"}},
		},
	} {
		if diff := cmp.Diff(test.want, test.limits.Check(test.record)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
