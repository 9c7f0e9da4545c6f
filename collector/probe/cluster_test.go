package probe

import (
	"context"
	"errors"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// fakeNode is a server whose answers a test makes up: what no real one says at will.
type fakeNode struct {
	mu     sync.Mutex // guards what a test changes while probes run
	name   string
	server verdict.Server
	write  func() (Write, error)
	read   func(n int) (Read, error) // n counts all reads
	reads  int
	// renewals is how often it was asked to renew its connection.
	renewals int
	gone     func() bool // whether its connection is; nil for never
	refuses  error       // why no connection can be made; nil where one can
	hang     bool        // it answers nothing
	mute     bool        // connections to it are begun, and not made
	thaws    time.Time   // it answers nothing before
	ended    bool        // it was closed
	several  bool        // its address lists several servers
	pooled   bool        // a pooler is in front of it
	breaks   int         // how often its connection broke, and was made again
	position func() (verdict.Position, error)
	looks    int // at its position
}

var _ Node = (*fakeNode)(nil)

func (f *fakeNode) Name() string { return f.name }
func (f *fakeNode) Connected() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.gone == nil || !f.gone()
}
func (f *fakeNode) Ready() bool                 { return f.Connected() }
func (f *fakeNode) Prepare() time.Duration      { return 0 }
func (f *fakeNode) Renew()                      { f.set(func() { f.renewals++ }) }
func (f *fakeNode) Unrenewed() error            { return nil }
func (f *fakeNode) Version() string             { return "18.1" }
func (f *fakeNode) Close(context.Context) error { f.set(func() { f.ended = true }); return nil }

func (f *fakeNode) closed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ended
}

func (f *fakeNode) Since() time.Time {
	if !f.Connected() {
		return time.Time{}
	}
	return time.Unix(1, 0)
}

func (f *fakeNode) Identity() (s verdict.Server) { f.set(func() { s = f.server }); return s }
func (f *fakeNode) Pooled() (yes bool)           { f.set(func() { yes = f.pooled }); return yes }
func (f *fakeNode) Several() (yes bool)          { f.set(func() { yes = f.several }); return yes }
func (f *fakeNode) Unbroken() time.Time {
	f.mu.Lock()
	breaks := f.breaks
	f.mu.Unlock()
	if f.Since().IsZero() {
		return time.Time{}
	}
	return f.Since().Add(time.Duration(breaks))
}

func (f *fakeNode) Position(ctx context.Context) (verdict.Position, error) {
	if err := f.answers(ctx); err != nil {
		return verdict.Position{}, err
	}
	f.mu.Lock()
	position := f.position
	f.looks++
	f.mu.Unlock()
	return position()
}

func (f *fakeNode) Connect(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mute {
		f.mu.Unlock()
		<-ctx.Done()
		f.mu.Lock()
		return ErrConnecting
	}
	if f.refuses == nil {
		f.gone = nil
	}
	return f.refuses
}

func (f *fakeNode) Write(ctx context.Context) (Write, error) {
	if err := f.answers(ctx); err != nil {
		return Write{}, err
	}
	f.mu.Lock()
	write := f.write
	f.mu.Unlock()
	return write()
}

func (f *fakeNode) Read(ctx context.Context) (Read, error)    { return f.answer(ctx) }
func (f *fakeNode) Inspect(ctx context.Context) (Read, error) { return f.answer(ctx) }
func (f *fakeNode) Poll(ctx context.Context) (Read, error) {
	read, err := f.answer(ctx)
	read.State = verdict.State{} // It is of the section alone.
	return read, err
}

// answers waits until the node can answer.
func (f *fakeNode) answers(ctx context.Context) error {
	f.mu.Lock()
	pause, hang := time.Until(f.thaws), f.hang
	f.mu.Unlock()
	var thawed <-chan time.Time
	switch {
	case hang:
	case pause > 0:
		thawed = time.After(pause)
	default:
		return nil
	}
	select {
	case <-thawed:
		return nil
	case <-ctx.Done():
		return &Error{Reason: ReasonTimeout, Err: ctx.Err()}
	}
}

