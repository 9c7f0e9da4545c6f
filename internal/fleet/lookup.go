package fleet

import (
	"context"
	"time"

	"github.com/go-kit/log/level"

	"github.com/pg-canary/pg_canary_exporter/collector"
	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/internal/discovery"
)

// How the nodes of a cluster are looked up that are not listed.

// discover begins to look for the cluster's nodes after some time, where they are not listed. The lock is held.
func (m *Member) discover(turn time.Duration) {
	if m.config.Discover == nil || m.life.Err() != nil {
		return
	}
	source, err := newSource(*m.config.Discover)
	if err != nil { // A configuration file with such a source is refused.
		_ = level.Error(m.logger).Log("msg", "the cluster's nodes cannot be looked up", "err", err)
		return
	}
	ctx, cancel := context.WithCancel(m.life)
	watcher := discovery.NewWatcher(source, m.inUse)
	m.watcher.Store(watcher)
	m.unwatch = cancel
	m.running.Go(func() {
		defer cancel()
		select {
		case <-time.After(turn):
		case <-ctx.Done():
			return
		}
		watcher.Watch(ctx, func(found discovery.Found, err error) { m.hear(ctx, found, err) })
	})
}

// hear keeps what was found, or that nothing could be, which changes nothing.
func (m *Member) hear(ctx context.Context, found discovery.Found, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() != nil {
		return // The nodes are sought elsewhere by now.
	}
	if err != nil {
		m.failing = true
		_ = level.Warn(m.logger).Log("msg", "the cluster's nodes cannot be looked up; the ones of before stay", "err", err)
		return
	}
	if m.failing {
		m.failing = false
		_ = level.Info(m.logger).Log("msg", "the cluster's nodes can be looked up again")
	}
	logFound(m.logger, m.found, found)
	m.found = &found
	m.wake()
}

// status returns how looking the nodes up goes; false where they are listed.
func (m *Member) status() (discovery.Status, bool) {
	watcher := m.watcher.Load()
	if watcher == nil {
		return discovery.Status{}, false
	}
	return watcher.Status(), true
}

// word is what a cluster manager says, where one is asked.
func (m *Member) word() probe.Word {
	status, _ := m.status()
	for _, n := range status.Found.Nodes {
		if n.Leader {
			return probe.Word{Leader: n.Name, Asked: status.AskedAt}
		}
	}
	return probe.Word{}
}

// watched is the observer of a cluster: it counts and logs, and has the nodes looked up when that is needed.
type watched struct {
	*collector.Collector
	member *Member
}

// Ended has the nodes looked up after a beat that somebody asked for after a while, and again and again while two servers take
// writes: what a cluster manager said before may be of another time.
func (w watched) Ended(r *probe.Result) {
	w.Collector.Ended(r)
	watcher := w.member.watcher.Load()
	if watcher == nil {
		return
	}
	watcher.Wake()
	if primaries, _ := r.Primaries(); primaries > 1 {
		watcher.Hurry()
	}
}
