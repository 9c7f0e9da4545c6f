//go:build unix

package drills

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
)

// cluster is three servers, of which one is the primary of the others between two changes.
type cluster struct {
	rig    *rig.Rig
	random *rand.Rand
}

// change is a change of primaries. It returns what the servers say of it, and leaves a primary
// and two standbys of it behind.
type change struct {
	kind string
	make func(context.Context) (truth, error)
}

func (c *cluster) changes() []change {
	return []change{
		{"kill", func(ctx context.Context) (truth, error) { return c.end(ctx, (*pgcluster.Server).Kill, false) }},
		{"kill that loses", func(ctx context.Context) (truth, error) { return c.end(ctx, (*pgcluster.Server).Kill, true) }},
		{"stop", func(ctx context.Context) (truth, error) {
			return c.end(ctx, func(s *pgcluster.Server) error { return s.Stop(ctx, pgcluster.Fast) }, false)
		}},
		{"promotion beside a live primary", c.split},
	}
}

// end ends the primary and promotes a standby. Where it is to lose, that one has not got what was
// written last. The other one never has what the promoted one has not.
func (c *cluster) end(ctx context.Context, end func(*pgcluster.Server) error, loses bool) (truth, error) {
	old, next, other := c.roles()
	t := truth{old: old.Name, to: next, writes: true}
	cut := func() error { return nil }
	if loses {
		cut = func() error {
			return inTurn(func() error { return c.cut(ctx, next) }, func() error { return c.advance(ctx, old) })
		}
	}
	return t, inTurn(
		func() error { return c.cut(ctx, other) },
		func() error { return c.advance(ctx, old) },
		cut,
		func() error { return end(old) },
		func() error { return lab.Sleep(ctx, time.Duration(c.random.Int64N(int64(longestOutage)))) },
		func() error { return next.Promote(ctx) },
		func() error { return c.advance(ctx, next) },
		func() error { return other.Follow(ctx, next, "") },
		func() error { return other.WaitStreaming(ctx) },
		func() error { return c.ask(ctx, old, &t) },
		func() error { return c.rewind(ctx, old, next) },
	)
}

// longestOutage is what is added to what a promotion takes.
const longestOutage = 400 * time.Millisecond

// split promotes a standby beside the primary, which goes on until the other standby has gone over.
func (c *cluster) split(ctx context.Context) (truth, error) {
	old, next, other := c.roles()
	t := truth{old: old.Name, to: next}
	return t, inTurn(
		func() error { return c.cut(ctx, other) },
		func() error { return next.Promote(ctx) },
		func() error { return c.advance(ctx, old) },
		func() error { return other.Follow(ctx, next, "") },
		func() error { return other.WaitStreaming(ctx) },
		func() error { return c.advance(ctx, next) },
		old.Kill,
		func() error { return c.ask(ctx, old, &t) },
		func() error { return c.rewind(ctx, old, next) },
	)
}

// roles returns the primary and its standbys, those in random order.
func (c *cluster) roles() (primary, next, other *pgcluster.Server) {
	standbys := c.rig.Servers.Replicas()
	if c.random.IntN(2) == 0 {
		slices.Reverse(standbys)
	}
	return c.rig.Servers.Primary(), standbys[0], standbys[1]
}

// nowhere is an address at which nobody listens.
const nowhere = "127.0.0.1:1"

// cut keeps a standby from getting any more of what is written.
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

// valueSQL reads what drills write.
const valueSQL = "SELECT capacity FROM canary.section WHERE name = 'drill'"

// advance waits until a server has taken some more beats.
func (c *cluster) advance(ctx context.Context, server *pgcluster.Server) error {
	const enough = 10
	first, now := int64(-1), int64(0)
	for first < 0 || now < first+enough {
		if err := server.QueryRow(ctx, valueSQL, &now); err != nil {
			return err
		}
		if first < 0 {
			first = now
		}
		if err := lab.Sleep(ctx, time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// ask starts a primary that was ended, as it is, and asks it for the last value that it has.
func (c *cluster) ask(ctx context.Context, old *pgcluster.Server, t *truth) error {
	return inTurn(
		func() error { return old.Start(ctx) },
		func() error { return old.QueryRow(ctx, valueSQL, &t.last) },
		func() error { return old.Stop(ctx, pgcluster.Fast) },
	)
}

// rewind makes a stopped primary a standby of the new one.
func (c *cluster) rewind(ctx context.Context, old, next *pgcluster.Server) error {
	return inTurn(
		func() error { return c.rig.Servers.Rewind(ctx, old, next) },
		// Slots of the time when it was a primary would keep WAL for ever.
		func() error {
			return old.Exec(ctx, "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE NOT active")
		},
	)
}

// settle waits until all show what is written, and lets the drill see that.
func (c *cluster) settle(ctx context.Context) error {
	for _, standby := range c.rig.Servers.Replicas() {
		if err := inTurn(func() error { return standby.WaitStreaming(ctx) }, func() error { return standby.WaitCaughtUp(ctx) }); err != nil {
			return err
		}
	}
	return lab.Sleep(ctx, time.Second)
}

// follows returns the value that the era follows which a report says that the new primary began.
func (c *cluster) follows(ctx context.Context, server *pgcluster.Server, r *report) (int64, error) {
	if len(r.Takeovers) == 0 {
		return 0, nil
	}
	var eras []int64
	if err := server.QueryRow(ctx, "SELECT eras FROM canary.section WHERE name = 'drill'", &eras); err != nil {
		return 0, err
	}
	for i := 0; i+1 < len(eras); i += 2 {
		if eras[i] == r.Takeovers[0].To.Era {
			return eras[i+1], nil
		}
	}
	return 0, nil
}

// inTurn takes steps until one fails.
func inTurn(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
