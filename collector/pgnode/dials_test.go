package pgnode

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestDialsInAnyOrder has attempts begin, last, hang, be given up and be wanted by a probe as chance has
// it. Each gets its turn, there are never more at once than may be, and nothing is left behind.
func TestDialsInAnyOrder(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) { dialAtRandom(t, seed) })
	}
}

func dialAtRandom(t *testing.T, seed uint64) {
	const most, attempts = 5, 400
	dials := NewDials(most, 50)
	var all sync.WaitGroup
	var mu sync.Mutex
	young, begun, givenUp := 0, 0, 0
	for i := range attempts {
		all.Go(func() {
			chance := rand.New(rand.NewPCG(seed, uint64(i)))
			time.Sleep(time.Duration(chance.IntN(20_000)) * time.Millisecond)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			turn := dials.ask(fmt.Sprint(chance.IntN(30)), chance.IntN(8) == 0)
			hung := turn.slow
			defer turn.end()
			for what, do := range []func(){turn.urge, cancel} {
				if chance.IntN(4+8*what) == 0 {
					time.AfterFunc(time.Duration(chance.IntN(3000))*time.Millisecond, do)
				}
			}
			if turn.await(ctx) != nil {
				mu.Lock()
				givenUp++
				mu.Unlock()
				return
			}
			mu.Lock()
			begun++
			mu.Unlock()
			lasts := time.Duration(chance.IntN(20)) * time.Millisecond
			if chance.IntN(10) == 0 {
				lasts = 10 * time.Second
			}
			if hung {
				time.Sleep(lasts)
				return
			}
			mu.Lock()
			if young++; young > most {
				t.Errorf("%d attempts at once", young)
			}
			mu.Unlock()
			time.Sleep(min(lasts, quickTime-time.Nanosecond))
			mu.Lock()
			young--
			mu.Unlock()
			time.Sleep(lasts - min(lasts, quickTime))
		})
	}
	all.Wait()
	is, q := dials.Counts(), &dials.queue
	if begun+givenUp != attempts || is.Begun < uint64(begun) || is.UnderWay+is.Waiting+len(q.shares)+len(q.quick)+q.slow != 0 {
		t.Errorf("%d begun, %d given up, %+v, %+v", begun, givenUp, is, q)
	}
	if dials.timer.Stop() {
		t.Error("there is a timer for nobody")
	}
}

// dialFleet are the keepers of many clusters of three nodes, with one bound. The nodes of some clusters are
// on a server that is ill.
type dialFleet struct {
	well, ill *randomServer
	dials     *Dials
	keepers   []*keeper

	mu    sync.Mutex
	begun []time.Time
}

const clusterSize = 3

func newDialFleet(t *testing.T, clusters, ill int, fresh bool) *dialFleet {
	f := &dialFleet{well: newRandomServer(t, 1), ill: newRandomServer(t, 2), dials: NewDials(32, 100)}
	f.well.slow, f.ill.slow = 20, 20
	for i := range clusters * clusterSize {
		server := f.well
		if ill > 0 && i/clusterSize%(clusters/ill) == 0 {
			server = f.ill
		}
		f.keepers = append(f.keepers, newKeeper(&keeper{
			open: func(ctx context.Context) (*session, []<-chan struct{}, error) {
				f.mu.Lock()
				f.begun = append(f.begun, time.Now())
				f.mu.Unlock()
				s, givenUp, err := server.openSession(ctx)
				if err == nil {
					s.checkedAt = time.Now().Add(time.Hour) // What breaks, a probe notices.
				}
				return s, givenUp, err
			},
			elsewhere: func(context.Context, *session) bool { return false },
			dials:     f.dials, cluster: fmt.Sprint(i / clusterSize), fresh: fresh,
		}))
	}
	return f
}

