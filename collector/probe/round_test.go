package probe

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// recorder is an observer that remembers.
type recorder struct {
	mu     sync.Mutex
	rounds []*Result
	delays []time.Duration
}

var _ Observer = (*recorder)(nil)

func (r *recorder) Ended(result *Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rounds = append(r.rounds, result)
}

func (r *recorder) Shown(_ string, _ verdict.Sighting, delay time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.delays = append(r.delays, delay)
}

// ended returns what was told so far.
func (r *recorder) ended() []*Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.rounds)
}

// shown returns the delays of the beats that were seen so far.
func (r *recorder) shown() []time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.delays)
}

// scene is a primary, which takes its time for a write, and a replica that shows a beat a while after
// the acknowledgement.
type scene struct {
	mu               sync.Mutex
	primary, replica *fakeNode
	commit           time.Duration // that a write takes
	delay            time.Duration // until the replica shows it
	acknowledged     []time.Time   // of the beats, from the first value on
}

func newScene(commit, delay time.Duration) *scene {
	s := &scene{commit: commit, delay: delay, replica: &fakeNode{name: "replica", server: server(2)}, primary: fakePrimary(0)}
	acknowledge := s.primary.write
	s.primary.write = func() (Write, error) {
		sent := time.Now()
		time.Sleep(s.takes())
		s.mu.Lock()
		defer s.mu.Unlock()
		w, err := acknowledge()
		w.Sent = sent
		s.acknowledged = append(s.acknowledged, w.Acknowledged)
		return w, err
	}
	s.replica.read = func(int) (Read, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		shown := int64(0)
		for _, at := range s.acknowledged {
			if time.Since(at) >= s.delay {
				shown++
			}
		}
		return read(standby(verdict.LSN(100*shown)), row(shown)), nil
	}
	return s
}

// slowReads has each read of the replica take some time before it is answered.
func (s *scene) slowReads(takes time.Duration) {
	shows := s.replica.read
	s.replica.read = func(n int) (Read, error) {
		sent := time.Now()
		time.Sleep(takes)
		r, err := shows(n)
		r.Sent, r.Received = sent, time.Now()
		return r, err
	}
}

// takes is how long a write takes now.
func (s *scene) takes() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.commit
}

func probeWithin(t *testing.T, c *Cluster, timeout time.Duration) *Result {
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	return c.Probe(ctx)
}

// TestScrapesShareAProbe that began within the interval, or of which the write has not been answered.
func TestScrapesShareAProbe(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		situation       string
		interval, pause time.Duration
		scrapes, want   int
	}{
		{"seventeen to an interval", 200 * time.Millisecond, 12 * time.Millisecond, 170, 10},
		{"one just in time", 200 * time.Millisecond, 199 * time.Millisecond, 10, 5},
		{"one just too late", 200 * time.Millisecond, 201 * time.Millisecond, 10, 10},
		{"while the write is on its way", 0, time.Millisecond, 30, 1},
		{"one right after it", 0, 40 * time.Millisecond, 10, 10},
	} {
		synctest.Test(t, func(t *testing.T) {
			s, told := newScene(30*time.Millisecond, 0), &recorder{}
			c := newCluster(t, Config{MinInterval: test.interval}, s.primary, s.replica)
			c.Observe(told)
			var group sync.WaitGroup
			for range test.scrapes {
				group.Go(func() {
					if r := probeWithin(t, c, time.Minute); r.Write == nil {
						t.Errorf("%s: no write", test.situation)
					}
				})
				time.Sleep(test.pause)
			}
			group.Wait()
			if got := len(told.ended()); got != test.want || len(s.acknowledged) != got {
				t.Errorf("%s: %d probes and %d commits, want %d", test.situation, got, len(s.acknowledged), test.want)
			}
		})
	}
}

