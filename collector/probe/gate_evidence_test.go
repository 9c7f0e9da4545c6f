package probe

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// gateScene is a situation in which somebody asks for the replica and the primary, after a good answer for each.
type gateScene struct {
	change           func(t *testing.T, p *gatePair)
	ask              GateAsk
	replica, primary verdict.GateState
	writable         verdict.GateState // of the primary
}

// TestGate: what happens between two checks.
func TestGate(t *testing.T) {
	const fresh, primary, writable = verdict.GateFresh, verdict.GatePrimary, verdict.GateWritable
	for name, scene := range map[string]gateScene{
		"nothing":                {nil, GateAsk{}, fresh, primary, writable},
		"the replica is paused":  {func(t *testing.T, p *gatePair) { p.set(func() { p.paused = 1 }); pause(p) }, GateAsk{}, "paused", primary, writable},
		"it does not answer":     {func(t *testing.T, p *gatePair) { p.replica.set(func() { p.replica.hang = true }) }, GateAsk{}, verdict.GateUnknown, primary, writable},
		"it refuses connections": {func(t *testing.T, p *gatePair) { gone(p.replica) }, GateAsk{}, verdict.GateUnreachable, primary, writable},
		"a pooler comes between": {func(t *testing.T, p *gatePair) { p.replica.set(func() { p.replica.pooled = true }) }, GateAsk{}, verdict.GatePooled, primary, writable},
		"a pooler before the primary": {func(t *testing.T, p *gatePair) {
			p.primary.set(func() { p.primary.pooled = true })
		}, GateAsk{}, fresh, verdict.GatePooled, writable},
		"a list of hosts":  {func(t *testing.T, p *gatePair) { p.replica.set(func() { p.replica.several = true }) }, GateAsk{}, verdict.GateBalanced, primary, writable},
		"servers in turn":  {takeTurns, GateAsk{}, verdict.GateBalanced, primary, writable},
		"another cluster":  {func(t *testing.T, p *gatePair) { p.replica.set(func() { p.replica.server.System = 2 }) }, GateAsk{}, verdict.GateForeign, primary, writable},
		"another history":  {leave, GateAsk{}, verdict.GateDiverged, primary, writable},
		"it is promoted":   {promote, GateAsk{}, verdict.GateSplit, verdict.GateSplit, writable},
		"the table is new": {forget, GateAsk{}, verdict.GateUnknown, primary, writable},
		"the primary refuses": {
			func(t *testing.T, p *gatePair) { p.primary.setWrite(refused) },
			GateAsk{},
			verdict.GateNoPrimary, verdict.GateNoPrimary, verdict.GateNoPrimary,
		},
		"it refuses, and the replica is kept": {
			func(t *testing.T, p *gatePair) { p.primary.setWrite(refused) },
			GateAsk{KeepDown: true},
			verdict.GateKept, verdict.GateKept, verdict.GateNoPrimary,
		},
		"it hangs": {
			func(t *testing.T, p *gatePair) { p.primary.set(func() { p.primary.hang = true }) },
			GateAsk{},
			verdict.GateNoPrimary, verdict.GateUnknown, verdict.GateNoPrimary,
		},
		"it hangs, and the replica is kept": {
			func(t *testing.T, p *gatePair) { p.primary.set(func() { p.primary.hang = true }) },
			GateAsk{KeepDown: true},
			verdict.GateKept, verdict.GateUnknown, verdict.GateNoPrimary,
		},
		"the exporter may not write, which is no reason to keep anything": {func(t *testing.T, p *gatePair) {
			p.primary.setWrite(func() (Write, error) {
				return Write{}, &Error{Reason: ReasonPermission, Answered: true, Err: errors.New("permission denied")}
			})
		}, GateAsk{KeepDown: true}, verdict.GateNoPrimary, verdict.GateNoPrimary, verdict.GateNoPrimary},
		"it is gone, and the replica was behind": {func(t *testing.T, p *gatePair) {
			p.set(func() { p.paused = 1 })
			p.Probe(t.Context())
			p.primary.setWrite(refused)
		}, GateAsk{KeepDown: true}, verdict.GateNoPrimary, verdict.GateKept, verdict.GateNoPrimary},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newGatePair(t, Config{MinInterval: 200 * ms})
				p.askAll(t, GateAsk{}, fresh, primary, writable)
				time.Sleep(3 * time.Second)
				if scene.change != nil {
					scene.change(t, p)
				}
				p.askAll(t, scene.ask, scene.replica, scene.primary, scene.writable)
			})
		})
	}
}

