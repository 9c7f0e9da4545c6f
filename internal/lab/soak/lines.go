//go:build unix

package soak

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// lines writes down which server is on which branch and when: what is true, as
// far as who makes the changes knows it.
type lines struct {
	recorder *recorder
	watchers map[*pgcluster.Server]*watcher

	mu    sync.Mutex
	spans map[*pgcluster.Server]*history.Span
	// last are the branches that the servers are on, or were before they ended.
	last   map[*pgcluster.Server]*history.Branch
	opened int
}

func newLines(r *recorder, servers []*pgcluster.Server) *lines {
	l := &lines{
		recorder: r, watchers: map[*pgcluster.Server]*watcher{},
		spans: map[*pgcluster.Server]*history.Span{}, last: map[*pgcluster.Server]*history.Branch{},
	}
	for _, server := range servers {
		l.watchers[server] = &watcher{server: server, recorder: r}
	}
	return l
}

func (l *lines) now() history.Moment { return l.recorder.clock.Moment(time.Now()) }

// settle says that a server is from now on for sure on a branch, and was not
// before began.
func (l *lines) settle(server *pgcluster.Server, branch *history.Branch, primary bool, began history.Moment) error {
	err := l.watchers[server].cut()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last[server] = branch
	l.spans[server] = &history.Span{
		Server: server.Name, Branch: branch.ID, Primary: primary, Began: began, From: l.now(), To: history.Never,
	}
	return err
}

// unsettle says that nothing is sure of a server any more, because it is about to change.
func (l *lines) unsettle(server *pgcluster.Server) error {
	l.mu.Lock()
	if span := l.spans[server]; span != nil {
		span.To = l.now()
	}
	l.mu.Unlock()
	return l.watchers[server].cut()
}

// leave says that what a server was is over for sure.
func (l *lines) leave(server *pgcluster.Server) error {
	l.mu.Lock()
	span := l.spans[server]
	delete(l.spans, server)
	l.mu.Unlock()
	if span == nil {
		return nil
	}
	span.Gone = l.now()
	span.To = min(span.To, span.Gone)
	return l.recorder.write(history.Line{Span: span})
}

// finish writes what is still open.
func (l *lines) finish() error {
	var errs []error
	for server := range l.watchers {
		errs = append(errs, l.unsettle(server), l.leave(server))
	}
	return errors.Join(errs...)
}

// branch returns the one that a server is on, or was before it ended.
func (l *lines) branch(server *pgcluster.Server) *history.Branch {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last[server]
}

// open begins the branch of a server that takes writes, with what it says of it.
func (l *lines) open(ctx context.Context, server *pgcluster.Server, parent *history.Branch, began history.Moment) (*history.Branch, error) {
	l.opened++
	b := &history.Branch{ID: l.opened, Server: server.Name, Began: began}
	var name string
	if err := server.QueryRow(ctx, "SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)", &name); err != nil {
		return nil, err
	}
	if _, err := fmt.Sscanf(name, "%X", &b.Timeline); err != nil {
		return nil, fmt.Errorf("the timeline %s: %w", name, err)
	}
	if parent != nil {
		b.Parent = parent.ID
		var file string
		if err := server.QueryRow(ctx, "SELECT pg_read_file('pg_wal/"+name+".history')", &file); err != nil {
			return nil, err
		}
		var err error
		if b.Fork, err = lastFork(file); err != nil {
			return nil, fmt.Errorf("the history of timeline %s: %w", name, err)
		}
	}
	return b, l.recorder.write(history.Line{Branch: b})
}

// lastFork returns the position in the last line of a timeline's history.
func lastFork(file string) (int64, error) {
	all := strings.Split(strings.TrimSpace(file), "\n")
	var timeline, high, low int64
	if _, err := fmt.Sscanf(all[len(all)-1], "%d\t%X/%X", &timeline, &high, &low); err != nil {
		return 0, err
	}
	return high<<32 | low, nil
}
