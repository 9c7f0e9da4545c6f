package collector

import (
	"context"
	"testing"
	"time"
	"unsafe"

	"github.com/go-kit/log"
	"github.com/google/go-cmp/cmp"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// beat is a result of the n-th second, with what became of it on the replica b.
func beat(n int64, verdictOnB verdict.Verdict) *probe.Result {
	at := time.Unix(n, 0)
	return &probe.Result{
		Attempted: at, Primary: "a", Write: &probe.Write{Acknowledged: at},
		Nodes: []probe.NodeResult{{Name: "a"}, {Name: "b", Replica: &probe.ReplicaResult{Verdict: verdictOnB}}},
	}
}

func shownAfter(delay time.Duration) verdict.Verdict {
	return verdict.Verdict{State: verdict.StateSynced, Synced: new(true), Visibility: &delay}
}

func TestBeats(t *testing.T) {
	t.Parallel()
	late := verdict.Verdict{State: verdict.StateReplaying, Synced: new(false)}
	failed := beat(4, verdict.Verdict{})
	failed.Write = nil
	duplicate := beat(6, verdict.Verdict{State: verdict.StateDuplicate})
	for name, test := range map[string]struct {
		happens func(b *beats)
		want    []Mark
	}{
		"nothing": {func(*beats) {}, nil},
		"one in time, one late, one unknown, and one that failed": {func(b *beats) {
			b.record(beat(1, shownAfter(time.Millisecond)))
			b.record(beat(2, late))
			b.record(beat(3, verdict.Verdict{}))
			b.record(failed)
		}, []Mark{{OutcomeSynced, time.Millisecond}, {OutcomeLate, -1}, {OutcomeUnknown, -1}, {OutcomeNone, -1}}},
		"a late one is shown at last": {func(b *beats) {
			b.record(beat(1, late))
			b.record(beat(2, late))
			b.show("b", time.Unix(1, 0), 16*time.Second)
		}, []Mark{{OutcomeLate, 16 * time.Second}, {OutcomeLate, -1}}},
		"shown before its result is known, and that of the one before": {func(b *beats) {
			b.show("b", time.Unix(2, 0), time.Second)
			b.record(beat(1, shownAfter(time.Millisecond)))
			b.record(beat(2, late))
		}, []Mark{{OutcomeSynced, time.Millisecond}, {OutcomeLate, time.Second}}},
		"a name that leads to no replica": {func(b *beats) {
			b.record(beat(1, shownAfter(time.Millisecond)))
			b.record(duplicate)
		}, []Mark{{OutcomeSynced, time.Millisecond}, {OutcomeNone, -1}}},
		"nothing was sent": {func(b *beats) { b.record(&probe.Result{}) }, nil},
		"one that left": {func(b *beats) {
			b.record(beat(1, shownAfter(time.Millisecond)))
			b.forget([]string{"b"})
		}, nil},
	} {
		b := &beats{}
		test.happens(b)
		got := b.marksOf("b")
		for i := range got {
			if got[i].Delay > 0 {
				got[i].Delay = got[i].Delay.Round(time.Microsecond)
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestOldBeatsAreForgotten, and those that come late find their places.
func TestOldBeatsAreForgotten(t *testing.T) {
	t.Parallel()
	b := &beats{}
	for n := range int64(MostBeats + 50) {
		b.record(beat(1000+n, shownAfter(time.Duration(n)*time.Millisecond)))
	}
	b.show("b", time.Unix(3, 0), time.Hour) // Long forgotten.
	b.show("b", time.Unix(1149, 0), time.Minute)
	list, marks := b.list(), b.marksOf("b")
	if len(list) != MostBeats || !list[0].At.Equal(time.Unix(1050, 0)) || !list[MostBeats-1].At.Equal(time.Unix(1149, 0)) {
		t.Fatalf("%d beats, from %v to %v", len(list), list[0].At, list[len(list)-1].At)
	}
	for i, mark := range marks[:MostBeats-1] {
		if want := time.Duration(50+i) * time.Millisecond; mark.Outcome != OutcomeSynced || mark.Delay.Round(time.Millisecond) != want {
			t.Fatalf("the beat at %d is %+v, want a delay of %v", i, mark, want)
		}
	}
	if last := marks[MostBeats-1]; last.Delay.Round(time.Second) != time.Minute {
		t.Errorf("the last one is %+v", last)
	}
}

// TestMemoryOfBeats: a thousand clusters with two replicas each take a few megabytes.
func TestMemoryOfBeats(t *testing.T) {
	t.Parallel()
	const most = 1 << 10 // bytes for each replica, its share of the cluster's included
	b := &beats{}
	for n := range int64(10 * MostBeats) {
		b.record(beat(n+1, shownAfter(time.Millisecond)))
	}
	each := int(unsafe.Sizeof(marks{})) + (cap(b.at)*8+cap(b.written))/2
	if each > most {
		t.Errorf("%d bytes for a replica, want at most %d", each, most)
	}
}

// TestKnown: what is known is the newest, whoever asked for it, and the version tells that there is something new.
func TestKnown(t *testing.T) {
	t.Parallel()
	prober := &fakeProber{names: []string{"a", "b"}}
	c := New(prober, log.NewNopLogger())
	if k := c.Known(); k.Last != nil || !k.At().IsZero() || len(k.Nodes) != 2 {
		t.Errorf("at first %+v is known", k)
	}
	scraped, pulsed := beat(10, shownAfter(time.Millisecond)), beat(12, shownAfter(time.Millisecond))
	scraped.Scraped, scraped.Started, pulsed.Started = true, time.Unix(10, 0), time.Unix(12, 0)
	prober.probe = func(ctx context.Context) *probe.Result { return scraped }
	versions := map[uint64]bool{c.Known().Version: true}
	step := func(what string, happens func(), last, closely *probe.Result, by Asker) {
		happens()
		k := c.Known()
		if k.Last != last || k.Close != closely || k.By != by || versions[k.Version] {
			t.Errorf("%s: %+v", what, k)
		}
		versions[k.Version] = true
	}
	step("a scrape", func() { c.Probe(t.Context()) }, scraped, scraped, ByScrape)
	step("a beat of the pulse", func() { c.Ended(pulsed) }, pulsed, scraped, ByPulse)
	if gap := c.Known().Gap; gap != 2*time.Second {
		t.Errorf("a gap of %v", gap)
	}
	step("somebody at a page", func() { c.ProbeNow(t.Context()) }, scraped, scraped, ByHand)
	step("a beat that is shown", func() { c.Shown("b", verdict.Sighting{Acknowledged: time.Unix(12, 0)}, time.Second) }, scraped, scraped, ByHand)
	step("other nodes", func() { c.SetNodes([]string{"a"}) }, scraped, scraped, ByHand)
	step("another configuration", c.Reloaded, scraped, scraped, ByHand)
	if _, all := c.Marks(); len(all) != 0 {
		t.Errorf("%d nodes are remembered", len(all))
	}
}
