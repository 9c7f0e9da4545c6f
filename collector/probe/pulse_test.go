package probe

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// TestPulse sends beats between the scrapes, and reads a standby as little as it can.
func TestPulse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, told := newScene(time.Millisecond, 2*time.Millisecond), &recorder{}
		c := newCluster(t, Config{Pulse: 100 * time.Millisecond}, s.primary, s.replica)
		c.Observe(told)
		c.Start()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if got := len(told.ended()); got < 95 || got > 105 {
			t.Errorf("%d beats in ten seconds", got)
		}
		for _, r := range told.ended() {
			if r.Scraped || r.Write == nil || r.Nodes[1].Replica.Synced == nil || !*r.Nodes[1].Replica.Synced {
				t.Fatalf("a beat: %+v", r.Nodes[1].Replica)
			}
		}
		if len(told.shown()) != len(told.ended()) {
			t.Errorf("%d beats were seen, of %d", len(told.shown()), len(told.ended()))
		}
		if r := probeWithin(t, c, time.Second); !r.Scraped || r.Nodes[1].Replica.First.ReplayLSN == 0 {
			t.Errorf("a probe: %+v", r.Nodes[1].Replica)
		}
		gaps := 0
		for i := 1; i < len(s.acknowledged); i++ {
			if gap := s.acknowledged[i].Sub(s.acknowledged[i-1]); gap < 80*time.Millisecond || gap > 120*time.Millisecond {
				gaps++
			}
		}
		if gaps > 1 { // A scrape's beat came in between.
			t.Errorf("%d gaps are far from the interval", gaps)
		}
	})
}

// TestPulseOfALaggingReplica judges each beat in time, though the replica shows it much later.
func TestPulseOfALaggingReplica(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, told := newScene(time.Millisecond, 3*time.Second), &recorder{}
		c := newCluster(t, Config{Pulse: 100 * time.Millisecond}, s.primary, s.replica)
		c.Observe(told)
		c.Start()
		time.Sleep(20 * time.Second)
		if got := len(told.ended()); got < 190 {
			t.Errorf("%d beats in twenty seconds", got)
		}
		late := 0
		for _, r := range told.ended() {
			if replica := r.Nodes[1].Replica; replica.Synced != nil && !*replica.Synced {
				late++
			}
		}
		if late < len(told.ended())-1 {
			t.Errorf("%d of %d were late", late, len(told.ended()))
		}
		for _, delay := range told.shown() {
			if delay < s.delay || delay > s.delay+30*time.Millisecond {
				t.Errorf("one was visible after %v", delay)
			}
		}
		r := probeWithin(t, c, 5*time.Second).Nodes[1].Replica
		if lag := *r.Lag; lag < s.delay-120*time.Millisecond || lag > s.delay {
			t.Errorf("the lag is %v", lag)
		}
		if bound := *r.StalenessBound; bound < s.delay || bound > s.delay+150*time.Millisecond {
			t.Errorf("what it shows is at most %v old", bound)
		}
		if unseen := *r.Unseen; unseen < 28 || unseen > 33 {
			t.Errorf("%d beats are unseen", unseen)
		}
		if reads := s.replica.readsSoFar(); reads > 20*150 {
			t.Errorf("%d reads in twenty seconds", reads)
		}
	})
}

// TestFreezeIsAnOutage: the pulse's next beat is due, and cannot be sent.
func TestFreezeIsAnOutage(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		freeze time.Duration
		fails  bool
	}{{300 * time.Millisecond, false}, {time.Second, false}, {3 * time.Second, false}, {10 * time.Second, true}} {
		synctest.Test(t, func(t *testing.T) {
			s, told := newScene(time.Millisecond, 0), &recorder{}
			c := newCluster(t, Config{Pulse: 100 * time.Millisecond}, s.primary, s.replica)
			c.Observe(told)
			c.Start()
			time.Sleep(5 * time.Second)
			s.primary.set(func() { s.primary.thaws = time.Now().Add(test.freeze) })
			time.Sleep(test.freeze + 2*time.Second)
			synctest.Wait()
			var outages []Outage
			failed := false
			rounds := told.ended()
			for _, r := range rounds {
				if r.Outage.Ended > 0 || !r.Outage.Began.IsZero() {
					outages = append(outages, r.Outage)
				}
				failed = failed || r.Write == nil
			}
			all := rounds[len(rounds)-1].Outage.All
			if off := all - test.freeze; off < -110*time.Millisecond || off > 110*time.Millisecond {
				t.Errorf("frozen for %v: %v are counted: %+v", test.freeze, all, outages)
			}
			if failed != test.fails {
				t.Errorf("frozen for %v: a beat failed is %v", test.freeze, failed)
			}
		})
	}
}

