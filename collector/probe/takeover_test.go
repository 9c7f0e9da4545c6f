package probe

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// duel is a primary, old, and a replica of it, promoted, that can be promoted beside it.
type duel struct {
	old, promoted *fakeNode
	acknowledged  atomic.Int64 // the last value of the old one
}

func newDuel() *duel {
	d := &duel{old: fakePrimary(0), promoted: &fakeNode{name: "promoted", server: server(2)}}
	acknowledge := d.old.write
	d.old.write = func() (Write, error) {
		w, err := acknowledge()
		d.acknowledged.Store(w.Capacity)
		return w, err
	}
	d.promoted.read = func(int) (Read, error) {
		shown := d.acknowledged.Load()
		return read(standby(verdict.LSN(100*shown)), row(shown)), nil
	}
	return d
}

// promote promotes the replica after the value from: it takes writes, as the old one does.
func (d *duel) promote(from int64) {
	var written atomic.Int64
	kept := func() verdict.Row {
		value := from + written.Load()
		r := verdict.Row{Found: true, Capacity: value, Mark: value, Born: 1, Timeline: 1, Eras: []verdict.Era{{ID: 1}}}
		if value > from {
			r.Timeline, r.Mark, r.Eras = 2, -value, append(r.Eras, verdict.Era{ID: 9, From: from})
		}
		return r
	}
	d.promoted.setRead(func(int) (Read, error) { return read(verdict.State{Detailed: true, Timeline: 2}, kept()), nil })
	d.promoted.setWrite(func() (Write, error) {
		value := from + written.Add(1)
		now := time.Now()
		return Write{Row: kept(), Sent: now, Acknowledged: now, LSN: verdict.LSN(100 * value)}, nil
	})
}

// TestOwnBeatsHaveNoDelay: who acknowledged a beat has it from then on, and is no replica of
// which it can be said how long it took, when another server has taken over.
func TestOwnBeatsHaveNoDelay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, told := newDuel(), &recorder{}
		c := newCluster(t, Config{}, d.old, d.promoted)
		c.Observe(told)
		for range 3 {
			probeWithin(t, c, 5*time.Second)
			time.Sleep(time.Minute)
		}
		d.promote(3)
		for range 3 {
			probeWithin(t, c, 5*time.Second)
			time.Sleep(time.Minute)
		}
		if told.ended()[5].Primary != "promoted" {
			t.Fatalf("%s was written", told.ended()[5].Primary)
		}
		for _, delay := range told.shown() {
			if delay > time.Second {
				t.Errorf("a beat was visible after %v, on the server that acknowledged it", delay)
			}
		}
	})
}

// TestLateProbeOfTheOldPrimary: a probe of it is still waiting for reads when the first beat of another
// primary is acknowledged. It does not know that the old one still takes writes beside that.
func TestLateProbeOfTheOldPrimary(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, told := newDuel(), &recorder{}
		c := newCluster(t, Config{Pulse: 100 * time.Millisecond}, d.old, d.promoted)
		c.Observe(told)
		probeWithin(t, c, 5*time.Second)
		d.promoted.setRead(func(int) (Read, error) { return read(standby(100), row(1)), nil })
		time.AfterFunc(300*time.Millisecond, func() { d.promote(1) })
		c.Start()
		probeWithin(t, c, 5*time.Second)
		time.Sleep(5 * time.Second)
		lost, atRisk, takeovers := int64(0), false, 0
		for _, r := range told.ended() {
			if r.Lost != nil {
				lost += r.Lost.Commits
			}
			atRisk = atRisk || r.AtRisk != nil
			takeovers += len(r.Takeovers)
		}
		if lost != 0 || !atRisk || takeovers != 1 {
			t.Errorf("%d lost, at risk %v, %d takeovers, want all at risk beside one", lost, atRisk, takeovers)
		}
	})
}

// TestOutageEndsOnTheOldPrimary: a probe finds that it can be written again, and then that a better one can.
func TestOutageEndsOnTheOldPrimary(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDuel()
		c := newCluster(t, Config{}, d.old, d.promoted)
		probeWithin(t, c, 5*time.Second)
		acknowledge := d.old.write
		d.old.setWrite(func() (Write, error) {
			return Write{}, &Error{Reason: ReasonDiskFull, Err: errors.New("no space left")}
		})
		first := probeWithin(t, c, 5*time.Second)
		time.Sleep(time.Minute)
		d.old.setWrite(acknowledge)
		d.promote(1)
		r := probeWithin(t, c, 5*time.Second)
		if r.Primary != "promoted" || r.Outage.Ended < time.Minute || r.Outage.All != r.Outage.Ended {
			t.Errorf("%s was written, and the outage since %v is %+v", r.Primary, first.Outage.Began, r.Outage)
		}
	})
}

