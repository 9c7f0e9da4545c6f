package probe

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// duel is a primary, old, and a replica of it, promoted, that can be promoted beside it.
type duel struct {
	old, promoted *fakeNode
	acknowledged  int64 // the last value of the old one
}

func newDuel() *duel {
	d := &duel{old: fakePrimary(0), promoted: &fakeNode{name: "promoted", server: server(2)}}
	acknowledge := d.old.write
	d.old.write = func() (Write, error) {
		w, err := acknowledge()
		d.acknowledged = w.Capacity
		return w, err
	}
	d.promoted.read = func(int) (Read, error) {
		shown := d.acknowledged
		return read(standby(verdict.LSN(100*shown)), row(shown)), nil
	}
	return d
}

// promote promotes the replica after the value from: it takes writes, as the old one does.
func (d *duel) promote(from int64) {
	value := from
	kept := func() verdict.Row {
		r := verdict.Row{Found: true, Capacity: value, Mark: value, Born: 1, Timeline: 1, Eras: []verdict.Era{{ID: 1}}}
		if value > from {
			r.Timeline, r.Mark, r.Eras = 2, -value, append(r.Eras, verdict.Era{ID: 9, From: from})
		}
		return r
	}
	d.promoted.setRead(func(int) (Read, error) { return read(verdict.State{Detailed: true, Timeline: 2}, kept()), nil })
	d.promoted.setWrite(func() (Write, error) {
		value++
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