// answer takes a moment of synctest's time, which stands still otherwise.
func (f *fakeNode) answer(ctx context.Context) (Read, error) {
	if err := f.answers(ctx); err != nil {
		return Read{}, err
	}
	f.mu.Lock()
	f.reads++
	reads, read := f.reads, f.read
	f.mu.Unlock()
	time.Sleep(time.Millisecond)
	return read(reads)
}

// set changes the node while probes run.
func (f *fakeNode) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// setRead and setWrite change what it answers.
func (f *fakeNode) setRead(read func(n int) (Read, error)) { f.set(func() { f.read = read }) }
func (f *fakeNode) setWrite(write func() (Write, error))   { f.set(func() { f.write = write }) }

// readsSoFar is how often it was read.
func (f *fakeNode) readsSoFar() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reads
}

func server(started int64) verdict.Server {
	return verdict.Server{System: 1, Started: time.Unix(started, 0)}
}

// row is a row of one era, which the first beat begins.
func row(capacity int64) verdict.Row {
	r := verdict.Row{Found: true, Capacity: capacity, Mark: capacity, Born: 1}
	if capacity > 0 {
		r.Timeline, r.Eras = 1, []verdict.Era{{ID: 1, From: 0}}
	}
	return r
}

// fakePrimary acknowledges one value after the other, from the one after capacity on.
func fakePrimary(capacity int64) *fakeNode {
	f := &fakeNode{name: "primary", server: server(1)}
	f.write = func() (Write, error) {
		capacity++
		now := time.Now()
		return Write{Row: row(capacity), Sent: now, Acknowledged: now, LSN: verdict.LSN(100 * capacity)}, nil
	}
	f.read = func(int) (Read, error) { return read(verdict.State{Detailed: true, Timeline: 1}, row(capacity)), nil }
	return f
}

func read(state verdict.State, row verdict.Row) Read {
	now := time.Now()
	return Read{State: state, Row: row, Sent: now, Received: now}
}

func standby(replayed verdict.LSN) verdict.State {
	return verdict.State{InRecovery: true, Detailed: true, Timeline: 1, Receiver: "streaming", ReplayLSN: replayed}
}

// newCluster returns a cluster that ends with the test.
func newCluster(t *testing.T, cfg Config, nodes ...Node) *Cluster {
	cfg.Wait, cfg.SyncedWithin = time.Second, 100*time.Millisecond
	c := New(cfg, nodes...)
	t.Cleanup(func() {
		if err := c.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return c
}

// probeOnce runs one probe of a primary and a replica, which reads answer.
func probeOnce(t *testing.T, capacity int64, answer func(n int) (Read, error)) (*fakeNode, *NodeResult) {
	replica := &fakeNode{name: "replica", server: server(2), read: answer}
	c := newCluster(t, Config{}, fakePrimary(capacity), replica)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	return replica, &c.Probe(ctx).Nodes[1]
}

// TestReadsThatFailAreMadeAgain: what may pass says nothing about the canary.
func TestReadsThatFailAreMadeAgain(t *testing.T) {
	for _, test := range []struct {
		situation string
		err       *Error
		again     bool
	}{
		{"a recovery conflict", &Error{Reason: ReasonConflict, Answered: true}, true},
		{"a statement that was cancelled", &Error{Reason: ReasonTimeout, Answered: true}, true},
		{"a lock", &Error{Reason: ReasonLockTimeout, Answered: true}, true},
		{"a network that does not answer", &Error{Reason: ReasonTimeout}, false},
		{"a right that is missing", &Error{Reason: ReasonPermission, Answered: true}, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			test.err.Err = errors.New(test.situation)
			replica, result := probeOnce(t, 0, func(n int) (Read, error) {
				if n > 1 { // The first is the look around before the first write.
					return Read{}, test.err
				}
				return read(standby(50), row(0)), nil
			})
			if again := replica.reads > 3; again != test.again {
				t.Errorf("%s: %d reads", test.situation, replica.reads)
			}
			if len(result.Failures) != 1 {
				t.Errorf("%s: failures %v, want one", test.situation, result.Failures)
			}
			if r := result.Replica; r.Synced != nil || r.Visibility != nil || r.Lag != nil {
				t.Errorf("%s: something was observed: %+v", test.situation, r.Verdict)
			}
		})
		synctest.Test(t, func(t *testing.T) {
			_, result := probeOnce(t, 0, func(n int) (Read, error) {
				if n == 2 || n == 3 {
					return Read{}, test.err
				}
				return read(standby(100), row(1)), nil
			})
			if synced := result.Replica.Synced; test.again && (synced == nil || !*synced) {
				t.Errorf("%s that passes: %+v, want synced", test.situation, result.Replica.Verdict)
			}
		})
	}
}

// TestPromotionInTheMiddleOfAProbe: beside the primary that was written there is another one.
func TestPromotionInTheMiddleOfAProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		replica := &fakeNode{name: "replica", server: server(2)}
		replica.read = func(n int) (Read, error) {
			if n < 20 {
				return read(standby(50), row(0)), nil
			}
			return read(verdict.State{Detailed: true, Timeline: 2}, row(0)), nil
		}
		// A node of its own follows the primary, so that this stays.
		third := &fakeNode{name: "third", server: server(3)}
		third.read = func(n int) (Read, error) { return read(standby(100), row(1)), nil }
		c := newCluster(t, Config{}, fakePrimary(0), replica, third)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		r := c.Probe(ctx)
		if primaries, _ := r.Primaries(); primaries != 2 || r.Nodes[1].Replica.State != verdict.StateDiverged {
			t.Errorf("%d primaries, the promoted one is %q", primaries, r.Nodes[1].Replica.State)
		}
		if r.Primary != "primary" || r.Nodes[2].Replica.State != verdict.StateSynced {
			t.Errorf("%s was written, the third is %q", r.Primary, r.Nodes[2].Replica.State)
		}
	})
}

