//go:build unix

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	pausedFor  = 12 * time.Second
	resumedFor = 18 * time.Second
)

// pauseNowAndThen pauses and resumes the replay of the last replica.
func (d *demo) pauseNowAndThen(ctx context.Context) error {
	replica := d.servers.Replicas()[len(d.servers.Replicas())-1]
	for {
		for _, step := range []struct {
			sql string
			d   time.Duration
		}{{"SELECT pg_wal_replay_resume()", resumedFor}, {"SELECT pg_wal_replay_pause()", pausedFor}} {
			say(d.out, "On %s: %s\n", replica.Name, step.sql)
			if err := replica.Exec(ctx, step.sql); err != nil {
				return err
			}
			if sleep(ctx, step.d); ctx.Err() != nil {
				return nil
			}
		}
	}
}

// writers is how many sessions write at a time.
const writers = 4

// loadTable is filled and emptied by loadSQL. Its random key makes each row
// touch another page of the index, which costs the one process that replays
// more than the many that write.
const loadTable = `
CREATE TABLE IF NOT EXISTS load (key uuid PRIMARY KEY, filler text)`

// loadSQL is one heavy transaction.
const loadSQL = `INSERT INTO load SELECT gen_random_uuid(), repeat('x', 500) FROM generate_series(1, 5000)`

// writeHeavily loads the primary in bursts, with a pause after each in which
// the replicas catch up.
func (d *demo) writeHeavily(ctx context.Context) error {
	if err := d.servers.Primary().Exec(ctx, loadTable); err != nil {
		return err
	}
	write := d.writeWithSessions
	if _, ok := d.installation.Program("pgbench"); ok {
		write = d.writeWithPgbench
	}
	for {
		say(d.out, "Writing heavily for %v …\n", pausedFor)
		if err := write(ctx, pausedFor); err != nil {
			return err
		}
		say(d.out, "Resting for %v …\n", resumedFor)
		if err := d.servers.Primary().Exec(ctx, "TRUNCATE load"); err != nil {
			return err
		}
		if sleep(ctx, resumedFor); ctx.Err() != nil {
			return nil
		}
	}
}

func (d *demo) writeWithPgbench(ctx context.Context, duration time.Duration) error {
	script, err := os.CreateTemp("", "pg_canary_demo-*.sql")
	if err != nil {
		return err
	}
	defer os.Remove(script.Name()) //nolint:errcheck // It is in the temporary directory.
	if _, err := script.WriteString(loadSQL + ";\n"); err != nil {
		return err
	}
	if err := script.Close(); err != nil {
		return err
	}
	pgbench, _ := d.installation.Program("pgbench")
	command := exec.CommandContext(ctx, pgbench, "--no-vacuum", fmt.Sprint("--client=", writers),
		fmt.Sprint("--time=", int(duration.Seconds())), "--file="+filepath.Clean(script.Name()), d.servers.Primary().SuperDSN())
	output, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("pgbench: %w: %s", err, strings.TrimSpace(string(output)))
	}
	return nil
}

func (d *demo) writeWithSessions(ctx context.Context, duration time.Duration) error {
	until := time.Now().Add(duration)
	sessions, ctx := errgroup.WithContext(ctx)
	for range writers {
		sessions.Go(func() error {
			for time.Now().Before(until) && ctx.Err() == nil {
				if err := d.servers.Primary().Exec(ctx, loadSQL); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return sessions.Wait()
}