// askAll asks for each node, and wants the given states.
func (p *gatePair) askAll(t *testing.T, ask GateAsk, replica, primary, writable verdict.GateState) {
	t.Helper()
	open := []verdict.GateState{verdict.GateFresh, verdict.GatePrimary, verdict.GateKept, verdict.GateWritable}
	check := func(what string, want verdict.GateState, got GateAnswer) {
		t.Helper()
		if got.State != want || got.Open != slices.Contains(open, want) {
			t.Errorf("%s: %+v, want %s", what, got, want)
		}
	}
	answer, _ := p.fresh(t, "b", ask)
	check("the replica", replica, answer)
	answer, _ = p.fresh(t, "a", ask)
	check("the primary", primary, answer)
	ask.Node, ask.Max = "a", time.Second
	answer, err := p.Writable(t.Context(), ask)
	if err != nil {
		t.Error(err)
	}
	check("writes", writable, answer)
	ask.Node = "b"
	if answer, err = p.Writable(t.Context(), ask); err != nil || answer.Open {
		t.Errorf("writes to the replica: %+v, %v", answer, err)
	}
}

func gone(f *fakeNode) {
	f.set(func() {
		f.gone, f.refuses = func() bool { return true }, &Error{Reason: ReasonConnect, Err: errors.New("connection refused")}
	})
}

func pause(p *gatePair) {
	p.replica.setRead(func(int) (Read, error) {
		state := standby(verdict.LSN(100 * p.visible()))
		state.ReplayPaused = true
		return read(state, row(p.visible())), nil
	})
}

// takeTurns has the replica's address lead to another server, and back, as probes see.
func takeTurns(t *testing.T, p *gatePair) {
	for _, started := range []int64{3, 2} {
		p.replica.set(func() { p.replica.server = server(started); p.replica.breaks++ })
		p.Probe(t.Context())
		time.Sleep(time.Second)
	}
}

// leave has the replica show a line of its own.
func leave(_ *testing.T, p *gatePair) {
	p.replica.setRead(func(int) (Read, error) {
		r := row(1)
		r.Capacity, r.Mark, r.Eras = 9, 9, append(r.Eras, verdict.Era{ID: 9, From: 0})
		r.Eras = []verdict.Era{{ID: 9, From: 0}}
		return read(standby(900), r), nil
	})
}

// promote has the replica take writes, beside the primary.
func promote(_ *testing.T, p *gatePair) {
	shown := p.visible()
	p.replica.setRead(func(int) (Read, error) { return read(verdict.State{Detailed: true, Timeline: 1}, row(shown)), nil })
}

// forget has the replica show a row that was made apart.
func forget(_ *testing.T, p *gatePair) {
	p.replica.setRead(func(int) (Read, error) {
		r := row(p.visible())
		r.Born = 9
		return read(standby(900), r), nil
	})
}

// TestConnectionThatBrokeProvesNothing: the server behind it may have recovered, and show less than before.
func TestConnectionThatBrokeProvesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newGatePair(t, Config{MinInterval: 200 * ms})
		if answer, _ := p.fresh(t, "b", GateAsk{Max: 10 * time.Second}); !answer.Open {
			t.Fatalf("%+v", answer)
		}
		p.replica.set(func() { p.replica.breaks++ })
		p.set(func() { p.paused = -1 }) // It shows what it showed: nothing but a read can tell.
		before := p.replica.readsSoFar()
		if answer, _ := p.fresh(t, "b", GateAsk{Max: 10 * time.Second}); !answer.Open || p.replica.readsSoFar() == before || p.written() != 1 {
			t.Errorf("%+v after %d reads and %d beats; want a read, and no beat", answer, p.replica.readsSoFar()-before, p.written())
		}
		// After a crash it is behind what it showed.
		p.replica.set(func() { p.replica.breaks++ })
		p.replica.setRead(func(int) (Read, error) { return read(standby(0), row(0)), nil })
		if answer, _ := p.fresh(t, "b", GateAsk{Max: 10 * time.Second}); answer.Open {
			t.Errorf("a server that recovered, and shows less, is let through: %+v", answer)
		}
	})
}

