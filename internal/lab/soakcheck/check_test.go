package soakcheck

import (
	"bytes"
	"strings"
	"testing"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
)

const ms = history.Moment(1e6)

// one returns a history of one probe that was sent at 1 s and acknowledged 2 ms
// later, with a limit of 100 ms, and an observer that saw the canary come
// between lastStale and firstFresh, counted from the acknowledgement.
func one(lastStale, firstFresh history.Moment) *history.History {
	const sent, acknowledged = 1000 * ms, 1002 * ms
	return &history.History{
		Settings: history.Settings{SyncedWithin: 100 * ms},
		Probes: []history.Probe{{
			Number: 1, Up: true, Capacity: new(int64(10)), Sent: new(sent), Acknowledged: new(acknowledged),
			ReplicaCapacity: new(int64(9)), Reads: history.Reads{FirstSent: new(acknowledged + 1), FirstReceived: new(acknowledged + ms)},
		}},
		Seen: []history.Seen{
			{Value: 9, Connection: 1, First: history.Read{Sent: 500 * ms, Received: 501 * ms}, Last: history.Read{
				Sent: acknowledged + lastStale, Received: acknowledged + lastStale + 1,
			}},
			{Value: 10, Connection: 1, First: history.Read{Sent: acknowledged + lastStale + 1, Received: acknowledged + firstFresh}, Last: history.Read{
				Sent: 5000 * ms, Received: 5001 * ms,
			}},
		},
	}
}

// TestBounds goes to the very nanosecond at which a doubt becomes a proof.
func TestBounds(t *testing.T) {
	for name, c := range map[string]struct {
		lastStale, firstFresh history.Moment
		say                   func(*history.Probe)
		check                 string
		violated              bool
	}{
		"synced 1, last stale at the limit": {100 * ms, 102 * ms, func(p *history.Probe) { p.Synced = new(true) }, checkSynced1, false},
		"synced 1, last stale after it":     {100*ms + 1, 102 * ms, func(p *history.Probe) { p.Synced = new(true) }, checkSynced1, true},
		"synced 0, first fresh after it":    {99 * ms, 100*ms + 1, func(p *history.Probe) { p.Synced = new(false) }, checkSynced0, false},
		"synced 0, first fresh at it":       {99 * ms, 100 * ms, func(p *history.Probe) { p.Synced = new(false) }, checkSynced0, true},
		"touching, observer later": {
			20 * ms, 21 * ms, func(p *history.Probe) { p.FirstFresh = new(*p.Acknowledged + 20*ms) }, checkOverlap, false,
		},
		"apart, observer later": {
			20*ms + 1, 21 * ms, func(p *history.Probe) { p.FirstFresh = new(*p.Acknowledged + 20*ms) }, checkOverlap, true,
		},
		"touching, observer earlier": {
			20 * ms, 21 * ms, func(p *history.Probe) { p.LastStale = new(*p.Acknowledged + 21*ms) }, checkOverlap, false,
		},
		"apart, observer earlier": {
			20 * ms, 21 * ms, func(p *history.Probe) { p.LastStale = new(*p.Acknowledged + 21*ms + 1) }, checkOverlap, true,
		},
		"0 bytes, stale at the read's end": {
			ms, 2 * ms, func(p *history.Probe) { p.LagBytes, p.ReplicaCapacity = new(int64(0)), p.Capacity }, checkLagBytes, false,
		},
		"0 bytes, stale after it": {
			ms + 1, 2 * ms, func(p *history.Probe) { p.LagBytes, p.ReplicaCapacity = new(int64(0)), p.Capacity }, checkLagBytes, true,
		},
		"0 bytes beside an older value": {
			0, ms, func(p *history.Probe) { p.LagBytes = new(int64(0)) }, checkLagBytes, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := one(c.lastStale, c.firstFresh)
			c.say(&h.Probes[0])
			v := examine(h).verdicts[c.check]
			if v.compared == 0 || (len(v.violations) > 0) != c.violated {
				t.Errorf("%d compared, violations %q, want one: %v", v.compared, v.violations, c.violated)
			}
		})
	}
}

