package soakcheck

import (
	"testing"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
)

// written is a beat of a server that was sent at a moment and acknowledged so much later; -1 for
// one that was refused, -2 for one of which nothing is known.
func written(number int, server string, sent, took history.Moment, notices ...history.Notice) history.Beat {
	b := history.Beat{Number: number, Written: server, Started: sent * ms, Attempted: sent * ms, Ended: sent*ms + 1, Notices: notices, Refused: took == -1}
	if took >= 0 {
		b.Capacity, b.Sent, b.Acknowledged = new(int64(number)), new(sent*ms), new((sent+took)*ms)
		b.Ended = *b.Acknowledged + 1
	}
	return b
}

func began(since history.Moment) history.Notice {
	return history.Notice{Kind: history.OutageBegan, Since: since * ms}
}

func ended(after history.Moment) history.Notice {
	return history.Notice{Kind: history.OutageEnded, After: after * ms}
}

// hidden is one that began at a moment, and was written later, because another server had to be.
func hidden(number int, server string, started, sent history.Moment, notices ...history.Notice) history.Beat {
	b := written(number, server, sent, 1, notices...)
	b.Started = started * ms
	return b
}

func TestOutages(t *testing.T) {
	for name, c := range map[string]struct {
		beats    []history.Beat
		lasted   history.Moment // in ms, all of them by 1 s
		violated bool
	}{
		"none": {[]history.Beat{written(1, "a", 100, 1), written(2, "a", 200, 90)}, 0, false},
		"one": {
			[]history.Beat{written(1, "a", 100, 1), written(2, "a", 200, -1, began(200)), written(3, "a", 300, -1), written(4, "a", 400, 5, ended(205))},
			205, false,
		},
		"one that lasts": {[]history.Beat{written(1, "a", 200, -1, began(200))}, 800, false},
		"it is not told": {
			[]history.Beat{written(1, "a", 200, -1), written(2, "a", 400, 5)}, 0, true,
		},
		"it is told of a beat that was acknowledged": {[]history.Beat{written(1, "a", 200, 5, began(200), ended(5))}, 5, true},
		"it begins too early":                        {[]history.Beat{written(1, "a", 200, -1, began(199))}, 801, true},
		"its end is not told": {
			[]history.Beat{written(1, "a", 200, -1, began(200)), written(2, "a", 400, 5)}, 800, true,
		},
		"it is said to last longer": {
			[]history.Beat{written(1, "a", 200, -1, began(200)), written(2, "a", 400, 5, ended(206))}, 206, true,
		},
		"a connection that is made in the end": {
			[]history.Beat{written(1, "a", 200, -2), written(2, "a", 400, 5)}, 0, false,
		},
		"one that is not": {
			[]history.Beat{written(1, "a", 200, -2), written(2, "a", 300, -1, began(200)), written(3, "a", 400, 5, ended(205))}, 205, false,
		},
		"an attempt at the old primary that is hidden": {
			[]history.Beat{written(1, "a", 100, 1), written(2, "b", 400, 5, began(400), ended(5))}, 5, false,
		},
		"another beat ends it before that": {
			[]history.Beat{written(1, "a", 100, 1), hidden(2, "b", 200, 400, began(250)), written(3, "b", 300, 5, ended(55))}, 55, false,
		},
		"one is acknowledged meanwhile": {
			[]history.Beat{written(1, "a", 100, 1), written(2, "a", 200, -1, began(200)), written(3, "a", 300, 5), written(4, "a", 400, 5, ended(205))},
			205, true,
		},
		"the old primary was written": {[]history.Beat{written(1, "a", 100, 1), written(2, "b", 400, 5)}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			j := examine(&history.History{Settings: history.Settings{Pulse: 100 * ms}, Beats: c.beats})
			if got := len(j.verdicts[checkOutages].violations) > 0; got != c.violated {
				t.Errorf("violations %q, want one: %v", j.verdicts[checkOutages].violations, c.violated)
			}
			lasted := history.Moment(0)
			for _, o := range j.checkOutages(j.runs[history.Source{}]) {
				lasted += o.lasted(1000 * ms)
			}
			if lasted != c.lasted*ms {
				t.Errorf("%d ns in all, want %d ms", lasted, c.lasted)
			}
		})
	}
}

