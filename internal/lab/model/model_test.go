package model_test

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/model"
)

func newCluster(nodes int) (c *model.Cluster, a, b *model.Node) {
	c = model.New(model.Options{Nodes: nodes}, rand.New(rand.NewPCG(1, 2)))
	return c, c.Nodes[0], c.Nodes[1]
}

func related(t *testing.T, beat *model.Commit, n *model.Node, want model.Relation) {
	t.Helper()
	if got := model.Relate(beat, n.At); got != want {
		t.Errorf("%s shows %d, the beat is %d: relation %v, want %v", n.Name, n.At.Row.Capacity, beat.Row.Capacity, got, want)
	}
}

func TestReplicaReplaysBitByBit(t *testing.T) {
	t.Parallel()
	c, a, b := newCluster(2)
	first, second := c.Beat(a), c.Beat(a)
	related(t, first, b, model.Before)
	c.Receive(b, 1)
	c.Replay(b, 5)
	related(t, first, b, model.Holds)
	related(t, second, b, model.Before)
	c.Receive(b, 5)
	c.Replay(b, 5)
	related(t, second, b, model.Holds)
}

func TestPromotionForksTheLine(t *testing.T) {
	t.Parallel()
	c, a, b := newCluster(3)
	common := c.Beat(a)
	c.Receive(b, 1)
	c.Promote(b)
	lost, kept := c.Beat(a), c.Beat(b)
	related(t, common, a, model.Holds)
	related(t, common, b, model.Holds)
	related(t, lost, b, model.Apart)
	related(t, kept, a, model.Apart)

	eras := []model.Era{{ID: common.Row.Mark, From: 0}, {ID: kept.Row.Mark, From: 1}}
	if diff := cmp.Diff(eras, kept.Row.Eras); diff != "" {
		t.Errorf("eras (-want +got):\n%s", diff)
	}
	if kept.Row.Timeline != 2 || kept.Row.Fork != common.LSN {
		t.Errorf("timeline %d from %d, want 2 from %d", kept.Row.Timeline, kept.Row.Fork, common.LSN)
	}

	// What left cannot follow; by a rewind it can.
	c.Follow(c.Nodes[2], a)
	c.Receive(c.Nodes[2], 9)
	c.Follow(c.Nodes[2], b)
	c.Receive(c.Nodes[2], 9)
	c.Replay(c.Nodes[2], 9)
	related(t, kept, c.Nodes[2], model.Apart)
	c.Clone(c.Nodes[2], b)
	related(t, kept, c.Nodes[2], model.Holds)
}

func TestEachLifeHasAnEra(t *testing.T) {
	t.Parallel()
	c, a, b := newCluster(2)
	for i, begin := range []func(){
		func() {}, func() { c.Restart(a, 0) }, func() { c.Crash(a, 1) }, func() { c.CrashBackend(a, 1) }, func() { c.Copy(a, a.At) },
	} {
		begin()
		c.Beat(a)
		if got := len(c.Beat(a).Row.Eras); got != i+1 {
			t.Fatalf("%d eras in life %d", got, i+1)
		}
	}
	c.Resume(b, a)
	if got := len(c.Beat(b).Row.Eras); got != 5 {
		t.Errorf("a copy of the memory has %d eras", got)
	}
}

func TestCrashTakesBeatsBack(t *testing.T) {
	t.Parallel()
	c, a, _ := newCluster(2)
	kept, lost := c.Beat(a), c.Beat(a)
	c.Crash(a, 1)
	again := c.Beat(a)
	related(t, kept, a, model.Holds)
	related(t, lost, a, model.Apart)
	if again.Row.Capacity != lost.Row.Capacity || again.Row.Mark == lost.Row.Mark {
		t.Errorf("after the crash: %+v, before: %+v", again.Row, lost.Row)
	}
}

func TestRowMadeAgain(t *testing.T) {
	t.Parallel()
	c, a, _ := newCluster(2)
	before := c.Beat(a)
	c.Delete(a)
	if c.Beat(a) != nil {
		t.Error("a beat without a row")
	}
	c.Make(a)
	if after := c.Beat(a); after.Row.Born == before.Row.Born || after.Row.Capacity != 1 {
		t.Errorf("made again: %+v, before: %+v", after.Row, before.Row)
	}
	related(t, before, a, model.Holds)
}

func TestRowKeepsSixteenEras(t *testing.T) {
	t.Parallel()
	c, a, _ := newCluster(2)
	for range 20 {
		c.Restart(a, 0)
		c.Beat(a)
	}
	shown := a.At.Row.Shown()
	if len(shown) != model.Kept || shown[0].From != 4 {
		t.Errorf("%d eras from %d on", len(shown), shown[0].From)
	}
}