// scrape has a probe want the connections of a cluster, and returns how long it waited for the slowest.
func (f *dialFleet) scrape(cluster int) (connected int, waited time.Duration) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var all sync.WaitGroup
	var mu sync.Mutex
	for _, k := range f.keepers[cluster*clusterSize:][:clusterSize] {
		all.Go(func() {
			if !k.ready() {
				k.prepare() //nolint:contextcheck // What it begins goes on when the scrape has ended.
			}
			if k.connect(ctx) == nil {
				mu.Lock()
				connected++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return connected, time.Since(began)
}

// scrapeAll scrapes each cluster once within 15 s, and returns how many scrapes found all their nodes, and how long one
// of these waited.
func (f *dialFleet) scrapeAll() (right int, longest time.Duration) {
	clusters := len(f.keepers) / clusterSize
	var all sync.WaitGroup
	var mu sync.Mutex
	for i, order := range rand.New(rand.NewPCG(7, 7)).Perm(clusters) {
		all.Go(func() {
			time.Sleep(time.Duration(order) * 15 * time.Second / time.Duration(clusters))
			connected, waited := f.scrape(i)
			mu.Lock()
			defer mu.Unlock()
			if connected == clusterSize {
				right++
				longest = max(longest, waited)
			}
		})
	}
	all.Wait()
	return right, longest
}

// connected returns how many nodes are connected.
func (f *dialFleet) connected() (n int) {
	for _, k := range f.keepers {
		if k.current() != nil {
			n++
		}
	}
	return n
}

// busiest returns how many attempts were begun at the most within a second.
func (f *dialFleet) busiest() (most int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	first := 0
	for i, at := range f.begun {
		for at.Sub(f.begun[first]) >= time.Second {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

func (f *dialFleet) close(t *testing.T) {
	for _, k := range f.keepers {
		must(t, k.close(t.Context()))
	}
	if is := f.dials.Counts(); is.UnderWay+is.Waiting != 0 || len(f.dials.queue.shares) != 0 {
		t.Errorf("there are turns left: %+v, %v", is, f.dials.queue.shares)
	}
}

// TestDialsAtTheStart connects 1,200 nodes, a tenth of which hang, and scrapes each cluster once within
// 15 s. A scrape waits for its own connections, and hardly for those of others.
func TestDialsAtTheStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const clusters, ill = 400, 40
		f := newDialFleet(t, clusters, ill, false)
		f.ill.set(silent)
		for _, k := range f.keepers {
			k.prepare()
		}
		right, longest := f.scrapeAll()
		if right != clusters-ill || longest > 50*time.Millisecond {
			t.Errorf("%d scrapes found their nodes, want %d; they waited %v", right, clusters-ill, longest)
		}
		const perSecond = 100 + 5 + clusters*clusterSize/15
		if most := f.busiest(); most > perSecond {
			t.Errorf("%d attempts within a second, want %d", most, perSecond)
		}
		f.close(t)
	})
}

// TestDialsWhenAllComeBack has the servers of 1,200 nodes break their connections and say nothing for a minute. Nobody
// scrapes them. They are connected again within half a minute, and at no time are there many attempts.
func TestDialsWhenAllComeBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newDialFleet(t, 400, 0, false)
		for _, k := range f.keepers {
			k.prepare()
		}
		time.Sleep(20 * time.Second)
		if n := f.connected(); n != len(f.keepers) {
			t.Fatalf("%d are connected", n)
		}
		f.well.set(silent)
		for _, k := range f.keepers {
			s, err := k.borrow(t.Context())
			must(t, err)
			k.release(s, false, net.ErrClosed)
		}
		most := 0
		for range 600 {
			time.Sleep(100 * time.Millisecond)
			is := f.dials.Counts()
			most = max(most, is.UnderWay)
		}
		if f.connected() != 0 || most > 11*32 {
			t.Errorf("%d are connected, and there were %d attempts at once", f.connected(), most)
		}
		f.well.set(healthy)
		time.Sleep(30 * time.Second)
		if n := f.connected(); n != len(f.keepers) || f.busiest() > 105 {
			t.Errorf("%d of %d are connected; %d attempts within a second", n, len(f.keepers), f.busiest())
		}
		f.close(t)
	})
}

// TestHungClustersHoldUpNobody: nodes that are connected anew for each scrape are so at once though half of
// all clusters hang, as soon as that is known of them, and those are when they are well again.
func TestHungClustersHoldUpNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const clusters, ill, soon = 400, 200, 50 * time.Millisecond
		f := newDialFleet(t, clusters, ill, true)
		f.ill.set(silent)
		f.scrapeAll()
		f.scrapeAll()
		for range 5 {
			if right, longest := f.scrapeAll(); right != clusters-ill || longest > soon {
				t.Errorf("%d scrapes found their nodes, want %d; they waited %v", right, clusters-ill, longest)
			}
		}
		f.ill.set(healthy)
		f.scrapeAll()
		if right, longest := f.scrapeAll(); right != clusters || longest > soon {
			t.Errorf("when all are well, %d scrapes found their nodes, want %d; they waited %v", right, clusters, longest)
		}
		f.close(t)
	})
}