// TestStepsBackAreCountedOnce, each however long it lasts.
func TestStepsBackAreCountedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		values := []int64{0, 5, 3, 3, 3, 4, 2}
		_, result := probeOnce(t, 9, func(n int) (Read, error) {
			return read(standby(50), row(values[min(n, len(values))-1])), nil
		})
		if result.Replica.StepsBack != 2 {
			t.Errorf("%d steps back, want 2", result.Replica.StepsBack)
		}
	})
}

// TestSessionThatIsGivenBackDuringTheWrite is opened again: a pooler gets an idle one back
// while the primary takes its time.
func TestSessionThatIsGivenBackDuringTheWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		primary, begun := fakePrimary(0), time.Now()
		acknowledge := primary.write
		primary.write = func() (Write, error) {
			time.Sleep(3 * time.Second)
			return acknowledge()
		}
		replica := &fakeNode{name: "replica", server: server(2)}
		replica.gone = func() bool { return time.Since(begun) > 2*time.Second }
		replica.setRead(func(int) (Read, error) { return read(standby(100), row(1)), nil })
		c := newCluster(t, Config{}, primary, replica)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if state := c.Probe(ctx).Nodes[1].Replica.State; state != verdict.StateSynced {
			t.Errorf("the replica is %q", state)
		}
	})
}

// TestOldPrimaryMissesOneProbe: what it acknowledged is not lost as soon as it does not
// answer, however far apart probes are.
func TestOldPrimaryMissesOneProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old, promoted := fakePrimary(0), &fakeNode{name: "promoted", server: server(2)}
		promoted.setRead(func(int) (Read, error) { return read(standby(0), row(0)), nil })
		c := newCluster(t, Config{}, old, promoted)
		probe := func() *Result {
			time.Sleep(time.Minute)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			return c.Probe(ctx)
		}
		probe()
		silent := &Error{Reason: ReasonTimeout, Err: errors.New("no answer")}
		old.setWrite(func() (Write, error) { return Write{}, silent })
		old.setRead(func(int) (Read, error) { return Read{}, silent })
		kept := verdict.Row{Found: true, Capacity: 1, Mark: 9, Born: 1, Timeline: 2, Eras: []verdict.Era{{ID: 9, From: 0}}}
		promoted.setRead(func(int) (Read, error) { return read(verdict.State{Detailed: true, Timeline: 2}, kept), nil })
		promoted.setWrite(func() (Write, error) {
			now := time.Now()
			return Write{Row: kept, Sent: now, Acknowledged: now, LSN: 300}, nil
		})
		if r := probe(); r.Lost != nil || len(r.Takeovers) != 1 {
			t.Errorf("the old primary missed one probe: lost %+v, takeovers %v", r.Lost, r.Takeovers)
		}
		if old.renewals != 1 || promoted.renewals != 1 {
			t.Errorf("the connections were renewed %d and %d times after a takeover, want once each", old.renewals, promoted.renewals)
		}
		old.setRead(func(int) (Read, error) { return read(verdict.State{Detailed: true, Timeline: 1}, row(1)), nil })
		if r := probe(); r.Lost != nil || r.AtRisk == nil {
			t.Errorf("the old primary is back: lost %+v, at risk %+v", r.Lost, r.AtRisk)
		}
		old.setRead(func(int) (Read, error) { return Read{}, silent })
		if first, second := probe(), probe(); first.Lost != nil || second.Lost == nil || second.Lost.Commits != 1 {
			t.Errorf("the old primary is silent for a minute: lost %+v, then %+v", first.Lost, second.Lost)
		}
	})
}

