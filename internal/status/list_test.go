package status

import (
	"strings"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector"
	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// fleet is clusters of which each has something else.
func fleet() []Cluster {
	now := time.Unix(1003, 0)
	of := func(name string, change func(*probe.Result)) Cluster {
		return Cluster{Name: name, Now: now, Known: collector.Known{Nodes: []string{"a", "b", "c"}, Last: with(change)}}
	}
	return []Cluster{
		of("well-2", func(*probe.Result) {}),
		of("held-back", func(r *probe.Result) { lags(r, 1, verdict.StateDelayed, time.Hour) }),
		of("late", func(r *probe.Result) { lags(r, 1, verdict.StatePaused, 2*time.Second) }),
		of("later", func(r *probe.Result) { lags(r, 2, verdict.StateReplaying, 20*time.Second) }),
		{Name: "never", Now: now},
		of("no-primary", func(r *probe.Result) {
			r.Write = nil
			down(r, 0)
			fails(r, 0, probe.ReasonConnect)
		}),
		of("two", func(r *probe.Result) { r.Nodes[2].State.InRecovery = false }),
		of("cut", func(r *probe.Result) { down(r, 1) }),
		of("well-1", func(*probe.Result) {}),
	}
}

// TestList has the worst first.
func TestList(t *testing.T) {
	for name, test := range map[string]struct {
		filter Filter
		want   string
	}{
		"all":                  {Filter{}, "two no-primary cut later late never held-back well-1 well-2"},
		"those in trouble":     {Filter{Trouble: true}, "two no-primary cut later late never"},
		"by name":              {Filter{Text: " WELL-"}, "well-1 well-2"},
		"by verdict":           {Filter{Text: "primar"}, "two no-primary"},
		"nothing is such":      {Filter{Text: "nothing"}, ""},
		"by state, in trouble": {Filter{Text: "delayed", Trouble: true}, ""},
	} {
		list := NewList(fleet(), test.filter)
		var names []string
		for _, line := range list.Lines {
			names = append(names, line.Name)
		}
		if got := strings.Join(names, " "); got != test.want || list.All != 9 || list.Headline.Text != "3 of 9 clusters need somebody now" {
			t.Errorf("%s: %s of %d, want %s; %q", name, got, list.All, test.want, list.Headline.Text)
		}
	}
	list := NewList(fleet(), Filter{})
	if got := list.Lines[3]; got.Synced != "1 of 2" || got.Lag != "20 s" || got.Primary != "a" || got.Seen == nil || got.More != 0 {
		t.Errorf("%+v", got)
	}
	if got := list.Counts[0]; got != (Count{Critical, 3}) || len(list.Counts) != 5 {
		t.Errorf("%+v", list.Counts)
	}
}

func TestListHeadline(t *testing.T) {
	for want, counts := range map[string][Critical + 1]int{
		"There is no cluster":                 {},
		"All 3 clusters are well":             {Well: 2, Note: 1},
		"1 of 3 clusters needs somebody now":  {Well: 2, Critical: 1},
		"2 of 3 clusters need somebody now":   {Warning: 1, Critical: 2},
		"1 of 3 clusters needs a look":        {Well: 2, Warning: 1},
		"2 of 3 clusters need a look":         {Unknown: 1, Warning: 2},
		"Nothing is known of any cluster":     {Unknown: 3},
		"Not all is known of 1 of 3 clusters": {Well: 2, Unknown: 1},
	} {
		all := 0
		for _, n := range counts {
			all += n
		}
		if got := listHeadline(counts, all); got.Text != want {
			t.Errorf("%v is %q, want %q", counts, got.Text, want)
		}
	}
}