// TestManagerIsHeeded in a split brain, but only in what it says when it is asked after both were seen to take writes.
func TestManagerIsHeeded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, word := newDuel(), Word{Leader: "primary", Asked: time.Now()}
		c := newCluster(t, Config{}, d.old, d.promoted)
		c.Heed(func() Word { return word })
		written := func() string {
			time.Sleep(time.Minute)
			return probeWithin(t, c, 5*time.Second).Primary
		}
		written()
		d.promote(1)
		for i, want := range []string{"promoted", "promoted", "primary", "primary", "promoted", "promoted"} {
			switch i {
			case 2: // It is asked, and names the old one still.
				word.Asked = time.Now()
			case 4:
				word = Word{Leader: "promoted", Asked: time.Now()}
			case 5: // It fails over to one that nobody probes.
				word = Word{Leader: "elsewhere", Asked: time.Now()}
			}
			if got := written(); got != want {
				t.Errorf("probe %d writes %s, want %s", i, got, want)
			}
		}
	})
}

// TestSilentPrimaryHoldsUpNoTakeover: the pulse's beats wait for a connection to a primary that has gone silent. Once
// its standby has been promoted, they do so no longer: the others are asked each second.
func TestSilentPrimaryHoldsUpNoTakeover(t *testing.T) {
	t.Parallel()
	for ms := 200; ms < 12000; ms += 370 {
		silence := time.Duration(ms) * time.Millisecond
		t.Run(silence.String(), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { takeOverFromSilence(t, silence) }) })
	}
}

// takeOverFromSilence has a standby promoted when the primary has been silent for some time.
func takeOverFromSilence(t *testing.T, silence time.Duration) {
	d, told := newDuel(), &recorder{}
	c := newCluster(t, Config{Pulse: 100 * time.Millisecond}, d.old, d.promoted)
	c.Observe(told)
	probeWithin(t, c, 5*time.Second)
	c.Start()
	time.Sleep(3 * time.Second)
	began := time.Now()
	d.old.set(func() {
		d.old.hang, d.old.mute = true, true
		// The first beat that is not answered costs the connection.
		d.old.gone = func() bool { return time.Since(began) > 4*time.Second }
	})
	time.Sleep(silence)
	promoted := time.Now()
	d.promote(d.acknowledged.Load())
	time.Sleep(10 * time.Second)
	for _, r := range told.ended() {
		if r.Write == nil || r.Primary != "promoted" {
			continue
		}
		if took := r.Write.Acknowledged.Sub(promoted); took > impatienceAgain+2*impatience {
			t.Errorf("promoted after %v: acknowledged another %v later", silence, took)
		}
		return
	}
	t.Errorf("promoted after %v: no beat was acknowledged", silence)
}

// TestOutageWhileConnecting: that the primary cannot be connected turns out when it is asked why
// it was not written. The outage began with the first beat that found it being connected.
func TestOutageWhileConnecting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDuel()
		c := newCluster(t, Config{}, d.old, d.promoted)
		probeWithin(t, c, 5*time.Second)
		acknowledge, answers := d.old.write, d.old.read
		connecting := func(int) (Read, error) { return Read{}, ErrConnecting }
		d.old.setWrite(func() (Write, error) { return Write{}, ErrConnecting })
		d.old.setRead(connecting)
		first := probeWithin(t, c, 5*time.Second)
		time.Sleep(time.Second)
		d.old.setRead(func(int) (Read, error) { return Read{}, &Error{Reason: ReasonConnect, Err: errors.New("refused")} })
		second := probeWithin(t, c, 5*time.Second)
		if o := second.Outage; !first.Outage.Began.IsZero() || !o.Began.Equal(first.Attempted) || o.Node != "primary" || ReasonOf(o.Err) != ReasonConnect {
			t.Errorf("the outage is %+v, want one since %v; before it was %+v", o, first.Attempted, first.Outage)
		}
		d.old.setWrite(acknowledge)
		d.old.setRead(answers)
		if r := probeWithin(t, c, 5*time.Second); r.Outage.Ended != r.Write.Acknowledged.Sub(first.Attempted) {
			t.Errorf("it can be written again: %+v", r.Outage)
		}
		time.Sleep(time.Second)
		d.old.setWrite(func() (Write, error) { return Write{}, ErrConnecting })
		d.old.setRead(connecting)
		probeWithin(t, c, 5*time.Second)
		d.old.setWrite(acknowledge)
		d.old.setRead(answers)
		if r := probeWithin(t, c, 5*time.Second); !r.Outage.Began.IsZero() || r.Outage.Ended != 0 {
			t.Errorf("a connection that was made in the end: %+v", r.Outage)
		}
	})
}