// TestLooksAreAnswered: a poll for an earlier beat is on its way to a replica when a probe, which could not write, wants to
// know how the replica is. What comes back for that does not say.
func TestLooksAreAnswered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScene(time.Millisecond, time.Hour)
		s.slowReads(30 * time.Millisecond)
		c := newCluster(t, Config{Pulse: 100 * time.Millisecond}, s.primary, s.replica)
		c.Start()
		time.Sleep(2 * time.Second)
		s.primary.setWrite(func() (Write, error) {
			return Write{}, &Error{Reason: ReasonReadOnly, Err: errors.New("read-only")}
		})
		for range 100 {
			sent := time.Now()
			replica := probeWithin(t, c, 5*time.Second).Nodes[1]
			if !replica.Answered || !replica.State.Detailed || replica.Replica.First.Sent.Before(sent) {
				t.Fatalf("the replica is %+v, first read %+v", replica, replica.Replica.First)
			}
			time.Sleep(17 * time.Millisecond)
		}
	})
}

// TestNoScraperDecidesForOthers: one that does not wait, and one that has gone, get what is
// known, and the probe goes on for the others as if it were theirs alone.
func TestNoScraperDecidesForOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScene(100*time.Millisecond, 700*time.Millisecond)
		c := newCluster(t, Config{}, s.primary, s.replica)
		probeWithin(t, c, 5*time.Second)
		var hasty, gone, impatient, patient *Result
		var group sync.WaitGroup
		scrape := func(result **Result, timeout time.Duration) {
			group.Go(func() { *result = probeWithin(t, c, timeout) })
			synctest.Wait()
		}
		scrape(&hasty, 400*time.Microsecond)
		group.Go(func() {
			ctx, leave := context.WithCancel(t.Context())
			time.AfterFunc(50*time.Millisecond, leave)
			gone = c.Probe(ctx)
		})
		scrape(&impatient, 500*time.Millisecond)
		scrape(&patient, 5*time.Second)
		group.Wait()
		for name, r := range map[string]*Result{"hasty": hasty, "gone": gone} {
			if r.Write != nil || r.Outage.All != 0 || len(r.Nodes[0].Failures) != 0 {
				t.Errorf("%s: %+v, want nothing but what is known", name, r)
			}
			if _, known := r.Primaries(); known {
				t.Errorf("%s: the number of primaries is known", name)
			}
		}
		behind := impatient.Nodes[1].Replica
		if impatient.Write == nil || behind.Synced == nil || *behind.Synced || behind.Lag == nil || *behind.Lag > 400*time.Millisecond {
			t.Errorf("impatient: write %v, replica %+v", impatient.Write, behind)
		}
		fresh := patient.Nodes[1].Replica
		if fresh.Visibility == nil || *fresh.Visibility < s.delay || *fresh.Visibility > s.delay*11/10 {
			t.Errorf("patient: replica %+v", fresh)
		}
		if len(s.acknowledged) != 2 {
			t.Errorf("%d commits for four scrapes at once", len(s.acknowledged)-1)
		}
	})
}

// TestSilentPrimaryHidesNoReplica: a scrape whose time is over knows how the replicas are.
func TestSilentPrimaryHidesNoReplica(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScene(0, 0)
		c := newCluster(t, Config{}, s.primary, s.replica)
		probeWithin(t, c, time.Second)
		s.mu.Lock()
		s.commit = time.Minute
		s.mu.Unlock()
		s.replica.setRead(func(int) (Read, error) {
			state := standby(50)
			state.ReplayPaused = true
			return read(state, row(0)), nil
		})
		r := probeWithin(t, c, time.Second)
		if r.Write != nil || r.Nodes[1].Replica.State != verdict.StatePaused {
			t.Errorf("write %v, and the replica is %q", r.Write, r.Nodes[1].Replica.State)
		}
	})
}

