// Package fleet runs the clusters of a configuration, by name, and puts another configuration in its place while they
// run: what did not change keeps its connections, counters and memory.
package fleet

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"

	"github.com/go-kit/log"

	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
	"github.com/pg-canary/pg_canary_exporter/internal/config"
)

const (
	// mostDials is how many connections are made at once, and dialsPerSecond how many in a second that no probe waits for: the
	// authentication of each costs a few milliseconds of a core, here and at the server.
	mostDials      = 64
	dialsPerSecond = 200
)

// Fleet is the running clusters.
type Fleet struct {
	logger func(cluster string) log.Logger
	dials  *pgnode.Dials
	ahead  bool

	applying sync.Mutex    // held while a configuration is put into force
	closed   bool          // it guards this: no configuration is put into force any more
	private  config.Digest // it guards this: of what is in force, with the passwords
	retiring sync.WaitGroup

	mu      sync.RWMutex
	members map[string]*Member
	config  *config.Config // that is in force
}

// New returns a fleet without clusters, each of which will have its own logger. It is to be closed.
func New(logger func(cluster string) log.Logger) *Fleet {
	return &Fleet{logger: logger, dials: pgnode.NewDials(mostDials, dialsPerSecond), members: map[string]*Member{}, config: &config.Config{}}
}

// ConnectAhead has connections made before the first scrape. Where several exporters share clusters out among each other
// that would be a connection from each of them to each server, so it is for one cluster. It is called before [Fleet.Apply].
func (f *Fleet) ConnectAhead() { f.ahead = true }

// Apply puts a configuration into force, and returns what that changes. Clusters that come and those that changed find
// their nodes in the background. The error says which connection string leads to none; then nothing is changed.
func (f *Fleet) Apply(c *config.Config) (config.Changes, error) {
	f.applying.Lock()
	defer f.applying.Unlock()
	if f.closed {
		return config.Changes{}, net.ErrClosed
	}
	private := c.PrivateDigest()
	changes := config.Diff(f.private, private)
	wanted := make(map[string]config.Cluster, len(c.Clusters))
	for _, cluster := range c.Clusters {
		ported, err := withPort(cluster)
		if err != nil {
			return config.Changes{}, fmt.Errorf("cluster %s: %w", cluster.Name, err)
		}
		wanted[cluster.Name] = ported
	}
	members, begun, err := f.begin(changes.Added, wanted)
	if err != nil {
		return config.Changes{}, err
	}
	f.mu.Lock()
	before := f.members
	for name, member := range before {
		if _, stays := wanted[name]; stays {
			members[name] = member
		}
	}
	f.members, f.config = members, c
	f.mu.Unlock()
	f.private = private
	asks := turns(wanted, changes)
	for _, member := range begun {
		member.start(asks[member.name])
	}
	for _, changed := range changes.Changed {
		members[changed.Name].reconfigure(wanted[changed.Name], asks[changed.Name])
	}
	for _, name := range changes.Removed {
		f.retiring.Go(before[name].retire)
	}
	return changes, nil
}

// begin makes the clusters of some names, which have not begun then.
func (f *Fleet) begin(names []string, wanted map[string]config.Cluster) (members map[string]*Member, begun []*Member, err error) {
	members = make(map[string]*Member, len(wanted))
	for _, name := range names {
		c := wanted[name]
		listed, _ := wantedNodes(c, nil, nil)
		nodes, errs := build(c, listed, nil, f.dials)
		if len(errs) > 0 {
			return nil, nil, fmt.Errorf("cluster %s: %w", name, errors.Join(errs...))
		}
		member := newMember(c, nodes, f.dials, f.logger(name))
		member.ahead = f.ahead
		members[name] = member
		begun = append(begun, member)
	}
	return members, begun, nil
}

// Digest is what the configuration that is in force can be told apart by from another one.
func (f *Fleet) Digest() config.Digest {
	f.mu.RLock()
	c := f.config
	f.mu.RUnlock()
	return c.Digest()
}

// Member returns a running cluster by its name; nil for none.
func (f *Fleet) Member(name string) *Member {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.members[name]
}

// Members returns the running clusters, by name.
func (f *Fleet) Members() []*Member {
	f.mu.RLock()
	defer f.mu.RUnlock()
	members := make([]*Member, 0, len(f.members))
	for _, name := range slices.Sorted(maps.Keys(f.members)) {
		members = append(members, f.members[name])
	}
	return members
}

// Stop ends all probes: what is known of them is their result.
func (f *Fleet) Stop() {
	for _, member := range f.Members() {
		member.stop()
	}
}

// Close ends all probes, and closes all connections, those of clusters that are none any more too, until ctx ends. No
// configuration is put into force after that.
func (f *Fleet) Close(ctx context.Context) error {
	f.applying.Lock()
	f.closed = true
	f.applying.Unlock()
	members := f.Members()
	errs := make([]error, len(members))
	var group sync.WaitGroup
	for i, member := range members {
		group.Go(func() { errs[i] = member.close(ctx) })
	}
	group.Wait()
	return errors.Join(append(errs, f.awaitRetired(ctx))...)
}

// awaitRetired waits until the clusters that are none any more have been closed.
func (f *Fleet) awaitRetired(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.retiring.Wait()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
