package pgnode

import (
	"testing"
	"time"
)

// queued is one attempt of a test: as it waits, or is under way.
type queued struct {
	cluster string
	waits   time.Duration // since when it has waited; under way where it is 0
	lasts   time.Duration // since when it is under way
	urged   bool
	hung    bool
}

func TestDialQueue(t *testing.T) {
	t.Parallel()
	const gap = 10 * time.Millisecond
	waits := func(cluster string) queued { return queued{cluster: cluster, waits: time.Millisecond} }
	urged := func(cluster string) queued { return queued{cluster: cluster, waits: time.Millisecond, urged: true} }
	hung := func(cluster string) queued { return queued{cluster: cluster, waits: time.Millisecond, hung: true} }
	hungNow := func(cluster string) queued {
		return queued{cluster: cluster, waits: time.Millisecond, hung: true, urged: true}
	}
	lasts := func(cluster string, d time.Duration) queued { return queued{cluster: cluster, lasts: d} }
	hangs := func(cluster string) queued { return queued{cluster: cluster, lasts: time.Minute, hung: true} }
	for _, test := range []struct {
		situation string
		paced     time.Duration // from now; the pace of probes is as long before it
		turns     []queued
		first     string
		again     time.Duration // from now; 0 for never
	}{
		{"nobody waits", 0, nil, "", 0},
		{"one waits", 0, []queued{waits("a")}, "a", 0},
		{"the first of equals", 0, []queued{waits("a"), waits("b")}, "a", 0},
		{"before its time", gap, []queued{waits("a")}, "", gap},
		{"a probe keeps another pace", gap, []queued{waits("a"), urged("b")}, "b", gap},
		{"a probe before its time", -gap, []queued{urged("b")}, "", gap},
		{"before the time of probes", -gap, []queued{waits("a"), urged("b")}, "a", gap},
		{"a probe goes first", 0, []queued{waits("a"), urged("b")}, "b", 0},
		{"who has waited for long keeps the pace", gap, []queued{waits("a"), {cluster: "b", waits: longestTurn}}, "", gap},
		{"who has waited for long goes first", 0, []queued{waits("a"), {cluster: "b", waits: longestTurn}}, "b", 0},
		{"who has waited for long, and a probe", 0, []queued{{cluster: "a", waits: longestTurn}, urged("b")}, "a", 0},
		{
			"half of the places are taken, and soon one has waited for long", 0,
			[]queued{lasts("a", 300*time.Millisecond), {cluster: "b", waits: longestTurn - 100*time.Millisecond}},
			"", 100 * time.Millisecond,
		},
		{"a cluster with none under way", 0, []queued{lasts("a", quickTime), waits("a"), waits("b")}, "b", 0},
		{"a cluster with none under way, and a probe", 0, []queued{lasts("a", quickTime), urged("a"), waits("b")}, "a", 0},
		{
			"the one served longest ago", 0,
			[]queued{hangs("a"), {cluster: "b", lasts: 2 * time.Minute, hung: true}, waits("a"), waits("b")},
			"b", 0,
		},
		{"all places are taken", 0, []queued{lasts("a", 300*time.Millisecond), lasts("a", 0), urged("b")}, "", 700 * time.Millisecond},
		{"one of them has taken too long", 0, []queued{lasts("a", quickTime), lasts("a", 0), urged("b")}, "b", 0},
		{"half of the places are taken", 0, []queued{lasts("a", 300*time.Millisecond), waits("b")}, "", 700 * time.Millisecond},
		{"half of them, and a probe", 0, []queued{lasts("a", 300*time.Millisecond), urged("b")}, "b", 0},
		{"more than half of them", 0, []queued{lasts("a", 300*time.Millisecond), lasts("a", 0), waits("b")}, "", time.Second},
		{"half of them have taken too long", 0, []queued{lasts("a", quickTime), lasts("a", quickTime), waits("b")}, "b", 0},
		{"half of them, and one has waited for long", 0, []queued{lasts("a", 0), {cluster: "b", waits: longestTurn}}, "b", 0},
		{"one that hung takes none of them", 0, []queued{lasts("a", 0), lasts("a", 0), hung("b")}, "b", 0},
		{"one that hung keeps the pace", gap, []queued{hung("b")}, "", gap},
		{"those that hang leave the others theirs", 0, []queued{hangs("a"), hangs("b"), hangs("c"), hungNow("d"), waits("e")}, "e", 0},
		{"those that hang wait for each other", 0, []queued{hangs("a"), hangs("b"), hangs("c"), hungNow("d")}, "", 0},
		{"those that hang leave half to those that probes wait for", 0, []queued{hangs("a"), hangs("b"), hung("c")}, "", longestTurn - time.Millisecond},
		{"those that hang, and a probe", 0, []queued{hangs("a"), hangs("b"), hungNow("c")}, "c", 0},
		{
			"what has lasted for long counts among those that hang", 0,
			[]queued{lasts("a", quickTime), lasts("a", quickTime), hangs("c"), hungNow("d")},
			"", 0,
		},
	} {
		now := time.Now()
		q := &dialQueue{
			most: 2, mostSlow: 3, gap: gap, paced: now.Add(test.paced), hurried: now.Add(-test.paced), shares: map[string]*dialShare{},
		}
		for _, turn := range test.turns {
			began := now.Add(-turn.lasts)
			added := &dialTurn{cluster: turn.cluster, asked: now.Add(-turn.waits), urged: turn.urged, slow: turn.hung}
			q.add(added)
			if turn.waits == 0 {
				paced, hurried := q.paced, q.hurried
				q.begin(added, began)
				q.paced, q.hurried = paced, hurried
			}
		}
		first, again := q.next(now)
		name := ""
		if first != nil {
			name = first.cluster
		}
		if want := now.Add(test.again); name != test.first || again.IsZero() != (test.again == 0) || test.again != 0 && !again.Equal(want) {
			t.Errorf("%s: %q, and the next at %v; want %q and %v", test.situation, name, again.Sub(now), test.first, test.again)
		}
	}
}

// TestDialPace: attempts are spread, also where the timer is late, and those that a probe waits for do
// not delay the others.
func TestDialPace(t *testing.T) {
	t.Parallel()
	const gap = 4 * time.Millisecond
	now := time.Now()
	q := &dialQueue{most: 10_000, gap: gap, shares: map[string]*dialShare{}}
	begun, urged, late := 0, 0, 3*time.Millisecond
	for range 2000 {
		q.add(&dialTurn{asked: now})
		q.add(&dialTurn{asked: now, urged: true})
	}
	end := now.Add(time.Second)
	for now.Before(end) {
		turn, again := q.next(now)
		if turn == nil {
			now = again.Add(late)
			continue
		}
		q.begin(turn, now)
		if turn.urged {
			urged++
		} else {
			begun++
		}
	}
	if want := int((time.Second + catchUp) / gap); begun < want-2 || begun > want || urged < hurry*(want-2) || urged > hurry*want {
		t.Errorf("%d attempts in a second, want %d, and %d that probes wait for, want %d", begun, want, urged, hurry*want)
	}
}
