//go:build unix

package drills

import (
	"strings"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

func at(ms int) time.Time { return noon.Add(time.Duration(ms) * time.Millisecond) }

func TestFindGap(t *testing.T) {
	yes := func(sent int) attempt { return attempt{sent: at(sent), ended: at(sent + 1), ok: true} }
	no := func(sent int) attempt { return attempt{sent: at(sent), ended: at(sent + 1)} }
	for name, test := range map[string]struct {
		servers             [][]attempt
		from, to, atLeastMS int
	}{
		"one server alone":            {[][]attempt{{yes(0), yes(10), no(20), no(30), no(40), yes(50), yes(60)}}, -1, -1, 0},
		"another server takes over":   {[][]attempt{{yes(0), no(10), no(20), no(30)}, {no(5), no(15), no(25), yes(35)}}, 0, 36, 14},
		"two that take writes":        {[][]attempt{{yes(0), yes(10), no(20), no(30)}, {no(5), yes(15), yes(25), yes(35)}}, 10, 16, 0},
		"a wait before that":          {[][]attempt{{yes(0), {at(10), at(80), true}, yes(90), no(100), no(110)}, {no(95), no(105), yes(115)}}, 90, 116, 4},
		"never acknowledged":          {[][]attempt{{no(0), no(10)}}, -1, -1, 0},
		"acknowledged once, and gone": {[][]attempt{{yes(0), no(10)}}, -1, -1, 0},
	} {
		got := findGap(test.servers)
		want := gap{}
		if test.from >= 0 {
			want = gap{at(test.from), at(test.to), time.Duration(test.atLeastMS) * time.Millisecond}
		}
		if got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

// TestJudge has a report that is right, and lies in it.
func TestJudge(t *testing.T) {
	for name, test := range map[string]struct {
		lie  func(*truth, *report)
		want string // "" for none
	}{
		"right":                       {func(*truth, *report) {}, ""},
		"the last was not heard of":   {func(t *truth, _ *report) { t.last++ }, ""},
		"nothing lost":                {func(t *truth, r *report) { t.follows, r.Lost.Beats, r.Nodes[0].Rebuilt = 100, 0, nil }, ""},
		"one lost too many":           {func(_ *truth, r *report) { r.Lost.Beats++ }, "4 beats lost, and the tables say 3"},
		"one lost too few":            {func(_ *truth, r *report) { r.Lost.Beats-- }, "2 beats lost, and the tables say 3"},
		"one that is at risk":         {func(_ *truth, r *report) { r.Lost.AtRisk = 1 }, "at risk"},
		"undecided":                   {func(_ *truth, r *report) { r.Lost.Undecided = true }, "undecided: true"},
		"more than the server has":    {func(_ *truth, r *report) { r.Takeovers[0].From.Value++; r.Lost.Beats++ }, "the last value on a was 101, and it has 100"},
		"another server":              {func(_ *truth, r *report) { r.Takeovers[0].To.Node = "c" }, "c took over from a"},
		"no takeover":                 {func(_ *truth, r *report) { r.Takeovers = nil }, "0 takeovers"},
		"the timeline before":         {func(_ *truth, r *report) { r.Takeovers[0].To.Timeline = 1 }, "timeline 1 after 1"},
		"not rebuilt":                 {func(_ *truth, r *report) { r.Nodes[0].Rebuilt = nil }, "a was rewound, and the report does not say so"},
		"another one rebuilt":         {func(_ *truth, r *report) { r.Nodes[1].Rebuilt = &noon }, "b was not rewound"},
		"still behind":                {func(_ *truth, r *report) { r.Nodes[0].Condition = "behind" }, "a is behind at the end, and not synced"},
		"no outage":                   {func(_ *truth, r *report) { r.Outages = nil }, "no outage"},
		"an outage of another server": {func(_ *truth, r *report) { r.Outages[0].After.Node = "a" }, "no outage that ends with the new primary"},
		"no outage, rightly":          {func(t *truth, r *report) { t.writes, r.Outages = false, nil }, ""},
		"an outage that lasts":        {func(_ *truth, r *report) { r.Outages[0].Ended = nil }, "the outage lasts"},
		"another time":                {func(t *truth, _ *report) { t.gap.from, t.gap.to = at(5000), at(5500) }, "and the one that was seen"},
		"too short":                   {func(_ *truth, r *report) { r.Outages[0].AtMost = 0.3 }, "at most 0.300 s"},
		"too long":                    {func(_ *truth, r *report) { r.Outages[0].AtLeast = 0.6 }, "at least 0.600 s"},
	} {
		began, ended := at(1000), at(1500)
		r := &report{
			Outages: []outage{{Began: began, Ended: &ended, Seconds: 0.5, AtLeast: 0.46, AtMost: 0.52, Before: place{Node: "a"}, After: place{Node: "b"}}},
			Nodes:   []node{{"a", "synced", &ended}, {"b", "primary", nil}, {"c", "synced", nil}},
		}
		r.Takeovers = append(r.Takeovers, takeover{place{"a", 1, 11, 100}, place{"b", 2, 22, 98}})
		r.Lost.Beats, r.Lost.Of = 3, 200
		tr := truth{old: "a", to: &pgcluster.Server{Name: "b"}, writes: true, last: 100, follows: 97, gap: gap{at(995), at(1503), 490 * time.Millisecond}}
		test.lie(&tr, r)
		wrong := strings.Join(judge(tr, r), "; ")
		if (test.want == "") != (wrong == "") || !strings.Contains(wrong, test.want) {
			t.Errorf("%s: %q, want %q", name, wrong, test.want)
		}
	}
}
