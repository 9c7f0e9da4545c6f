package faults_test

import (
	"flag"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// pulseInterval is that of the beats between the scrapes of TestFaults: `make faults-pulse` sets it.
var pulseInterval = flag.Duration("pulse", 0, "interval of beats between the scrapes, 0 for none")

// faultsAtOnce is how many faults are tried at the same time. They wait more than they work.
const faultsAtOnce = 5

// fault is one row of docs/faults.md.
type fault struct {
	name string
	// with says what it needs other than a primary and a replica.
	with func(*layout)
	// hit breaks something, and returns when the servers themselves know of it.
	hit func(*scene)
	// publishes is what the scrapes from then on say; see parseExpectation.
	publishes string
	// within is the scrape that has to say so at the latest, 0 for the first.
	within int
	// then is what is published in the end, where that is something else.
	then string
	// because tells why within or then is there.
	because string
	// timeout is that of the scrapes, 0 for twice scrapeTimeout.
	timeout time.Duration
	// check looks for more in the first scrape that published the fault.
	check func(*scene, samples)
	// heal mends what hit broke.
	heal func(*scene)
	// healed is what is published after that, "" for what was before.
	healed string
	// alerts are those that fire while it lasts, separated by commas.
	alerts string
	// ofScrapes is true for a row that counts what scrapes do, breaks one at a certain point, or
	// depends on which of two names of one server is asked first: beats between them change that.
	ofScrapes bool
}

// faults are all rows, in the table's order.
func faults() []fault {
	var all []fault
	for _, theme := range []func() []fault{
		primaryFaults, restartFaults, replicaFaults, replicationFaults, failoverFaults, returnFaults, historyFaults, addressFaults, clusterFaults, canaryFaults,
		accessFaults, synchronousFaults, networkFaults, protocolFaults, tlsFaults, refusedFaults, dnsFaults, balancerFaults,
		renewalFaults, idleFaults, cutFaults, silentFaults, clockFaults,
	} {
		all = append(all, theme()...)
	}
	return all
}

// TestFaults breaks real servers in every way that docs/faults.md names. What is
// published has to be true within the scrapes that it says, every time from then
// on, and right again after healing, with the same exporter. At the end of each
// row neither a connection nor a goroutine is left, and at the end of all the
// rules are asked which alerts the scrapes make fire.
func TestFaults(t *testing.T) {
	pulse := *pulseInterval
	var (
		group    errgroup.Group
		mu       sync.Mutex
		evidence []evidence
	)
	group.SetLimit(faultsAtOnce)
	// The long ones are near the end.
	for _, f := range slices.Backward(faults()) {
		if f.ofScrapes && pulse > 0 {
			continue
		}
		group.Go(func() error {
			t.Run(f.name, func(t *testing.T) {
				seen := f.run(t, pulse)
				mu.Lock()
				defer mu.Unlock()
				evidence = append(evidence, seen)
			})
			return nil
		})
	}
	_ = group.Wait()
	checkAlerts(t, evidence, pulse > 0)
}

// run is the life of a row. It returns the scrapes that tell of it.
func (f fault) run(t *testing.T, pulse time.Duration) evidence {
	labelGoroutines(t, f.name)
	s := newScene(t, f, pulse)
	seen := evidence{fault: f, timeout: s.timeout, healthy: s.steady(s.healthy)}
	s.before = s.last.samples
	f.hit(s)
	want := s.parseExpectation(f.publishes)
	first := s.within(max(f.within, 1), want)
	if f.check != nil {
		f.check(s, first.samples)
	}
	allowed := []expectation{want}
	if f.then != "" {
		want = s.parseExpectation(f.then)
		allowed = append(allowed, want)
	}
	for range 2 {
		s.insist(s.scrapeInTime(allowed...), allowed...)
	}
	seen.broken = append([]scrape{first}, s.steady(want)...)
	f.heal(s)
	// What stood still may move on within the wait of the next scrape.
	s.keep(scrape{})
	healed := s.healthy
	if f.healed != "" {
		healed = s.parseExpectation(f.healed)
	}
	s.steady(healed)
	s.leavesNothing()
	return seen
}