// TestSilentNodeIsAsked again within a few seconds, however stale a read may be, and needs no beat.
func TestSilentNodeIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newGatePair(t, Config{MinInterval: 200 * ms})
		for range 20 {
			if answer, _ := p.fresh(t, "b", GateAsk{Max: time.Hour}); !answer.Open {
				t.Errorf("%+v", answer)
			}
			time.Sleep(5 * time.Second)
		}
		if p.written() != 1 {
			t.Errorf("%d beats within an hour's staleness", p.written())
		}
		p.replica.set(func() { p.replica.hang = true })
		if answer, _ := p.fresh(t, "b", GateAsk{Max: time.Hour}); answer.Open {
			t.Errorf("a node that does not answer is let through: %+v", answer)
		}
	})
}

// TestRefusedLongAgo says nothing about now: the primary may be back and take writes that the node does not show.
func TestRefusedLongAgo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newGatePair(t, Config{MinInterval: 200 * ms})
		keep := GateAsk{KeepDown: true}
		p.fresh(t, "b", keep)
		p.primary.setWrite(refused)
		time.Sleep(time.Second)
		for range 10 { // Each is answered at once, or as soon as the primary has refused.
			if answer, took := p.fresh(t, "b", keep); answer.State != verdict.GateKept || answer.Reason != ReasonConnect || took > 300*ms {
				t.Errorf("%+v after %v", answer, took)
			}
			time.Sleep(700 * ms)
		}
		p.primary.setWrite(p.acknowledge)
		p.set(func() { p.paused = 1 })
		time.Sleep(time.Minute)
		if answer, _ := p.fresh(t, "b", keep); answer.Open {
			t.Errorf("a minute after the primary refused: %+v", answer)
		}
	})
}

// TestNodeThatIsNone, also one that there was when the check began.
func TestNodeThatIsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newGatePair(t, Config{MinInterval: 200 * ms})
		if _, err := p.Fresh(t.Context(), GateAsk{Node: "c", Max: time.Second}); !errors.Is(err, ErrNoNode) {
			t.Errorf("%v", err)
		}
		p.fresh(t, "b", GateAsk{})
		time.Sleep(time.Second)
		p.set(func() { p.paused = 1 })
		failed := make(chan error, 1)
		go func() {
			_, err := p.Fresh(t.Context(), GateAsk{Node: "b", Max: 10 * time.Second, Timeout: 10 * time.Second})
			failed <- err
		}()
		time.Sleep(ms)
		if err := p.Change(t.Context(), p.cfg, []Node{p.primary}, nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(11 * time.Second)
		if answer, _ := p.fresh(t, "a", GateAsk{}); !answer.Open {
			t.Errorf("after the change: %+v", answer)
		}
		if err := <-failed; err != nil && !errors.Is(err, ErrNoNode) {
			t.Error(err)
		}
	})
}

// TestClosedClusterAnswers at once.
func TestClosedClusterAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newGatePair(t, Config{MinInterval: 200 * ms})
		p.fresh(t, "b", GateAsk{})
		p.set(func() { p.paused = 1 })
		time.Sleep(time.Second)
		ended := make(chan GateAnswer, 1)
		go func() {
			answer, _ := p.fresh(t, "b", GateAsk{Timeout: time.Hour})
			ended <- answer
		}()
		time.Sleep(10 * ms)
		p.Stop()
		if answer := <-ended; answer.Open {
			t.Errorf("%+v", answer)
		}
		if answer, took := p.fresh(t, "b", GateAsk{}); answer.Open || took > 0 {
			t.Errorf("%+v after %v", answer, took)
		}
	})
}
