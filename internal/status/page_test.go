package status

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pg-canary/pg_canary_exporter/collector"
	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// measured is a healthy cluster with positions, of which b lags.
func measured() *probe.Result {
	return with(func(r *probe.Result) {
		r.Write = &probe.Write{Row: verdict.Row{Capacity: 42}, LSN: 0x3000148, Sent: time.Unix(1000, 0), Acknowledged: time.Unix(1000, 2_000_000)}
		for i := range r.Nodes {
			node := &r.Nodes[i]
			node.Version, node.State.Timeline, node.Since = "17.6", 3, time.Unix(400, 0)
			if node.Replica != nil {
				node.Replica.First = &probe.Read{State: verdict.State{ReplayLSN: 0x3000148}}
				node.Replica.Last = verdict.Row{Found: true, Capacity: 42}
				node.Replica.LagBytes = new(uint64)
			}
		}
		lags(r, 1, verdict.StatePaused, 16*time.Second)
		b := r.Nodes[1].Replica
		b.First.ReplayLSN, b.Last.Capacity, b.LagBytes = 0x3000000, 30, new(uint64(328))
	})
}

// TestPage: the card of each replica has the six fields, what is wrong, and the next step.
func TestPage(t *testing.T) {
	c := &Cluster{Name: "orders", Known: collector.Known{Nodes: []string{"a", "b", "c", "d"}, By: collector.ByScrape}, Now: time.Unix(1008, 0)}
	c.Known.Last = measured()
	c.Known.Close = c.Known.Last
	p := NewPage(c, nil, nil)
	if p.Seen == nil || p.Seen.Age != 8*time.Second || p.Seen.By != "by a scrape" || p.Seen.Old || p.Looked != nil {
		t.Errorf("seen %+v, looked at %+v", p.Seen, p.Looked)
	}
	want := []Card{
		{
			Name: "b", Level: Warning, Verdict: "Lagging", State: "paused", Words: OfState(verdict.StatePaused), Lag: "16 s behind",
			Fields: []Field{
				{Name: "Primary value", Value: "42"},
				{Name: "Replica value", Value: "30"},
				{Name: "Verdict", Value: "Lagging"},
				{Name: "Primary LSN", Value: "0/3000148"},
				{Name: "Replica LSN", Value: "0/3000000"},
				{Name: "Lag bytes", Value: "328 B"},
			},
			Strip: Strip{Text: "No beat yet"},
		},
		{
			Name: "c", Level: Well, Verdict: "Synced", State: "synced", Words: OfState(verdict.StateSynced),
			Fields: []Field{
				{Name: "Primary value", Value: "42"},
				{Name: "Replica value", Value: "42"},
				{Name: "Verdict", Value: "Synced"},
				{Name: "Primary LSN", Value: "0/3000148"},
				{Name: "Replica LSN", Value: "0/3000148"},
				{Name: "Lag bytes", Value: "0 B"},
			},
			Strip: Strip{Text: "No beat yet"},
		},
	}
	if diff := cmp.Diff(want, p.Cards); diff != "" {
		t.Errorf("the cards (-want +got):\n%s", diff)
	}
	since := &Seen{At: time.Unix(400, 0), Age: 608 * time.Second}
	rows := []Row{
		{Name: "a", Asked: true, Role: "primary", Version: "17.6", Timeline: "3", Connection: "opened", Since: since},
		{Name: "b", Asked: true, Role: "replica", Version: "17.6", Timeline: "3", Connection: "opened", Since: since},
		{Name: "c", Asked: true, Role: "replica", Version: "17.6", Timeline: "3", Connection: "opened", Since: since},
		{Name: "d", Role: "?", Connection: "not asked yet"},
	}
	if diff := cmp.Diff(rows, p.Nodes); diff != "" {
		t.Errorf("the nodes (-want +got):\n%s", diff)
	}
}

