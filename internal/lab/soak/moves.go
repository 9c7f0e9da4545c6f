//go:build unix

package soak

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// cluster is three servers and what is done to them, with an account of which is
// on which branch.
type cluster struct {
	servers *pgcluster.Cluster
	lines   *lines
	random  *rand.Rand
	longest time.Duration // of what is left as it is
	scrapes func() int64  // of an exporter that runs all the time
	beats   func() int64  // of its pulse
	pulse   bool          // it has one
	// primary is the one that all follow, between two changes.
	primary *pgcluster.Server
	// splits counts the split brains of which the old primary was kept.
	splits int
}

// nowhere is an address at which nobody listens.
const nowhere = "127.0.0.1:1"

// started takes note of servers that were started together.
func (c *cluster) started(ctx context.Context) error {
	c.primary = c.servers.Primary()
	b, err := c.lines.open(ctx, c.primary, nil, history.Always)
	if err != nil {
		return err
	}
	errs := []error{c.lines.settle(c.primary, b, true, history.Always)}
	for _, standby := range c.servers.Replicas() {
		errs = append(errs, c.lines.settle(standby, b, false, history.Always))
	}
	return errors.Join(errs...)
}

// standbys returns the two that follow, in random order.
func (c *cluster) standbys() (one, other *pgcluster.Server) {
	both := c.servers.Replicas()
	if c.random.IntN(2) == 0 {
		slices.Reverse(both)
	}
	return both[0], both[1]
}

// rest leaves everything as it is for a while, in which an exporter can notice it and
// then say what it thinks of it.
func (c *cluster) rest(ctx context.Context) error {
	const enough, beats = 4, 3 // The first and the last may lie across an end of it.
	scrapes := c.scrapes() + enough
	pulses := c.beats() + beats
	if err := lab.Sleep(ctx, c.longest/3+time.Duration(c.random.Int64N(int64(c.longest)*2/3))); err != nil {
		return err
	}
	for c.scrapes() < scrapes || c.pulse && c.beats() < pulses {
		if err := lab.Sleep(ctx, restBetween); err != nil {
			return err
		}
	}
	return nil
}

// cut keeps a standby from getting any more of what is written. It stays where it is.
func (c *cluster) cut(ctx context.Context, standby *pgcluster.Server) error {
	if err := standby.Follow(ctx, standby.Upstream(), nowhere); err != nil {
		return err
	}
	for receiving := true; receiving; {
		if err := standby.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming')", &receiving); err != nil {
			return err
		}
	}
	return nil
}

// end ends a server: with kill like a power cut, else cleanly.
func (c *cluster) end(ctx context.Context, server *pgcluster.Server, kill bool) error {
	if err := c.lines.unsettle(server); err != nil {
		return err
	}
	stop := func() error { return server.Stop(ctx, pgcluster.Fast) }
	if kill {
		stop = server.Kill
	}
	return errors.Join(stop(), c.lines.leave(server))
}

// promote makes a standby take writes.
func (c *cluster) promote(ctx context.Context, standby *pgcluster.Server) error {
	parent := c.lines.branch(standby)
	if err := c.lines.unsettle(standby); err != nil {
		return err
	}
	began := c.lines.now()
	if err := standby.Promote(ctx); err != nil {
		return err
	}
	b, err := c.lines.open(ctx, standby, parent, began)
	if err != nil {
		return err
	}
	return errors.Join(c.lines.leave(standby), c.lines.settle(standby, b, true, began))
}

// restart ends a primary and starts it again: it stays on its branch.
func (c *cluster) restart(ctx context.Context, primary *pgcluster.Server, kill bool) error {
	branch := c.lines.branch(primary)
	if err := c.end(ctx, primary, kill); err != nil {
		return err
	}
	if err := c.rest(ctx); err != nil {
		return err
	}
	began := c.lines.now()
	if err := primary.Start(ctx); err != nil {
		return err
	}
	return c.lines.settle(primary, branch, true, began)
}

// join makes a server, whatever became of it, a standby of a primary.
func (c *cluster) join(ctx context.Context, server, primary *pgcluster.Server) error {
	if follows, err := c.mayFollow(ctx, server, primary); err != nil {
		return err
	} else if follows {
		return c.follow(ctx, server, primary)
	}
	if server.Running() {
		if err := c.end(ctx, server, c.random.IntN(2) == 0); err != nil {
			return err
		}
	}
	back := c.servers.Reclone
	if c.mayRewind(server, primary) && c.random.IntN(3) > 0 {
		back = c.servers.Rewind
	}
	began := c.lines.now()
	if err := back(ctx, server, primary); err != nil {
		return err
	}
	// Slots of the time when it was a primary would keep WAL for ever.
	if err := server.Exec(ctx, "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE NOT active"); err != nil {
		return err
	}
	return c.lines.settle(server, c.lines.branch(primary), false, began)
}

// mayRewind says whether pg_rewind can bring a stopped server back. It takes two
// servers whose timelines have one number for one history, and looks for the one
// of a standby where it may be out of date.
func (c *cluster) mayRewind(server, primary *pgcluster.Server) bool {
	return server.Upstream() == nil && c.lines.branch(server).Timeline != c.lines.branch(primary).Timeline
}

// mayFollow says whether a server can stream from a primary as it is: it has
// nothing beyond the fork and gets nothing more.
func (c *cluster) mayFollow(ctx context.Context, server, primary *pgcluster.Server) (bool, error) {
	upstream, branch := server.Upstream(), c.lines.branch(primary)
	switch {
	case !server.Running() || upstream == nil:
		return false, nil
	case upstream == primary:
		return true, nil
	case upstream.Running() || c.lines.branch(server).ID != branch.Parent:
		return false, nil
	}
	var position int64
	err := server.QueryRow(ctx, "SELECT (greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) - '0/0')::bigint", &position)
	return position <= branch.Fork, err
}

func (c *cluster) follow(ctx context.Context, server, primary *pgcluster.Server) error {
	if err := c.lines.unsettle(server); err != nil {
		return err
	}
	began := c.lines.now()
	if err := server.Follow(ctx, primary, ""); err != nil {
		return err
	}
	if err := server.WaitStreaming(ctx); err != nil {
		return err
	}
	return errors.Join(c.lines.leave(server), c.lines.settle(server, c.lines.branch(primary), false, began))
}
