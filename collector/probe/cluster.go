// Package probe runs the write-then-read on a cluster: its writer commits beats on
// the primary, a follower of each replica reads until it shows them, and what they
// saw together is one plain Result. What that proves, package verdict decides.
//
// It works on plain Go types and knows neither the driver nor Prometheus. Both
// ends of every duration are stamped by the exporter's own monotonic clock.
//
// One lock guards all that is remembered. It is never held while a server is waited for.
package probe

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// Config is what a user can say about a cluster's probes.
type Config struct {
	// Wait is how long a replica that does not show the canary is read again,
	// counted from the acknowledgement. It exceeds SyncedWithin.
	Wait time.Duration
	// SyncedWithin is how long after the acknowledgement the canary may become
	// visible for the replica to count as synced.
	SyncedWithin time.Duration
	// Timeout is how long a beat and the reads that look for it may take, whoever asks
	// for them: 5 s where it is 0.
	Timeout time.Duration
	// MinInterval is how long after its beginning a probe serves further scrapes, so that no
	// client can cause more than one commit in this time.
	MinInterval time.Duration
	// Pulse is the interval of the beats between scrapes, 0 for none.
	Pulse time.Duration
}

// Observer is told what happens, one call of a method at a time. While one takes its time,
// scrapes get no final results.
type Observer interface {
	// Ended tells of each beat, those of the pulse too, in their order, when its reads have ended.
	Ended(r *Result)
	// Shown tells that a replica shows a beat, and how long after the acknowledgement
	// it did: once for each, however late, unless that was while it could not be read.
	Shown(replica string, beat verdict.Sighting, delay time.Duration)
}

// Word is what a cluster manager says.
type Word struct {
	// Leader is the node that it names as leader; "" for none.
	Leader string
	// Asked is when it was asked for that; zero for never.
	Asked time.Time
}

// defaultTimeout is that of a Config without one.
const defaultTimeout = 5 * time.Second

func (c Config) withDefaults() Config {
	c.Timeout = cmp.Or(c.Timeout, defaultTimeout)
	return c
}

// Cluster is one primary and its replicas, with the memory that probes share.
type Cluster struct {
	cfg      Config
	nodes    []Node
	observer Observer      // nil for nobody
	manager  func() Word   // nil for none
	turn     chan struct{} // held by whoever writes

	life    context.Context //nolint:containedctx // Of what goes on when a scrape has ended.
	end     context.CancelFunc
	running sync.WaitGroup // It is added to under the lock, while the cluster is not closed.
	telling sync.Mutex     // held while the observer is told of beats that are shown

	mu        sync.Mutex
	closed    bool
	followers []*follower // by index of the node
	scraped   *round      // the last that a scrape asked for
	last      *round      // the last of all
	writing   *round      // whose turn it is; nil for none
	open      int         // rounds that have not ended
	due       time.Time   // the next beat of the pulse is not sent before
	started   bool        // there is to be a pulse, if it has an interval
	pulsing   bool        // there is one
	stopPulse context.CancelFunc
	// gate is closed when nodes have been exchanged; nil while that is not going on. No round begins before.
	gate   chan struct{}
	rested chan struct{} // a follower has come to rest, or the pulse

	primary int       // index of the node that takes the writes, as far as known
	chosen  time.Time // when that was another one before
	system  verdict.Cluster
	beat    verdict.Beat   // the last acknowledged one
	writer  verdict.Writer // who acknowledged it
	ledger  verdict.Ledger
	outages verdict.Outages
	commits verdict.Commits
	memory  []memory // by index of the node
	// departed are the nodes that are none any more, as long as their servers may still take writes.
	departed []memory
}

// memory is what is remembered of a node.
type memory struct {
	shown    verdict.Row    // by the last read that showed one
	number   int64          // of the newest beat that it has shown
	followed verdict.Server // what it was last known to follow
	state    verdict.State  // its last word on itself
	server   verdict.Server // that said so
	restored time.Time      // when it last replayed WAL from an archive
	servers  verdict.Servers
	since    time.Time // there has been a connection to it
	// stepsBack is how many reads showed an older value than the one before, since a search ended.
	stepsBack int

	claim       verdict.Claim
	tookWrites  bool        // it said so when it last answered
	wrote       verdict.Row // its row then
	silentSince time.Time   // when it first did not answer after that; zero while it does
}

// New returns the cluster of the given nodes, which may be none as long as they are not known. The first is where
// the search for the primary starts. It is to be closed.
func New(cfg Config, nodes ...Node) *Cluster {
	c := &Cluster{
		cfg: cfg.withDefaults(), nodes: nodes, turn: make(chan struct{}, 1), rested: make(chan struct{}, 1),
		followers: newFollowers(len(nodes)), memory: make([]memory, len(nodes)),
	}
	c.life, c.end = context.WithCancel(context.Background())
	return c
}

// Names returns the names of the nodes, in their order.
func (c *Cluster) Names() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	names := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		names[i] = n.Name()
	}
	return names
}

// Asked returns when the last beat was asked for, by a scrape or the pulse; zero for never.
func (c *Cluster) Asked() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last == nil {
		return time.Time{}
	}
	return c.last.began
}

// Observe has an observer told what happens. It is set before the first probe and [Cluster.Start].
func (c *Cluster) Observe(o Observer) { c.observer = o }

// Heed has the cluster ask for the last word of its manager, where two servers take writes: that counts if the manager was
// asked when both were known to. It is set before the first probe and [Cluster.Start], and answers at once, without the cluster.
func (c *Cluster) Heed(manager func() Word) { c.manager = manager }

// Start begins the pulse, where there is one.
func (c *Cluster) Start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.started = true
	c.beatLocked()
}

// Stop ends the pulse and all probes: what is known of them by now is their result.
func (c *Cluster) Stop() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.end()
}

// Close ends the pulse and all probes, and closes the connections of all nodes.
func (c *Cluster) Close(ctx context.Context) error {
	c.Stop()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.running.Wait()
	}()
	select {
	case <-ended:
	case <-ctx.Done():
		return ctx.Err()
	}
	errs := make([]error, len(c.nodes)) // Nobody exchanges them any more.
	forEachConcurrently(c.allIndexes(), func(i int) { errs[i] = c.nodes[i].Close(ctx) })
	return errors.Join(errs...)
}

// Connect waits until each node is connected or has failed to, or ctx ends. A probe needs
// it only if it has to be complete at once, without one before it.
func (c *Cluster) Connect(ctx context.Context) {
	nodes := c.prepared()
	var group sync.WaitGroup
	for _, n := range nodes {
		group.Go(func() { _ = n.Connect(ctx) }) // Why it failed, the probe says.
	}
	group.Wait()
}

// Prepare begins to make the connections.
func (c *Cluster) Prepare() { c.prepared() }

// prepared returns the nodes, whose connections are being made.
func (c *Cluster) prepared() []Node {
	c.mu.Lock()
	nodes := slices.Clone(c.nodes)
	c.mu.Unlock()
	for _, n := range nodes {
		n.Prepare()
	}
	return nodes
}

// allIndexes returns the indexes of all nodes.
func (c *Cluster) allIndexes() []int {
	indexes := make([]int, len(c.nodes))
	for i := range indexes {
		indexes[i] = i
	}
	return indexes
}

// forEachConcurrently calls do for every index at the same time and waits for all.
func forEachConcurrently(indexes []int, do func(i int)) {
	var group sync.WaitGroup
	for _, i := range indexes {
		group.Go(func() { do(i) })
	}
	group.Wait()
}
