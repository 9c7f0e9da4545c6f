//go:build unix

package soak

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/exporter"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
)

// onThree are the servers of the failovers. pg_rewind needs what hints change in the
// WAL. A promotion replays WAL that came long ago, and would cancel every statement.
var onThree = rig.Options{Replicas: 2, Settings: map[string]string{"wal_log_hints": "on", "max_standby_archive_delay": "-1"}}

// steady is the exporter that runs all the time.
const steady = "first"

// failovers makes every change of primaries so many times, in an order and for times
// that the seed decides, while two exporters write to one section.
func (o Options) failovers(ctx context.Context, program *exporter.Program, servers *rig.Rig, r *recorder, out io.Writer) error {
	all := servers.Servers.Servers()
	s := &scraper{pace: o.pace(), program: program, rig: servers, recorder: r}
	c := &cluster{
		servers: servers.Servers, lines: newLines(r, all), longest: o.Fault, scrapes: s.steady.Load, beats: s.beats.Load, pulse: o.Pulse > 0,
		random: rand.New(rand.NewPCG(o.Seed, 3)), //nolint:gosec // A seed makes it repeatable.
	}
	if err := c.started(ctx); err != nil {
		return err
	}
	first, err := s.start(ctx, history.Source{Exporter: steady, Run: 1}, all)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	everything, ctx := errgroup.WithContext(ctx)
	for _, server := range all {
		everything.Go(func() error { return c.lines.watchers[server].run(ctx) })
		everything.Go(func() error { write(ctx, server); return nil })
	}
	everything.Go(func() error {
		return s.always(ctx, first, rand.New(rand.NewPCG(o.Seed, 6))) //nolint:gosec // A seed makes it repeatable.
	})
	everything.Go(func() error {
		random := rand.New(rand.NewPCG(o.Seed, 4)) //nolint:gosec // As above.
		return s.onAndOff(ctx, "second", random, o.Fault)
	})
	everything.Go(func() error {
		defer stop()
		return lab.Ended(ctx, o.makeChanges(ctx, c, s, out))
	})
	return errors.Join(everything.Wait(), c.lines.finish())
}

// makeChanges makes all changes, each once in a round.
func (o Options) makeChanges(ctx context.Context, c *cluster, s *scraper, out io.Writer) error {
	began, changes := time.Now(), c.changes()
	for round := 1; round <= o.Failovers; round++ {
		for _, i := range c.random.Perm(len(changes)) {
			if err := errors.Join(c.rest(ctx), c.play(ctx, changes[i])); err != nil {
				return err
			}
		}
		lab.Say(out, "%d changes of primaries and %d scrapes in %v", round*len(changes), s.number.Load(), time.Since(began).Round(time.Second))
	}
	return c.rest(ctx)
}

// Of the writes beside the exporters'.
const (
	writePause = 10 * time.Millisecond
	writeSQL   = "CREATE TABLE IF NOT EXISTS steady (at timestamptz, filler text); INSERT INTO steady VALUES (now(), repeat('x', 100))"
)

// write writes to a server whenever it takes writes.
func write(ctx context.Context, server *pgcluster.Server) {
	for ctx.Err() == nil {
		conn, err := pgconn.Connect(ctx, server.SuperDSN())
		for err == nil && lab.Sleep(ctx, writePause) == nil {
			_, err = conn.Exec(ctx, writeSQL).ReadAll()
		}
		if conn != nil {
			_ = conn.Close(context.WithoutCancel(ctx)) // It may be broken.
		}
		_ = lab.Sleep(ctx, 10*reconnectPause) // A standby says no for a long time.
	}
}
