//go:build unix

package main

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
)

// The steady load: so many sessions, and so many transactions a second in all.
const (
	writers = 2
	rate    = 200
)

// writeSteadily writes until ctx ends: with pgbench, or without it by sessions
// that make the same kind of transaction.
func writeSteadily(ctx context.Context, pair *rig.Rig) error {
	pgbench, ok := pair.Servers.Installation().Program("pgbench")
	if !ok {
		return writeWithSessions(ctx, pair)
	}
	dsn := pair.Primary.SuperDSN()
	if err := runProgram(ctx, pgbench, "--initialize", "--quiet", "--scale=1", dsn); err != nil {
		return err
	}
	for ctx.Err() == nil {
		err := runProgram(ctx, pgbench, "--no-vacuum", fmt.Sprint("--client=", writers), fmt.Sprint("--rate=", rate), "--time=60", dsn)
		if err != nil {
			return err
		}
	}
	return nil
}

func runProgram(ctx context.Context, name string, args ...string) error {
	command := exec.CommandContext(ctx, name, args...) //nolint:gosec // The installation says which.
	output, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("pgbench: %w: %s", err, strings.TrimSpace(string(output)))
	}
	return nil
}

func writeWithSessions(ctx context.Context, pair *rig.Rig) error {
	if err := pair.Primary.Exec(ctx, "CREATE TABLE IF NOT EXISTS load (at timestamptz, filler text)"); err != nil {
		return err
	}
	sessions, ctx := errgroup.WithContext(ctx)
	for range writers {
		sessions.Go(func() error {
			for sleep(ctx, writers*time.Second/rate) {
				if err := pair.Primary.Exec(ctx, "INSERT INTO load VALUES (now(), repeat('x', 100))"); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return sessions.Wait()
}
