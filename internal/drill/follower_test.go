package drill

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

func TestCondition(t *testing.T) {
	doubtful := synced("b")
	doubtful.Replica.Verdict, doubtful.Replica.FirstFresh = verdict.Verdict{}, noon
	foreign := synced("b")
	foreign.Replica.Verdict = verdict.Verdict{State: verdict.StateForeign}
	diverged := synced("b")
	diverged.Replica.Verdict = verdict.Verdict{State: verdict.StateDiverged, Synced: new(false)}
	written := &probe.Write{}
	for name, test := range map[string]struct {
		write  *probe.Write
		node   probe.NodeResult
		before Condition
		want   Condition
	}{
		"the primary":                       {written, probe.NodeResult{Name: "a", Up: true}, "", Primary},
		"a primary that refuses":            {nil, probe.NodeResult{Name: "a", Up: true}, Primary, Idle},
		"a primary that is gone":            {nil, probe.NodeResult{Name: "a"}, Primary, Away},
		"a replica in time":                 {written, synced("b"), "", Synced},
		"one that shows it, perhaps late":   {written, doubtful, "", Synced},
		"one that does not":                 {written, behind("b", ms, verdict.StateReplaying), Synced, Behind},
		"one that left":                     {written, diverged, Behind, Diverged},
		"one that left, and no beat":        {nil, diverged, Synced, Diverged},
		"one that does not answer":          {written, away("b", "connect"), Synced, Away},
		"one of another cluster":            {written, foreign, Synced, NoReplica},
		"no beat":                           {nil, idle("b"), Synced, Idle},
		"no beat, and it was behind":        {nil, idle("b"), Behind, Behind},
		"no beat, and it was away":          {nil, idle("b"), Away, Idle},
		"a read that failed":                {written, idle("b"), Synced, Synced},
		"a read that failed, after nothing": {written, idle("b"), Away, Idle},
	} {
		r := &probe.Result{Primary: "a", Write: test.write}
		if got := conditionOf(r, &test.node, test.before); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// TestStretches has a node's conditions as a line: what lasts a moment only is none.
func TestStretches(t *testing.T) {
	const long, moment = 400 * ms, 100 * ms
	for name, test := range map[string]struct {
		play func(*script)
		want string
		news string // the node's events
	}{
		"always synced": {func(s *script) { s.until(long, func() { s.ok(ms) }) }, "synced 0 [synced]", ""},
		"behind for a moment": {
			func(s *script) {
				s.play(long, synced("b"))
				s.play(moment, behind("b", 100*ms, "replaying"))
				s.play(long, synced("b"))
			},
			"synced 0 [synced]", "",
		},
		"behind for long": {
			func(s *script) {
				s.play(long, synced("b"))
				s.play(long, behind("b", 100*ms, "replaying"))
				s.play(long, synced("b"))
			},
			"synced 0 [synced], behind 400 [replaying], synced 800 [synced]", "behind, synced",
		},
		"away, then behind, then synced": {
			func(s *script) {
				s.play(long, synced("b"))
				s.play(long, away("b", "connect"))
				s.play(long, away("b", "starting_up"))
				s.play(long, behind("b", time.Second, "replaying"))
				s.play(long, synced("b"))
			},
			"synced 0 [synced], away 400 [connect starting_up], behind 1200 [replaying], synced 1600 [synced]", "away, behind, synced",
		},
		"nothing written": {
			func(s *script) {
				s.play(long, synced("b"))
				s.nodes["b"] = idle("b")
				s.until(s.at+long, func() { s.no(ms, "connect") })
				s.play(long, synced("b"))
			},
			"synced 0 [synced], idle 400 [], synced 800 [synced]", "",
		},
		"promoted": {
			func(s *script) {
				s.play(long, synced("b"))
				s.promote("b", 0, 22)
				s.nodes["a"] = away("a", "connect")
				s.ok(ms)
			},
			"synced 0 [synced], primary 400 []", "",
		},
	} {
		s := scripted("a", "b")
		test.play(s)
		record := s.record()
		var got, news []string
		for _, stretch := range record.Nodes[1].Stretches {
			got = append(got, fmt.Sprintf("%s %d %v", stretch.Condition, stretch.From.Sub(noon).Milliseconds(), stretch.States))
		}
		for _, e := range record.Events {
			if e.Kind == KindNode && e.Node == "b" {
				news = append(news, e.To)
			}
		}
		if text := strings.Join(got, ", "); text != test.want || strings.Join(news, ", ") != test.news {
			t.Errorf("%s: %s; news %q", name, text, news)
		}
	}
}

// play makes acknowledged beats for so long, with a replica as it is.
func (s *script) play(lasts time.Duration, replica probe.NodeResult) {
	s.nodes[replica.Name] = replica
	s.until(s.at+lasts, func() { s.ok(ms) })
}

func TestMeasures(t *testing.T) {
	s := scripted("a", "b")
	s.play(400*ms, synced("b"))
	s.play(400*ms, behind("b", 90*ms, "replaying"))
	s.play(400*ms, away("b", "connect"))
	c := s.recorded()
	// It shows what was written while it was away; nobody could read it there meanwhile.
	c.Shown("b", verdict.Sighting{Acknowledged: noon.Add(800 * ms)}, 500*ms)
	s.results = nil
	s.play(400*ms, behind("b", 120*ms, "replaying"))
	s.play(400*ms, synced("b"))
	for _, r := range s.results {
		c.Ended(r)
	}
	c.Shown("b", verdict.Sighting{Acknowledged: noon.Add(1000 * ms)}, 300*ms)
	c.Shown("b", verdict.Sighting{Acknowledged: noon.Add(1400 * ms)}, 150*ms)
	c.Shown("nobody", verdict.Sighting{Acknowledged: noon.Add(1400 * ms)}, time.Hour)
	record := c.Record(noon.Add(s.at))
	b := record.Nodes[1]
	if *b.WorstLag != 150*ms || !b.WorstAt.Equal(noon.Add(1550*ms)) || b.Reads != 80 || b.Stale != 40 || b.Late != 40 {
		t.Errorf("worst lag %v at %v, %d of %d stale, %d late", *b.WorstLag, b.WorstAt, b.Stale, b.Reads, b.Late)
	}
	if behind, away := b.In(Behind, record.Ended), b.In(Away, record.Ended); behind != 800*ms || away != 400*ms {
		t.Errorf("behind for %v, away for %v", behind, away)
	}
	if at, missed := b.SyncedAgain(); !missed || !at.Equal(noon.Add(1600*ms)) {
		t.Errorf("synced again at %v, missed %v", at, missed)
	}
	if a := record.Nodes[0]; a.IsReplica() || a.Reads != 0 {
		t.Errorf("the primary has a worst lag of %v and %d reads", a.WorstLag, a.Reads)
	}
}

// TestDivergedLag has an old primary that answers with what it had: reads there miss all that
// the new one acknowledged.
func TestDivergedLag(t *testing.T) {
	s := scripted("a", "b")
	s.play(400*ms, synced("b"))
	s.promote("b", 0, 22)
	diverged := synced("a")
	diverged.Replica.Verdict = verdict.Verdict{State: verdict.StateDiverged, Synced: new(false)}
	s.play(400*ms, diverged)
	if a := s.record().Nodes[0]; *a.WorstLag != 380*ms {
		t.Errorf("worst lag %v", *a.WorstLag)
	}
	diverged.State.InRecovery = false // It takes writes itself, and is no replica.
	s = scripted("a", "b")
	s.play(400*ms, synced("b"))
	s.promote("b", 0, 22)
	s.play(400*ms, diverged)
	if a := s.record().Nodes[0]; a.IsReplica() {
		t.Errorf("worst lag %v", *a.WorstLag)
	}
}

func TestRebuilt(t *testing.T) {
	row := func(timeline uint32, fork verdict.LSN, capacity int64, eras ...verdict.Era) verdict.Row {
		return verdict.Row{Found: true, Born: 7, Mark: capacity, Timeline: timeline, Fork: fork, Capacity: capacity, Eras: eras}
	}
	first := verdict.Era{ID: 11}
	had := row(1, 0, 100, first)
	again := row(2, 9, 110, verdict.Era{ID: 31})
	again.Born = 8
	for name, test := range map[string]struct {
		has  verdict.Row
		want bool
	}{
		"the same":                            {had, false},
		"later on its line":                   {row(1, 0, 120, first), false},
		"earlier on its line":                 {row(1, 0, 90, first), false},
		"a promotion that lost nothing":       {row(2, 9, 120, first, verdict.Era{ID: 22, From: 100}), false},
		"a promotion that lost ten":           {row(2, 9, 120, first, verdict.Era{ID: 22, From: 90}), true},
		"another fork of the same number":     {row(1, 8, 120, first, verdict.Era{ID: 22, From: 90}), true},
		"the crash of a primary that lost":    {row(1, 0, 120, first, verdict.Era{ID: 22, From: 90}), false},
		"a row that was made again":           {again, false},
		"no row":                              {verdict.Row{}, false},
		"earlier on a line that lost nothing": {row(2, 9, 101, first, verdict.Era{ID: 22, From: 100}), false},
	} {
		if got := rebuilt(had, test.has); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestRebuiltWhileAway has an old primary come back as it was, and then rewound.
func TestRebuiltWhileAway(t *testing.T) {
	s := scripted("a", "b")
	s.play(400*ms, synced("b"))
	lost := s.row
	s.promote("b", 2, 22)
	s.play(400*ms, away("a", "connect"))
	s.play(400*ms, showing(behind("a", time.Second, "replaying"), lost)) // As before it was rewound.
	s.play(400*ms, showing(synced("a"), s.row))
	record := s.record()
	if at := record.Nodes[0].Rebuilt; !at.Equal(noon.Add(1200 * ms)) {
		t.Errorf("rebuilt at %v", at)
	}
	if !record.Nodes[1].Rebuilt.IsZero() {
		t.Error("the new primary was not rebuilt")
	}
	inTurn := showing(synced("a"), s.row)
	inTurn.InTurn = true
	s.results = s.results[:60]
	s.play(400*ms, inTurn)
	if at := s.record().Nodes[0].Rebuilt; !at.IsZero() {
		t.Errorf("a name that leads to several servers: rebuilt at %v", at)
	}
}