// TestSilentPrimaryIsGivenUpForAnother at once when that takes writes.
func TestSilentPrimaryIsGivenUpForAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, told := newScene(0, 0), &recorder{}
		c := newCluster(t, Config{Timeout: 20 * time.Second}, s.primary, s.replica)
		c.Observe(told)
		probeWithin(t, c, time.Second)
		frozen := time.Now()
		s.primary.set(func() { s.primary.hang = true })
		promoted := frozen.Add(10 * time.Second)
		kept := verdict.Row{Found: true, Capacity: 2, Mark: 9, Born: 1, Timeline: 2, Eras: []verdict.Era{{ID: 1}, {ID: 9, From: 1}}}
		s.replica.setRead(func(int) (Read, error) {
			if time.Now().Before(promoted) {
				return read(standby(100), row(1)), nil
			}
			return read(verdict.State{Detailed: true, Timeline: 2}, row(1)), nil
		})
		s.replica.setWrite(func() (Write, error) {
			now := time.Now()
			return Write{Row: kept, Sent: now, Acknowledged: now, LSN: 300}, nil
		})
		r := probeWithin(t, c, time.Minute)
		if r.Write == nil || r.Primary != "replica" || len(r.Takeovers) != 1 {
			t.Fatalf("%q was written: %+v, takeovers %v", r.Primary, r.Write, r.Takeovers)
		}
		if took := r.Write.Acknowledged.Sub(promoted); took > 2*impatienceAgain {
			t.Errorf("that took %v", took)
		}
		if o := r.Outage; !o.Began.Equal(frozen) || o.Node != "primary" || ReasonOf(o.Err) != ReasonTimeout || o.Ended != r.Write.Acknowledged.Sub(frozen) || o.All != o.Ended {
			t.Errorf("the outage is %+v, want one from %v to %v", o, frozen, r.Write.Acknowledged)
		}
	})
}

// TestBeatsAreSeenHoweverLate: a replica is paused for an hour, and each beat is told with the
// delay that it had.
func TestBeatsAreSeenHoweverLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, told := newScene(0, time.Hour), &recorder{}
		c := newCluster(t, Config{}, s.primary, s.replica)
		c.Observe(told)
		for range 3 {
			if r := probeWithin(t, c, 5*time.Second); *r.Nodes[1].Replica.Synced {
				t.Fatal("it is synced")
			}
			time.Sleep(10 * time.Minute)
		}
		before := s.replica.readsSoFar()
		time.Sleep(2 * time.Hour)
		if len(told.shown()) != 3 {
			t.Fatalf("%d beats were seen, want 3", len(told.shown()))
		}
		for _, delay := range told.shown() {
			if delay < time.Hour || delay > time.Hour+2*longestStep {
				t.Errorf("one was visible after %v, want %v", delay, s.delay)
			}
		}
		if reads := s.replica.readsSoFar() - before; reads > 1000 {
			t.Errorf("%d reads in an hour", reads)
		}
		before = s.replica.readsSoFar()
		time.Sleep(time.Hour)
		if s.replica.readsSoFar() != before {
			t.Errorf("%d reads though it shows all", s.replica.readsSoFar()-before)
		}
	})
}

// TestRestIsNoDelay: a replica's connection is ended while it does not show a beat yet, because nobody asks for it any more.
// When somebody does again, nobody knows how long that beat took.
func TestRestIsNoDelay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const delay = 10 * time.Minute
		s, told := newScene(0, delay), &recorder{}
		c := newCluster(t, Config{}, s.primary, s.replica)
		c.Observe(told)
		probeWithin(t, c, 5*time.Second)
		time.Sleep(time.Minute)
		s.replica.set(func() { s.replica.gone = func() bool { return true } })
		time.Sleep(time.Hour)
		if !s.replica.Since().IsZero() {
			t.Error("it was connected though nobody asked")
		}
		probeWithin(t, c, 5*time.Second)
		time.Sleep(2 * delay)
		if shown := told.shown(); len(shown) != 1 || shown[0] < delay || shown[0] > delay+2*longestStep {
			t.Errorf("the delays are %v, want one of %v", shown, delay)
		}
	})
}

