//go:build unix

package demo

import (
	"context"
	"slices"
	"sync"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// roles are what the servers are at the moment, for all who do something to them.
type roles struct {
	mu       sync.Mutex
	primary  *pgcluster.Server // nil while there is none
	changed  chan struct{}     // closed when the primary goes or comes
	standbys []*pgcluster.Server
}

func newRoles(servers *pgcluster.Cluster) *roles {
	return &roles{primary: servers.Primary(), changed: make(chan struct{}), standbys: servers.Replicas()}
}

// onPrimary does something to the primary, and when that is lost does it again to
// the next one: what fails then is no error. It waits while there is none.
func (r *roles) onPrimary(ctx context.Context, do func(context.Context, *pgcluster.Server) error) error {
	for {
		primary, lost, err := r.waitPrimary(ctx)
		if err != nil {
			return err
		}
		err = do(ctx, primary)
		select {
		case <-lost:
		default:
			return err
		}
	}
}

// waitPrimary returns the primary, and what is closed when it is one no longer.
func (r *roles) waitPrimary(ctx context.Context) (primary *pgcluster.Server, lost <-chan struct{}, err error) {
	for ctx.Err() == nil {
		r.mu.Lock()
		primary, lost = r.primary, r.changed
		r.mu.Unlock()
		if primary != nil {
			return primary, lost, nil
		}
		select {
		case <-lost:
		case <-ctx.Done():
		}
	}
	return nil, nil, ctx.Err()
}

// onStandby does something to a server if it is a standby, which it is until that is done.
func (r *roles) onStandby(server *pgcluster.Server, do func(*pgcluster.Server) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(r.standbys, server) {
		return nil
	}
	return do(server)
}

// list returns the standbys; the last is the one that became one last.
func (r *roles) list() []*pgcluster.Server {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.standbys)
}

// setPrimary says which server takes writes from now on; nil: none does.
func (r *roles) setPrimary(server *pgcluster.Server) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.primary = server
	close(r.changed)
	r.changed = make(chan struct{})
}

// join says that a server is a standby from now on, leave that it is none.
func (r *roles) join(server *pgcluster.Server) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.standbys = append(r.standbys, server)
}

func (r *roles) leave(server *pgcluster.Server) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.standbys = slices.DeleteFunc(r.standbys, func(each *pgcluster.Server) bool { return each == server })
}
