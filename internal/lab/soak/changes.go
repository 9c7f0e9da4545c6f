//go:build unix

package soak

import (
	"context"
	"fmt"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// move is a change of primaries that begins and ends with a primary and two standbys of it.
type move struct {
	kind string
	make func(context.Context) error
}

func (c *cluster) changes() []move {
	return []move{
		{"failover", func(ctx context.Context) error { return c.failover(ctx, false) }},
		{"failover that loses", func(ctx context.Context) error { return c.failover(ctx, true) }},
		{"switchover", c.switchover},
		{"double promotion", c.promoteBoth},
		{"split brain, the old one kept", func(ctx context.Context) error { return c.split(ctx, true) }},
		{"split brain, the new one kept", func(ctx context.Context) error { return c.split(ctx, false) }},
		{"primary restarted", func(ctx context.Context) error { return c.restart(ctx, c.primary, false) }},
		{"primary crashed", func(ctx context.Context) error { return c.restart(ctx, c.primary, true) }},
	}
}

// patience is what a change may take: the machine may be busy.
const patience = 5 * time.Minute

// play makes a change, and waits until all is well again.
func (c *cluster) play(ctx context.Context, what move) error {
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	from := c.lines.now()
	if err := what.make(bounded); err != nil {
		return fmt.Errorf("%s: %w", what.kind, err)
	}
	for _, standby := range c.servers.Replicas() {
		if err := standby.WaitStreaming(bounded); err != nil {
			return fmt.Errorf("after %s: %w", what.kind, err)
		}
	}
	return c.lines.recorder.write(history.Line{Fault: &history.Fault{Kind: what.kind, From: from, To: c.lines.now()}})
}

// failover kills the primary and promotes a standby. Where it is to lose, that
// one has not got what was written last, and the other one may have.
func (c *cluster) failover(ctx context.Context, loses bool) error {
	old := c.primary
	next, other := c.standbys()
	if loses {
		if err := c.cutSome(ctx, next, other); err != nil {
			return err
		}
	}
	c.primary = next
	return inTurn(
		func() error { return c.end(ctx, old, true) },
		func() error { return c.promote(ctx, next) },
		func() error { return c.rest(ctx) },
		func() error { return c.join(ctx, other, next) },
		func() error { return c.join(ctx, old, next) },
	)
}

// cutSome cuts the first standby, and the other one before, later or never.
func (c *cluster) cutSome(ctx context.Context, first, other *pgcluster.Server) error {
	cuts := []*pgcluster.Server{first}
	switch c.random.IntN(3) {
	case 0:
		cuts = []*pgcluster.Server{first, other}
	case 1:
		cuts = []*pgcluster.Server{other, first}
	}
	for _, standby := range cuts {
		if err := c.cut(ctx, standby); err != nil {
			return err
		}
		if err := c.rest(ctx); err != nil {
			return err
		}
	}
	return nil
}

// switchover ends the primary cleanly before a standby goes on.
func (c *cluster) switchover(ctx context.Context) error {
	old := c.primary
	next, other := c.standbys()
	c.primary = next
	return inTurn(
		func() error { return c.end(ctx, old, false) },
		func() error { return c.promote(ctx, next) },
		func() error { return c.join(ctx, other, next) },
		func() error { return c.rest(ctx) },
		func() error { return c.join(ctx, old, next) },
	)
}

// promoteBoth promotes both standbys of a primary that was killed, and gives one up.
func (c *cluster) promoteBoth(ctx context.Context) error {
	old := c.primary
	kept, given := c.standbys()
	if c.random.IntN(2) == 0 {
		if err := c.cutSome(ctx, kept, given); err != nil {
			return err
		}
	}
	first, second := kept, given
	if c.random.IntN(2) == 0 {
		first, second = given, kept
	}
	c.primary = kept
	return inTurn(
		func() error { return c.end(ctx, old, true) },
		func() error { return c.promote(ctx, first) },
		func() error { return c.promote(ctx, second) },
		func() error { return c.rest(ctx) },
		func() error { return c.join(ctx, given, kept) },
		func() error { return c.join(ctx, old, kept) },
	)
}

// split promotes a standby beside the primary, and gives one of the two up. The
// other standby goes over to the new one at once where that is kept, else the first
// time and every other one after that: only then is it, a standby, on a line that is
// given up, which even a short history has to have.
func (c *cluster) split(ctx context.Context, keepOld bool) error {
	old := c.primary
	rogue, other := c.standbys()
	if c.random.IntN(2) == 0 {
		if err := c.cutSome(ctx, rogue, other); err != nil {
			return err
		}
	}
	kept, given := rogue, old
	if keepOld {
		kept, given = old, rogue
	}
	c.primary = kept
	steps := []func() error{func() error { return c.promote(ctx, rogue) }}
	goesOver := !keepOld || c.splits%2 == 0
	if keepOld {
		c.splits++
	}
	if goesOver {
		steps = append(steps, func() error { return c.rest(ctx) }, func() error { return c.join(ctx, other, rogue) })
	}
	return inTurn(append(steps,
		func() error { return c.rest(ctx) },
		func() error { return c.end(ctx, given, c.random.IntN(2) == 0) },
		func() error { return c.rest(ctx) },
		func() error { return c.join(ctx, given, kept) },
		func() error { return c.join(ctx, other, kept) },
	)...)
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
