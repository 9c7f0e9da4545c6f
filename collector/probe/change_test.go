package probe

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// change gives a cluster other nodes, and fails the test where that is not possible.
func change(t *testing.T, c *Cluster, cfg Config, nodes ...Node) {
	t.Helper()
	cfg.Wait, cfg.SyncedWithin = time.Second, 100*time.Millisecond
	if err := c.Change(t.Context(), cfg, nodes, nil); err != nil {
		t.Fatal(err)
	}
}

func namesOf(r *Result) (names []string) {
	for _, n := range r.Nodes {
		names = append(names, n.Name)
	}
	return names
}

// TestChangeKeepsWhatIsKnown: a replica goes while another comes, and the one that stays is told of as before, though it is
// at another place.
func TestChangeKeepsWhatIsKnown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, told := newScene(time.Millisecond, 30*time.Second), &recorder{}
		leaves := &fakeNode{name: "leaves", server: server(7)}
		leaves.read = func(int) (Read, error) { return read(standby(0), row(0)), nil }
		comes := &fakeNode{name: "comes", server: server(8), read: leaves.read}
		c := newCluster(t, Config{}, s.primary, leaves, s.replica)
		c.Observe(told)
		for range 5 {
			probeWithin(t, c, 5*time.Second)
			time.Sleep(time.Second)
		}
		change(t, c, Config{}, s.replica, comes, s.primary)
		r := probeWithin(t, c, 5*time.Second)
		if got := namesOf(r); len(got) != 3 || got[0] != "replica" || got[1] != "comes" || r.Primary != "primary" {
			t.Fatalf("the nodes are %v, the primary %s", got, r.Primary)
		}
		if unseen := r.Nodes[0].Replica.Unseen; unseen == nil || *unseen != 6 {
			t.Errorf("unseen are %v, want the six that the replica has not shown yet", unseen)
		}
		if r.Nodes[1].Replica == nil || !r.Nodes[1].Up {
			t.Errorf("the new one: %+v", r.Nodes[1])
		}
		synctest.Wait()
		if !leaves.closed() || s.replica.closed() || s.primary.closed() {
			t.Error("exactly the one that left is to be closed")
		}
		time.Sleep(2 * time.Minute)
		delays := 0
		for _, d := range told.shown() {
			if d > 25*time.Second {
				delays++
			}
		}
		if delays != 6 {
			t.Errorf("%d beats were seen late, want all six", delays)
		}
	})
}

// TestChangeOfThePrimary: the node that was written is none any more. Who takes writes is asked before anything is written.
func TestChangeOfThePrimary(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDuel()
		follows := &fakeNode{name: "follows", server: server(3), read: d.promoted.read}
		follows.write = func() (Write, error) {
			t.Error("a standby was written")
			return Write{}, &Error{Reason: ReasonReadOnly, Err: errors.New("it is a standby")}
		}
		c := newCluster(t, Config{}, d.old, d.promoted)
		probeWithin(t, c, 5*time.Second)
		d.promote(d.acknowledged.Load())
		change(t, c, Config{}, follows, d.promoted)
		r := probeWithin(t, c, 5*time.Second)
		if r.Primary != "promoted" || r.Write == nil || len(r.Takeovers) != 1 || r.Takeovers[0].From != "primary" {
			t.Errorf("%s was written, takeovers %v", r.Primary, r.Takeovers)
		}
	})
}

// TestWhatADepartedPrimaryHas is at risk as long as it may come back, and then lost, once.
func TestWhatADepartedPrimaryHas(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, told := newDuel(), &recorder{}
		c := newCluster(t, Config{}, d.old, d.promoted)
		c.Observe(told)
		probeWithin(t, c, 5*time.Second)
		d.promoted.setRead(func(int) (Read, error) { return read(standby(100), row(1)), nil })
		probeWithin(t, c, 5*time.Second)
		d.promote(1)
		change(t, c, Config{}, d.promoted)
		if r := probeWithin(t, c, 5*time.Second); r.AtRisk == nil || r.AtRisk.Commits != 1 || r.Lost != nil {
			t.Errorf("at risk is %+v, lost %+v", r.AtRisk, r.Lost)
		}
		time.Sleep(time.Minute)
		if r := probeWithin(t, c, 5*time.Second); r.AtRisk != nil || r.Lost == nil || r.Lost.Commits != 1 {
			t.Errorf("a minute later, at risk is %+v, lost %+v", r.AtRisk, r.Lost)
		}
		if r := probeWithin(t, c, 5*time.Second); r.Lost != nil {
			t.Errorf("lost again: %+v", r.Lost)
		}
	})
}

// TestChangeWaits for a server that hangs no longer than it was given, and changes nothing then.
func TestChangeWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, told := newScene(time.Millisecond, 0), &recorder{}
		c := newCluster(t, Config{Pulse: 100 * time.Millisecond}, s.primary, s.replica)
		c.Observe(told)
		c.Start()
		time.Sleep(time.Second)
		s.primary.set(func() { s.primary.hang = true })
		time.Sleep(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		other := &fakeNode{name: "other", server: server(9)}
		if err := c.Change(ctx, Config{Wait: time.Second, SyncedWithin: 100 * time.Millisecond}, []Node{other}, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the change said %v", err)
		}
		s.primary.set(func() { s.primary.hang = false })
		time.Sleep(10 * time.Second)
		before := len(told.ended())
		time.Sleep(10 * time.Second)
		if got := len(told.ended()) - before; got < 95 {
			t.Errorf("%d beats in the ten seconds after it", got)
		}
		if got := namesOf(probeWithin(t, c, time.Second)); len(got) != 2 {
			t.Errorf("the nodes are %v", got)
		}
	})
}

