//go:build unix

package soak

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
)

// mischief does things to the replica, one at a time.
type mischief struct {
	pair         *rig.Rig
	recorder     *recorder
	random       *rand.Rand
	quiet, fault time.Duration
	beats        func() int64 // of the pulse; nil without one
	// allPlayed is closed when every kind had its turn.
	allPlayed chan struct{}
}

// prank is one kind of mischief: begin it, let it last, end it. One without an
// end is over when it has begun.
type prank struct {
	kind       string
	begin, end func(context.Context) error
	restart    bool
}

func (m *mischief) pranks() []prank {
	link, replica := m.pair.Link, m.pair.Replica
	stopped := func(mode pgcluster.StopMode) func(context.Context) error {
		return func(ctx context.Context) error { return replica.Stop(ctx, mode) }
	}
	return []prank{
		{kind: "pause", begin: m.pair.PauseReplay, end: m.pair.ResumeReplay},
		{kind: "cut", begin: link.Cut, end: link.Mend},
		{kind: "black hole", begin: link.BlackHole, end: link.Mend},
		{kind: "slow link", begin: func(ctx context.Context) error { return link.Delay(ctx, m.delay()) }, end: link.Mend},
		{kind: "slow around the limit", begin: func(ctx context.Context) error { return link.Delay(ctx, m.around()) }, end: link.Mend},
		{kind: "burst of writes", begin: m.burst},
		{kind: "restart", begin: stopped(pgcluster.Fast), end: replica.Start, restart: true},
		{kind: "crash", begin: stopped(pgcluster.Immediate), end: replica.Start, restart: true},
		{kind: "kill", begin: func(context.Context) error { return replica.Kill() }, end: replica.Start, restart: true},
	}
}

// run makes mischief until ctx ends. Every kind has its turn, in an order and
// for times that the seed decides.
func (m *mischief) run(ctx context.Context) error {
	pranks := m.pranks()
	for round := 1; ; round++ {
		for _, i := range m.random.Perm(len(pranks)) {
			if m.rest(ctx, m.upTo(m.quiet)) != nil {
				return nil
			}
			if err := m.play(ctx, pranks[i]); err != nil {
				return fmt.Errorf("%s: %w", pranks[i].kind, err)
			}
		}
		if round == 1 {
			close(m.allPlayed)
		}
	}
}

func (m *mischief) play(ctx context.Context, p prank) error {
	from := time.Now()
	if err := p.begin(ctx); err != nil {
		return err
	}
	if p.end != nil {
		if m.rest(ctx, m.fault/3+m.upTo(m.fault*2/3)) != nil {
			return nil
		}
		if err := p.end(ctx); err != nil {
			return err
		}
	}
	fault := history.Fault{Kind: p.kind, From: m.recorder.clock.Moment(from), To: m.recorder.clock.Moment(time.Now()), Restart: p.restart}
	return m.recorder.write(history.Line{Fault: &fault})
}

// rest leaves everything as it is for a while, in which the pulse has beats that are judged.
func (m *mischief) rest(ctx context.Context, d time.Duration) error {
	const enough = 3 // The first may have begun before.
	if m.beats == nil {
		return lab.Sleep(ctx, d)
	}
	beats := m.beats() + enough
	err := lab.Sleep(ctx, d)
	for err == nil && m.beats() < beats {
		err = lab.Sleep(ctx, restBetween)
	}
	return err
}

func (m *mischief) upTo(longest time.Duration) time.Duration {
	return time.Duration(m.random.Int64N(int64(longest)))
}

// delay is what a slow link adds.
func (m *mischief) delay() time.Duration { return time.Millisecond + m.upTo(400*time.Millisecond) }

// around is a delay that lets many canaries become visible right at the limit
// of synced, where a verdict is hardest.
func (m *mischief) around() time.Duration {
	return rig.Config().SyncedWithin - 5*time.Millisecond + m.upTo(8*time.Millisecond)
}

// burst is one heavy transaction, which takes a while to replay.
func (m *mischief) burst(ctx context.Context) error {
	return m.pair.Primary.Exec(ctx, `
CREATE TABLE IF NOT EXISTS burst (key uuid PRIMARY KEY, filler text);
INSERT INTO burst SELECT gen_random_uuid(), repeat('x', 200) FROM generate_series(1, 20000);
TRUNCATE burst`)
}
