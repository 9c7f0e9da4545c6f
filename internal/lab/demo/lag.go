//go:build unix

package demo

import (
	"context"
	"errors"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/load"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// pauseNowAndThen pauses and resumes the replay of the last standby.
func (d *demo) pauseNowAndThen(ctx context.Context) error {
	last := d.lastStandby()
	for {
		if err := d.tell(ctx, last, "SELECT pg_wal_replay_resume()"); err != nil {
			return err
		}
		if err := lab.Sleep(ctx, d.Times.Replaying); err != nil {
			return err
		}
		last = d.lastStandby()
		if err := d.tell(ctx, last, "SELECT pg_wal_replay_pause()"); err != nil {
			return err
		}
		if err := lab.Sleep(ctx, d.Times.Paused); err != nil {
			return err
		}
	}
}

// lastStandby is nil while there is none.
func (d *demo) lastStandby() *pgcluster.Server {
	if standbys := d.roles.list(); len(standbys) > 0 {
		return standbys[len(standbys)-1]
	}
	return nil
}

// tell runs SQL on a standby. One that is none any more has been promoted, which
// ended its pause.
func (d *demo) tell(ctx context.Context, standby *pgcluster.Server, sql string) error {
	return d.roles.onStandby(standby, func(standby *pgcluster.Server) error {
		d.out.say("On %s: %s", standby.Name, sql)
		return standby.Exec(ctx, sql)
	})
}

// writeHeavily loads the primary in bursts, with a pause after each in which
// the replicas catch up.
func (d *demo) writeHeavily(ctx context.Context) error {
	for {
		if err := errors.Join(d.burst(ctx), ctx.Err()); err != nil {
			return err
		}
		d.out.say("Not writing for %v …", d.Times.Idle)
		if err := d.roles.onPrimary(ctx, load.Forget); err != nil {
			return err
		}
		if err := lab.Sleep(ctx, d.Times.Idle); err != nil {
			return err
		}
	}
}

// burst writes, and goes on with the next primary when one is lost.
func (d *demo) burst(ctx context.Context) error {
	// With a deadline of ctx a connection could time out just before ctx has ended.
	ends := time.Now().Add(d.Times.Busy)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer time.AfterFunc(d.Times.Busy, cancel).Stop()
	return lab.Ended(ctx, d.roles.onPrimary(ctx, func(ctx context.Context, primary *pgcluster.Server) error {
		d.out.say("Writing heavily to %s for %v …", primary.Name, time.Until(ends).Round(100*time.Millisecond))
		return load.Heavily(ctx, primary)
	}))
}