// TestConnectingIsNoFailure has connections break between a probe's look at them and its
// use of them. An outage begins when it turns out that they cannot be had, with the first
// beat that was not sent.
func TestConnectingIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		primary, replica := fakePrimary(0), &fakeNode{name: "replica", server: server(2)}
		acknowledged := primary.write
		replica.setRead(func(int) (Read, error) { return read(standby(100), row(1)), nil })
		c := newCluster(t, Config{}, primary, replica)
		probed := func() *Result {
			time.Sleep(time.Second)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			return c.Probe(ctx)
		}
		probed()

		connecting := func(int) (Read, error) { return Read{}, ErrConnecting }
		replica.setRead(connecting)
		if r := probed(); len(r.Nodes[1].Failures) != 0 || !r.Nodes[1].Connecting || r.Nodes[1].Up {
			t.Errorf("a replica that is being connected: %+v", r.Nodes[1])
		}
		primary.setWrite(func() (Write, error) { return Write{}, ErrConnecting })
		primary.setRead(connecting)
		first := probed()
		if len(first.Nodes[0].Failures) != 0 || !first.Nodes[0].Connecting || first.Outage != (Outage{}) {
			t.Errorf("a primary that is being connected: %+v, %+v", first.Nodes[0], first.Outage)
		}
		primary.setWrite(func() (Write, error) { return Write{}, &Error{Reason: ReasonTimeout, Err: errors.New("no answer")} })
		if r := probed(); !r.Outage.Began.Equal(first.Attempted) || r.Outage.All < time.Second {
			t.Errorf("it cannot be connected: %+v, and the first beat that was not sent would have been at %v", r.Outage, first.Attempted)
		}
		primary.setWrite(acknowledged)
		if r := probed(); r.Outage.Ended != r.Write.Acknowledged.Sub(first.Attempted) {
			t.Errorf("it is connected again: %+v", r.Outage)
		}
	})
}

// TestRefusedConnectionIsAnOutage, which the first probe knows whose beat finds it so.
func TestRefusedConnectionIsAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(time.Millisecond, 0)
		c := newCluster(t, Config{}, s.primary, s.replica)
		probeWithin(t, c, time.Second)
		refused := &Error{Reason: ReasonConnect, Err: syscall.ECONNREFUSED}
		s.primary.set(func() { s.primary.gone, s.primary.refuses = func() bool { return true }, refused })
		first := probeWithin(t, c, time.Second)
		if o := first.Outage; !o.Began.Equal(first.Attempted) || !errors.Is(o.Err, refused) || len(first.Nodes[0].Failures) != 1 {
			t.Errorf("nobody can connect to the primary: %+v, %+v; it was tried at %v", o, first.Nodes[0], first.Attempted)
		}
		time.Sleep(time.Second)
		s.primary.set(func() { s.primary.refuses = nil })
		if r := probeWithin(t, c, time.Second); r.Write == nil || r.Outage.Ended != r.Write.Acknowledged.Sub(first.Attempted) {
			t.Errorf("it can be connected to again: %+v", r.Outage)
		}
	})
}