// TestReconnectIsNoDelay: of a beat that came while a replica could not be read, nobody knows how
// long it took, unless a read proves that it was not there yet.
func TestReconnectIsNoDelay(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		situation string
		delay     time.Duration // of the replica
		want      int           // how many are known, of two
	}{
		{"it shows it as soon as it can be read", 0, 1},
		{"it does not show it even then", time.Minute, 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			s, told := newScene(0, test.delay), &recorder{}
			c := newCluster(t, Config{}, s.primary, s.replica)
			c.Observe(told)
			probeWithin(t, c, 5*time.Second)
			shows := s.replica.read
			time.Sleep(2 * time.Minute)
			s.replica.setRead(func(int) (Read, error) { return Read{}, &Error{Reason: ReasonConnect, Err: errors.New("refused")} })
			probeWithin(t, c, 5*time.Second)
			time.Sleep(20 * time.Second)
			s.replica.setRead(shows)
			probeWithin(t, c, 5*time.Second)
			time.Sleep(5 * time.Minute)
			if got := len(told.shown()); got != test.want+1 {
				t.Errorf("%s: %d delays are known, want %d: %v", test.situation, got, test.want+1, told.shown())
			}
		})
	}
}

// TestStopAnswersEverybody with what is known.
func TestStopAnswersEverybody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScene(time.Minute, 0)
		c := newCluster(t, Config{Timeout: time.Hour, Pulse: 100 * time.Millisecond}, s.primary, s.replica)
		c.Start()
		begun := time.Now()
		time.AfterFunc(time.Second, c.Stop)
		r := probeWithin(t, c, time.Hour)
		if r.Write != nil || time.Since(begun) != time.Second {
			t.Errorf("a scrape was answered after %v: %+v", time.Since(begun), r.Write)
		}
		if r := probeWithin(t, c, time.Hour); r.Write != nil {
			t.Error("a scrape after the end wrote")
		}
	})
}

// slowRecorder takes its time for what it is told of replicas.
type slowRecorder struct{ recorder }

func (r *slowRecorder) Shown(replica string, beat verdict.Sighting, delay time.Duration) {
	time.Sleep(time.Millisecond)
	r.recorder.Shown(replica, beat, delay)
}

// TestDelaysAreToldFirst: when a probe has ended, the delays that its reads saw are known.
func TestDelaysAreToldFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, told := newScene(0, 5*time.Millisecond), &slowRecorder{}
		second := &fakeNode{name: "second", server: server(3)}
		shows := s.replica.read
		second.read = func(n int) (Read, error) { // It is later, so that the two are not told of at once.
			time.Sleep(20 * time.Millisecond)
			return shows(n)
		}
		c := newCluster(t, Config{}, s.primary, s.replica, second)
		c.Observe(told)
		for n := range 3 {
			probeWithin(t, c, 5*time.Second)
			if got := len(told.shown()); got != 2*(n+1) {
				t.Errorf("%d delays are known after %d probes of two replicas", got, n+1)
			}
		}
	})
}

// TestFreezeBetweenScrapes: the next scrape's beat is due, and cannot be sent.
func TestFreezeBetweenScrapes(t *testing.T) {
	t.Parallel()
	const interval = time.Second
	for _, test := range []struct{ freeze, after, want time.Duration }{
		{300 * time.Millisecond, 900 * time.Millisecond, 0}, // A scrape waits for it, and no other comes meanwhile.
		{3 * time.Second, 300 * time.Millisecond, 2300 * time.Millisecond},
		{10 * time.Second, 500 * time.Millisecond, 9500 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(time.Millisecond, 0)
			c := newCluster(t, Config{MinInterval: 200 * time.Millisecond}, s.primary, s.replica)
			scrape := func() *Result {
				r := probeWithin(t, c, interval*3/4)
				time.Sleep(interval - time.Since(r.Started)%interval)
				return r
			}
			for range 20 {
				scrape()
			}
			time.AfterFunc(test.after, func() {
				s.primary.set(func() { s.primary.thaws = time.Now().Add(test.freeze) })
			})
			var all time.Duration
			for range 15 {
				all = scrape().Outage.All
			}
			if off := all - test.want; off < -5*time.Millisecond || off > 5*time.Millisecond {
				t.Errorf("frozen for %v: %v are counted, want %v", test.freeze, all, test.want)
			}
		})
	}
}