// TestLagBehind: the replica's value changes while the exporter's last stale read
// is on its way, so the lag may be that of either value.
func TestLagBehind(t *testing.T) {
	read := func(at history.Moment) history.Read { return history.Read{Sent: at, Received: at + 1} }
	h := &history.History{Settings: history.Settings{SyncedWithin: 100 * ms}}
	for i := range 4 {
		at := history.Moment(i+1) * 1000 * ms
		h.Probes = append(h.Probes, history.Probe{Number: i, Capacity: new(int64(i + 1)), Sent: new(at - ms), Acknowledged: new(at)})
		h.Beats = append(h.Beats, history.Beat{Number: i + 1, Scraped: true, Capacity: new(int64(i + 1)), Sent: new(at - ms), Acknowledged: new(at)})
	}
	last := &h.Probes[3]
	last.LastStale, last.Ended = new(5000*ms), new(5010*ms)
	h.Seen = []history.Seen{
		{Value: 1, Connection: 1, First: read(1500 * ms), Last: read(5001 * ms)},
		{Value: 2, Connection: 1, First: read(5002 * ms), Last: read(9000 * ms)},
	}
	for lag, want := range map[float64]int{2: 0, 3: 0, 1.9: 1, 3.1: 1} {
		last.LagSeconds = new(lag)
		v := examine(h).verdicts[checkLagBehind]
		if v.compared != 1 || len(v.violations) != want {
			t.Errorf("a lag of %v s: %d compared, %q", lag, v.compared, v.violations)
		}
	}
}

// TestRestart: what the observer read in another life proves nothing.
func TestRestart(t *testing.T) {
	h := one(150*ms, 160*ms)
	h.Probes[0].Synced, h.Probes[0].FirstFresh = new(true), new(*h.Probes[0].Acknowledged+20*ms)
	for i := range h.Seen {
		h.Seen[i].Connection = i + 1
	}
	h.Seen[0].First.Sent, h.Seen[0].First.Received = 1100*ms, 1101*ms
	h.Faults = []history.Fault{{Kind: "kill", From: 1030 * ms, To: 1090 * ms, Restart: true}}
	j := examine(h)
	for _, name := range []string{checkSynced1, checkOverlap} {
		if v := j.verdicts[name]; len(v.violations) > 0 {
			t.Errorf("%s: %q", name, v.violations)
		}
	}
	h.Faults[0].Restart = false // Now it is one life.
	j = examine(h)
	for _, name := range []string{checkSynced1, checkOverlap} {
		if v := j.verdicts[name]; len(v.violations) != 1 {
			t.Errorf("%s: %q, want one", name, v.violations)
		}
	}
	h.Faults[0] = history.Fault{Kind: "kill", From: 1010 * ms, To: 1015 * ms, Restart: true}
	if j = examine(h); j.cut == 0 {
		t.Error("a claim that a restart cuts in two was compared")
	}
}

// TestConnectionBelongsToALife: reads while the server is being stopped or
// started belong to the life that their connection was in.
func TestConnectionBelongsToALife(t *testing.T) {
	run := func(connection int, from, to history.Moment) history.Seen {
		return history.Seen{Connection: connection, First: history.Read{Sent: from, Received: from + 1}, Last: history.Read{Sent: to, Received: to + 1}}
	}
	all := lives(&history.History{
		Seen:   []history.Seen{run(1, 10, 20), run(1, 30, 105), run(2, 110, 120), run(3, 190, 220), run(3, 230, 240)},
		Faults: []history.Fault{{Kind: "restart", From: 100, To: 200, Restart: true}},
	})
	if len(all) != 2 || len(all[0].runs) != 2 || len(all[1].runs) != 2 {
		t.Errorf("%+v", all)
	}
}

func TestSilenceIsNoProof(t *testing.T) {
	var out bytes.Buffer
	if report(&out, examine(&history.History{})) {
		t.Errorf("an empty history was found good:\n%s", &out)
	}
}

func TestUnreadable(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":       "",
		"no settings":   `{"fault":{"kind":"cut","from":1,"to":2}}`,
		"cut off":       `{"settings":{"synced_within":1}}` + "\n" + `{"probe":{"num`,
		"unknown field": `{"settings":{"synced_within":1}}` + "\n" + `{"probe":{"nmuber":1}}`,
		"empty object":  `{"settings":{"synced_within":1}}` + "\n{}",
	} {
		if _, err := history.Load(strings.NewReader(text)); err == nil {
			t.Errorf("%s: it was read", name)
		}
	}
}