// TestPulseKeepsToThePrimaryThatIsFollowed in a split brain, though the standby that follows it
// shows newer beats by the time that an older one is judged, and though it is slow.
func TestPulseKeepsToThePrimaryThatIsFollowed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, told := newScene(2*time.Millisecond, 0), &recorder{}
		shows := s.replica.read
		s.replica.read = func(n int) (Read, error) {
			time.Sleep(150 * time.Millisecond) // It is far away.
			return shows(n)
		}
		rogue := &fakeNode{name: "rogue", server: server(3)}
		rogue.read = func(int) (Read, error) { return read(standby(0), row(0)), nil }
		rogue.write = func() (Write, error) {
			t.Error("the rogue was written")
			return Write{}, &Error{Reason: ReasonOther, Err: errors.New("it is not to be written")}
		}
		c := newCluster(t, Config{Pulse: 100 * time.Millisecond}, s.primary, rogue, s.replica)
		c.Observe(told)
		c.Start()
		time.Sleep(5 * time.Second)
		promoted := time.Now()
		rogue.setRead(func(int) (Read, error) {
			return read(verdict.State{Detailed: true, Timeline: 2}, row(1)), nil
		})
		for n := range 20 {
			time.Sleep(500 * time.Millisecond)
			s.mu.Lock()
			s.commit = map[bool]time.Duration{false: 2 * time.Millisecond, true: 700 * time.Millisecond}[n%4 == 3]
			s.mu.Unlock()
			probeWithin(t, c, 5*time.Second)
		}
		two := false
		for _, r := range told.ended() {
			if len(r.Takeovers) > 0 || r.Primary != "primary" {
				t.Errorf("%v after the promotion %q was written, takeovers %v", r.Started.Sub(promoted), r.Primary, r.Takeovers)
			}
			count, _ := r.Primaries()
			two = two || count == 2
		}
		if !two {
			t.Error("no beat found two primaries")
		}
	})
}

// TestPulseProvesLateness though reads take their time: one that is on its way at the limit
// proves nothing, the next one does.
func TestPulseProvesLateness(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, told := newScene(time.Millisecond, 3*time.Second), &recorder{}
		s.slowReads(7 * time.Millisecond)
		c := newCluster(t, Config{Pulse: 100 * time.Millisecond}, s.primary, s.replica)
		c.Observe(told)
		c.Start()
		time.Sleep(20 * time.Second)
		unknown := 0
		for _, r := range told.ended() {
			if r.Nodes[1].Replica.Synced == nil {
				unknown++
			}
		}
		if unknown > 1 {
			t.Errorf("of %d beats of %d nothing is known", unknown, len(told.ended()))
		}
	})
}

// TestFirstReadOfAProbe has a poll of the beat before on its way when a probe's beat is acknowledged.
func TestFirstReadOfAProbe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScene(0, 700*time.Millisecond)
		c := newCluster(t, Config{Pulse: 100 * time.Millisecond}, s.primary, s.replica)
		c.Start()
		time.Sleep(time.Second)
		for range 200 {
			first := probeWithin(t, c, 5*time.Second).Nodes[1].Replica.First
			if first == nil || !first.Detailed || first.ReplayLSN == 0 {
				t.Fatalf("the first read is %+v", first)
			}
			time.Sleep(7 * time.Millisecond)
		}
	})
}

// TestSilentNodesDelayNoBeat: while the primary refuses every write, a replica that does not answer
// how it is does not keep the pulse from trying again.
func TestSilentNodesDelayNoBeat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScene(time.Millisecond, 0)
		c := newCluster(t, Config{Pulse: 100 * time.Millisecond}, s.primary, s.replica)
		c.Start()
		time.Sleep(5 * time.Second)
		acknowledge, attempts := s.primary.write, []time.Time(nil)
		s.replica.set(func() { s.replica.hang = true })
		s.primary.setWrite(func() (Write, error) {
			attempts = append(attempts, time.Now())
			return Write{}, &Error{Reason: ReasonReadOnly, Err: errors.New("read-only")}
		})
		time.Sleep(5 * time.Second)
		s.primary.setWrite(acknowledge)
		s.replica.set(func() { s.replica.hang = false })
		time.Sleep(2 * time.Second)
		for i := 1; i < len(attempts); i++ {
			if gap := attempts[i].Sub(attempts[i-1]); gap > 111*time.Millisecond {
				t.Errorf("two attempts are %v apart", gap)
			}
		}
		if len(attempts) < 45 {
			t.Errorf("%d attempts in five seconds", len(attempts))
		}
	})
}
