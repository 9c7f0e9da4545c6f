package fleet

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/pg-canary/pg_canary_exporter/collector"
	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/internal/config"
	"github.com/pg-canary/pg_canary_exporter/internal/discovery"
)

const (
	// firstPatience is how long the first attempt waits for a moment at which nodes can be exchanged: while it does, no beat
	// is sent, and a server that hangs may take its time. The next attempt comes after pauseBetween, and has
	// longestPatience, in which every probe has ended.
	firstPatience   = 2 * time.Second
	longestPatience = 30 * time.Second
	pauseBetween    = 10 * time.Second
	// farewell bounds how long closing a cluster's connections may take that is none any more.
	farewell = 10 * time.Second
)

// Member is a running cluster.
type Member struct {
	name      string
	logger    log.Logger
	dials     *pgnode.Dials
	ahead     bool // connections are made before the first scrape
	cluster   *probe.Cluster
	collector *collector.Collector
	registry  *prometheus.Registry // of what is published beside the probe

	life    context.Context //nolint:containedctx // Of what goes on between probes.
	end     context.CancelFunc
	running sync.WaitGroup
	changed chan struct{}                     // the nodes or settings that are wanted are others
	watcher atomic.Pointer[discovery.Watcher] // looks the nodes up; nil where they are listed
	// complaints are why nodes that were found cannot be probed, as the log has it. Only follow has them.
	complaints []string

	mu      sync.Mutex
	config  config.Cluster     // that is wanted
	found   *discovery.Found   // the last that was; nil for nothing yet, and where the nodes are listed
	failing bool               // looking the nodes up, the last time
	unwatch context.CancelFunc // ends that
	nodes   []built            // that are probed
	probing probe.Config       // how they are
}

// newMember returns a cluster that has not begun.
func newMember(c config.Cluster, nodes []built, dials *pgnode.Dials, logger log.Logger) *Member {
	m := &Member{
		name: c.Name, logger: logger, dials: dials, config: c, nodes: nodes, probing: ProbeConfig(c.Settings),
		cluster: probe.New(ProbeConfig(c.Settings), nodesOf(nodes)...), changed: make(chan struct{}, 1), registry: prometheus.NewRegistry(),
	}
	m.collector = collector.New(m.cluster, logger)
	m.cluster.Observe(watched{m.collector, m})
	m.cluster.Heed(m.word)
	logDropped(logger, nil, nodes)
	m.registry.MustRegister(discovered{m})
	m.life, m.end = context.WithCancel(context.Background())
	return m
}

// Name returns the cluster's name.
func (m *Member) Name() string { return m.name }

// Names returns the names of the cluster's nodes.
func (m *Member) Names() []string { return m.cluster.Names() }

// Labels returns the labels that the configuration gives the cluster.
func (m *Member) Labels() map[string]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.config.Labels
}

// Collector returns what counts and logs the cluster's beats.
func (m *Member) Collector() *collector.Collector { return m.collector }

// Beside are the metrics that are published beside those of a probe: how the cluster's nodes are found. It is nil where they are
// listed.
func (m *Member) Beside() prometheus.Gatherer {
	if m.watcher.Load() == nil {
		return nil
	}
	return m.registry
}

// Timeout is how long a probe of the cluster may take.
func (m *Member) Timeout() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.config.Timeout
}

// start begins to look for nodes when it is the cluster's turn, and the pulse.
func (m *Member) start(turn time.Duration) {
	m.connectAhead()
	m.cluster.Start()
	m.running.Go(m.follow)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.discover(turn)
}

// connectAhead begins to make the connections, where that is not left to the first scrape. What comes to a cluster that
// is in use is connected before the next one: it would miss in that else.
func (m *Member) connectAhead() {
	if m.inUse() {
		m.cluster.Prepare()
	}
}

// inUse says whether the cluster has been asked for, or is to be as well connected as if it had.
func (m *Member) inUse() bool {
	asked := m.cluster.Asked()
	return m.ahead || !asked.IsZero() && time.Since(asked) < restAfter
}

// reconfigure puts another configuration of the cluster into force, as soon as its probes allow it. Where its nodes are sought
// elsewhere, that begins when it is the cluster's turn.
func (m *Member) reconfigure(c config.Cluster, turn time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	elsewhere := !sameSource(m.config.Discover, c.Discover)
	m.config = c
	if elsewhere {
		if m.unwatch != nil {
			m.unwatch()
		}
		m.watcher.Store(nil)
		m.found, m.failing = nil, false
		m.discover(turn)
	}
	m.collector.Reloaded()
	m.wake()
}

// wake has the nodes looked at again.
func (m *Member) wake() {
	select {
	case m.changed <- struct{}{}:
	default:
	}
}

// follow exchanges the nodes that are probed, whenever others are wanted.
func (m *Member) follow() {
	for {
		select {
		case <-m.changed:
		case <-m.life.Done():
			return
		}
		for patience := firstPatience; !m.exchange(patience); patience = longestPatience {
			select {
			case <-time.After(pauseBetween):
			case <-m.changed: // Others still are wanted.
			case <-m.life.Done():
				return
			}
		}
	}
}

// exchange puts the wanted nodes and settings into the place of those that are probed, and is false where the probes
// that are under way did not end in time.
func (m *Member) exchange(patience time.Duration) bool {
	m.mu.Lock()
	c, before, probing := m.config, m.nodes, m.probing
	wanted, unusable := wantedNodes(c, m.found, before)
	m.mu.Unlock()
	after, errs := build(c, wanted, before, m.dials)
	m.complain(append(unusable, errs...))
	if probing == ProbeConfig(c.Settings) && sameNodes(before, after) {
		return true
	}
	ctx, cancel := context.WithTimeout(m.life, patience)
	defer cancel()
	err := m.cluster.Change(ctx, ProbeConfig(c.Settings), nodesOf(after), func() { m.collector.SetNodes(namesOf(after)) })
	if errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	if err == nil {
		logDropped(m.logger, before, after)
		m.mu.Lock()
		m.nodes, m.probing = after, ProbeConfig(c.Settings)
		m.mu.Unlock()
		m.connectAhead()
	}
	return true
}

// complain logs why nodes that were found cannot be probed, once each: those of a file are refused with it.
func (m *Member) complain(errs []error) {
	var complaints []string
	for _, err := range errs {
		complaints = append(complaints, err.Error())
		if !slices.Contains(m.complaints, err.Error()) {
			_ = level.Error(m.logger).Log("msg", "a node cannot be probed", "err", err)
		}
	}
	m.complaints = complaints
}

// stop ends all probes: what is known of them is their result.
func (m *Member) stop() { m.cluster.Stop() }

// retire closes a cluster that is none any more. Scrapes of it that are under way get what is known.
func (m *Member) retire() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(m.life), farewell)
	defer cancel()
	if err := m.close(ctx); err != nil {
		_ = level.Debug(m.logger).Log("msg", "Closing the connections", "err", err)
	}
}

// close ends what goes on, and closes the connections.
func (m *Member) close(ctx context.Context) error {
	m.mu.Lock()
	m.end()
	m.mu.Unlock()
	m.cluster.Stop()
	m.running.Wait()
	return m.cluster.Close(ctx)
}