// TestPageOfAPulse: what only a close look tells is shown with its age, and nothing that the newest beat tells is of before.
func TestPageOfAPulse(t *testing.T) {
	closely, beat := measured(), measured()
	fails(closely, 2, probe.ReasonConnect)
	down(closely, 2)
	beat.Scraped, beat.Started = false, time.Unix(1006, 0)
	down(beat, 2)
	beat.Nodes[1].Replica.First, beat.Nodes[1].Replica.LagBytes = nil, nil
	beat.Nodes[1].Version, beat.Nodes[1].State.Timeline = "", 0
	c := &Cluster{Known: collector.Known{Nodes: []string{"a", "b", "c"}, Last: beat, Close: closely, By: collector.ByPulse}, Now: time.Unix(1008, 0)}
	p := NewPage(c, nil, nil)
	before := &Seen{At: time.Unix(1000, 0), Age: 8 * time.Second}
	if diff := cmp.Diff(before, p.Looked); diff != "" || p.Seen.By != "by the pulse" || p.Seen.Age != 2*time.Second {
		t.Errorf("seen %+v, and closely %s", p.Seen, diff)
	}
	fields := p.Cards[0].Fields
	if diff := cmp.Diff([]Field{{Name: "Replica LSN", Value: "0/3000000", Ago: before}, {Name: "Lag bytes", Value: "328 B", Ago: before}}, fields[4:]); diff != "" {
		t.Errorf("the fields (-want +got):\n%s", diff)
	}
	if fields := p.Cards[1].Fields; fields[4].Value != "" || p.Cards[1].State != "unreachable" {
		t.Errorf("of one that does not answer %+v", fields)
	}
	if b := p.Nodes[1]; b.Version != "17.6" || b.Timeline != "3" {
		t.Errorf("b is %+v", b)
	}
	if c := p.Nodes[2]; len(c.Failures) != 1 || c.Failures[0] != (Failure{"connect", "failed"}) || c.Ago == nil || c.Connection != "none" {
		t.Errorf("c is %+v", c)
	}
}

func TestConnection(t *testing.T) {
	for want, node := range map[string]probe.NodeResult{
		"open": {Up: true}, "opened": {Up: true, Since: time.Unix(1, 0)}, "none": {}, "being made": {Connecting: true},
		"through a pooler": {Up: true, Pooled: true}, "leads to 3 servers; open": {Up: true, Servers: 3},
	} {
		if got := connection(&node); got != want {
			t.Errorf("%+v is %q, want %q", node, got, want)
		}
	}
	node := probe.NodeResult{Member: verdict.Member{State: verdict.State{LeastTimeline: 3}}}
	if got := timeline(&node); got != "3 or later" {
		t.Errorf("%q", got)
	}
}

func TestHappened(t *testing.T) {
	for want, e := range map[string]collector.Event{
		"b took over from a as primary, on timeline 4":                       {Kind: collector.EventTakeover, Node: "b", From: "a", To: "b", Timeline: 4},
		"No write to a is acknowledged any more: its disk is full":           {Kind: collector.EventOutageBegan, Node: "a", Reason: probe.ReasonDiskFull},
		"No write to a is acknowledged any more":                             {Kind: collector.EventOutageBegan, Node: "a"},
		"Writes to b are acknowledged again, after 6.1 s":                    {Kind: collector.EventOutageEnded, Node: "b", Seconds: 6.1},
		"3 acknowledged canary commits were lost when b was kept as primary": {Kind: collector.EventLost, Node: "b", Commits: 3},
		"b: paused, after 12 s of synced":                                    {Kind: collector.EventState, Node: "b", From: "synced", To: "paused", Seconds: 12.5},
		"b was first seen: synced":                                           {Kind: collector.EventState, Node: "b", To: "synced"},
		"b is connected again, or to another server":                         {Kind: collector.EventConnected, Node: "b"},
		"b is a node of the cluster from now on":                             {Kind: collector.EventJoined, Node: "b"},
		"b is no node of the cluster any more":                               {Kind: collector.EventLeft, Node: "b"},
		"Another configuration of the cluster is in force":                   {Kind: collector.EventReload},
		"unheard_of": {Kind: "unheard_of"},
	} {
		if got := Happened(e); got != want {
			t.Errorf("%+v is %q, want %q", e, got, want)
		}
	}
}
