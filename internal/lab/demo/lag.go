//go:build unix

package demo

import (
	"context"
	"errors"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/load"
)

const (
	pausedFor  = 12 * time.Second
	resumedFor = 18 * time.Second
)

// pauseNowAndThen pauses and resumes the replay of the last replica.
func (d *demo) pauseNowAndThen(ctx context.Context) error {
	replicas := d.servers.Servers.Replicas()
	replica := replicas[len(replicas)-1]
	for {
		for _, step := range []struct {
			sql string
			d   time.Duration
		}{{"SELECT pg_wal_replay_resume()", resumedFor}, {"SELECT pg_wal_replay_pause()", pausedFor}} {
			lab.Say(d.out, "\nOn %s: %s", replica.Name, step.sql)
			if err := replica.Exec(ctx, step.sql); err != nil {
				return err
			}
			if err := lab.Sleep(ctx, step.d); err != nil {
				return err
			}
		}
	}
}

// writeHeavily loads the primary in bursts, with a pause after each in which
// the replicas catch up.
func (d *demo) writeHeavily(ctx context.Context) error {
	for {
		lab.Say(d.out, "\nWriting heavily for %v …", pausedFor)
		if err := errors.Join(d.burst(ctx), ctx.Err()); err != nil {
			return err
		}
		lab.Say(d.out, "\nResting for %v …", resumedFor)
		if err := load.Forget(ctx, d.servers.Primary); err != nil {
			return err
		}
		if err := lab.Sleep(ctx, resumedFor); err != nil {
			return err
		}
	}
}

func (d *demo) burst(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pausedFor)
	defer cancel()
	return load.Heavily(ctx, d.servers.Primary)
}