// TestSlowBeats: one that the next beat has to wait for is an outage where commits are quick.
func TestSlowBeats(t *testing.T) {
	for _, c := range []struct {
		usual, took, pulse history.Moment
		want               answer
	}{
		{1, 99, 100, no},
		{1, 101, 100, yes},
		{1, 101, 0, no},
		{50, 149, 100, no},
		{50, 151, 100, yes},
	} {
		r := &run{}
		for i := range history.Moment(20) {
			b := written(int(i), "a", 200*i, c.usual)
			r.acknowledged = append(r.acknowledged, &b)
		}
		w := &writing{j: &judge{History: &history.History{Settings: history.Settings{Pulse: c.pulse * ms}}}, r: r}
		first, late := written(1, "a", 100, c.took), written(21, "a", 5000, c.took)
		if got := w.slow(&first); got != no {
			t.Errorf("after no commits %d ms are slow: %v", c.took, got)
		}
		if got := w.slow(&late); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// TestTotalsHaveWhatHadEnded: a scrape's counters have the beats up to its own, and none that
// had not ended when it was answered.
func TestTotalsHaveWhatHadEnded(t *testing.T) {
	beats := []history.Beat{written(1, "a", 100, 1), written(2, "a", 200, 1), written(3, "a", 300, 1), written(4, "a", 400, 1)}
	for _, c := range []struct {
		own, told int
		answered  history.Moment
		commits   int64
		violated  bool
	}{
		{2, 0, 250, 1, true},
		{2, 0, 250, 2, false},
		{2, 0, 250, 3, true},
		{2, 0, 350, 3, false},
		{2, 0, 350, 4, true},
		{0, 3, 250, 2, true},
		{0, 3, 250, 3, false},
	} {
		h := &history.History{Beats: beats, Probes: []history.Probe{{
			Number: 1, To: c.answered * ms, Totals: history.Totals{Beat: c.own, Beats: c.told, Commits: c.commits},
		}}}
		if v := examine(h).verdicts[checkCommits]; v.compared != 1 || (len(v.violations) > 0) != c.violated {
			t.Errorf("%+v: %q", c, v.violations)
		}
	}
}

// TestAges has a probe of beat 4, with a stale read from 500 to 501 ms: the replica shows beat 2, and beat 3 was acknowledged at 301 ms.
func TestAges(t *testing.T) {
	read := func(at history.Moment) history.Read { return history.Read{Sent: at * ms, Received: at*ms + 1} }
	for name, c := range map[string]struct {
		say      func(*history.Probe)
		check    string
		violated bool
	}{
		"a bound of the value that is shown":     {func(p *history.Probe) { p.Bound = new(0.302) }, checkBoundOwn, false},
		"a bound of a later one":                 {func(p *history.Probe) { p.Bound = new(0.201) }, checkBoundOwn, true},
		"a bound as the oldest that is missed":   {func(p *history.Probe) { p.Bound = new(0.2) }, checkBoundTruth, false},
		"a bound below that":                     {func(p *history.Probe) { p.Bound = new(0.199) }, checkBoundTruth, true},
		"a lag as the oldest that is missed":     {func(p *history.Probe) { p.LagSeconds = new(0.199) }, checkLagTruth, false},
		"a lag beyond that":                      {func(p *history.Probe) { p.LagSeconds = new(0.2) }, checkLagTruth, true},
		"two that are not shown":                 {func(p *history.Probe) { p.Unseen = new(int64(2)) }, checkUnseen, false},
		"one of the pulse that came meanwhile":   {func(p *history.Probe) { p.Unseen = new(int64(3)) }, checkUnseen, false},
		"more than were acknowledged until then": {func(p *history.Probe) { p.Unseen = new(int64(4)) }, checkUnseen, true},
		"too few":                                {func(p *history.Probe) { p.Unseen = new(int64(1)) }, checkUnseen, true},
	} {
		t.Run(name, func(t *testing.T) {
			h := &history.History{
				Beats: []history.Beat{written(1, "a", 100, 1), written(2, "a", 199, 1), written(3, "a", 300, 1), written(4, "a", 399, 1), written(5, "a", 501, 1), written(6, "a", 600, 1)},
				Seen: []history.Seen{
					{Value: 1, Connection: 1, First: read(150), Last: read(180)},
					{Value: 2, Connection: 1, First: read(250), Last: read(900)},
				},
				Probes: []history.Probe{{
					Number: 1, Capacity: new(int64(4)), Sent: new(399 * ms), Acknowledged: new(400 * ms), ReplicaCapacity: new(int64(2)),
					Ended: new(510 * ms), Reads: history.Reads{FirstSent: new(400*ms + 1), FirstReceived: new(401 * ms), LastStale: new(500 * ms), Decided: new(501 * ms)},
				}},
			}
			c.say(&h.Probes[0])
			if v := examine(h).verdicts[c.check]; v.compared != 1 || (len(v.violations) > 0) != c.violated {
				t.Errorf("%d compared, violations %q, want one: %v", v.compared, v.violations, c.violated)
			}
		})
	}
}