// TestChangeOfThePulse takes hold at once, however long the interval was.
func TestChangeOfThePulse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, told := newScene(time.Millisecond, 0), &recorder{}
		c := newCluster(t, Config{Pulse: time.Hour}, s.primary, s.replica)
		c.Observe(told)
		c.Start()
		beats := func() int {
			before := len(told.ended())
			time.Sleep(10 * time.Second)
			return len(told.ended()) - before
		}
		for _, step := range []struct {
			interval    time.Duration
			least, most int
		}{{100 * time.Millisecond, 95, 105}, {0, 0, 0}, {time.Second, 8, 12}, {time.Hour, 0, 1}} {
			change(t, c, Config{Pulse: step.interval}, s.primary, s.replica)
			if got := beats(); got < step.least || got > step.most {
				t.Errorf("%d beats in ten seconds at %v", got, step.interval)
			}
		}
	})
}

// TestNoNodesYet: nothing is known of a cluster whose nodes are not known yet, until they are.
func TestNoNodesYet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScene(time.Millisecond, 0)
		c := newCluster(t, Config{Pulse: time.Second})
		c.Start()
		r := probeWithin(t, c, time.Second)
		if _, known := r.Primaries(); known || r.Write != nil || len(r.Nodes) != 0 {
			t.Errorf("of no nodes it is known that %+v", r)
		}
		change(t, c, Config{Pulse: time.Second}, s.replica, s.primary)
		if r := probeWithin(t, c, time.Second); r.Write == nil || r.Primary != "primary" {
			t.Errorf("with nodes: %+v", r)
		}
		change(t, c, Config{})
		if r := probeWithin(t, c, time.Second); r.Write != nil || r.Acknowledged.IsZero() {
			t.Errorf("without them again: %+v", r)
		}
	})
}

// TestScrapesDuringChanges are answered in full, each with the nodes of one moment.
func TestScrapesDuringChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScene(time.Millisecond, 5*time.Millisecond)
		late := newScene(time.Millisecond, 0).replica
		late.name = "another"
		late.read = func(int) (Read, error) { return read(standby(0), row(0)), nil }
		c := newCluster(t, Config{Pulse: 100 * time.Millisecond}, s.primary, s.replica)
		c.Start()
		var scrapers sync.WaitGroup
		for n := range 3 {
			scrapers.Go(func() {
				for range 100 {
					r := probeWithin(t, c, 5*time.Second)
					if r.Write == nil || len(r.Nodes) < 2 || r.Nodes[0].Replica != nil {
						t.Errorf("a scrape says %+v", r)
					}
					time.Sleep(time.Duration(n*31) * time.Millisecond)
				}
			})
		}
		for n := range 50 {
			time.Sleep(time.Duration(n) * time.Millisecond)
			nodes := []Node{s.primary, s.replica, late}
			change(t, c, Config{Pulse: time.Duration(100+n) * time.Millisecond}, nodes[:2+n%2]...)
		}
		scrapers.Wait()
	})
}

func TestChangeOfAClosedCluster(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScene(time.Millisecond, 0)
		c := newCluster(t, Config{}, s.primary)
		c.Stop()
		if err := c.Change(t.Context(), Config{}, []Node{s.primary, s.replica}, nil); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the change said %v", err)
		}
	})
}

// TestChangesWaitForEachOther, no longer than they were given, and for a server that hangs no longer than the cluster is there.
func TestChangesWaitForEachOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScene(time.Millisecond, 0)
		c := newCluster(t, Config{Pulse: 100 * time.Millisecond, Timeout: time.Minute}, s.primary, s.replica)
		c.Start()
		time.Sleep(time.Second)
		s.primary.set(func() { s.primary.hang = true })
		time.Sleep(time.Second)
		first := make(chan error, 1)
		go func() { first <- c.Change(context.WithoutCancel(t.Context()), Config{}, []Node{s.replica}, nil) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Change(ctx, Config{}, []Node{s.primary}, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the second change said %v", err)
		}
		scraped := make(chan *Result, 1)
		go func() { scraped <- c.Probe(context.WithoutCancel(t.Context())) }()
		synctest.Wait()
		c.Stop()
		if err := <-first; !errors.Is(err, net.ErrClosed) {
			t.Errorf("the first change said %v", err)
		}
		if r := <-scraped; len(r.Nodes) != 2 {
			t.Errorf("a scrape that waited for the change was answered with %+v", r)
		}
	})
}

// TestChangeWhileAScrapeGivesUp: the time of a scrape is over at the moment at which its round has ended, and the nodes are
// exchanged before it asks what is known.
func TestChangeWhileAScrapeGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScene(time.Millisecond, time.Millisecond)
		c := newCluster(t, Config{}, s.primary, s.replica)
		r := c.join(t.Context())
		<-r.ended
		change(t, c, Config{}, s.primary)
		r.ended = make(chan struct{}) // As the scrape found it, a moment before.
		if known := c.known(r); known != r.result || len(known.Nodes) != 2 {
			t.Errorf("what is known is %+v", known)
		}
	})
}
