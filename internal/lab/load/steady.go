//go:build unix

package load

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// The steady load: so many sessions, and so many transactions a second in all.
const (
	steadySessions = 2
	steadyRate     = 200
)

// Steadily writes until ctx ends: with pgbench, or without it by sessions that
// make the same kind of transaction.
func Steadily(ctx context.Context, servers *pgcluster.Cluster) error {
	pgbench, ok := servers.Installation().Program("pgbench")
	if !ok {
		return lab.Ended(ctx, withSessions(ctx, servers.Primary()))
	}
	return lab.Ended(ctx, withPgbench(ctx, pgbench, servers.Primary().SuperDSN()))
}

func withPgbench(ctx context.Context, pgbench, dsn string) error {
	if err := runProgram(ctx, pgbench, "--initialize", "--quiet", "--scale=1", dsn); err != nil {
		return err
	}
	for ctx.Err() == nil {
		err := runProgram(ctx, pgbench, "--no-vacuum",
			fmt.Sprint("--client=", steadySessions), fmt.Sprint("--rate=", steadyRate), "--time=60", dsn)
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

func withSessions(ctx context.Context, primary *pgcluster.Server) error {
	if err := primary.Exec(ctx, "CREATE TABLE IF NOT EXISTS steady (at timestamptz, filler text)"); err != nil {
		return err
	}
	sessions, ctx := errgroup.WithContext(ctx)
	for range steadySessions {
		sessions.Go(func() error {
			for lab.Sleep(ctx, steadySessions*time.Second/steadyRate) == nil {
				if err := primary.Exec(ctx, "INSERT INTO steady VALUES (now(), repeat('x', 100))"); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return sessions.Wait()
}
