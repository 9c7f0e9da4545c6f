//go:build unix

package soak

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/exporter"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
)

// pace is how exporters are run and scraped.
type pace struct {
	// wait is --probe.wait, pulse --pulse.interval.
	wait, pulse time.Duration
}

// start starts an exporter on nodes. Histories need moments that no metric tells; its log has them.
func (p pace) start(ctx context.Context, program *exporter.Program, dsns []string) (*exporter.Exporter, error) {
	return program.Start(ctx, exporter.Config{
		DSNs: dsns, Beats: true,
		Args: []string{
			"--probe.wait=" + p.wait.String(),
			"--probe.synced-within=" + rig.Config().SyncedWithin.String(),
			"--pulse.interval=" + p.pulse.String(),
		},
	})
}

// pause is how long to rest after a scrape, and least at the least. With the pulse it has the time
// between every other two.
func (p pace) pause(random *rand.Rand, least time.Duration) time.Duration {
	if p.pulse == 0 || random.IntN(2) == 0 {
		return least
	}
	return least + time.Duration(random.Int64N(int64(5*p.pulse)))
}

// probeOnce makes one scrape and returns what it showed, and the account behind it.
func probeOnce(ctx context.Context, e *exporter.Exporter, t teller) (*history.Probe, error) {
	said, err := t.once(ctx, e)
	if err != nil {
		return nil, err
	}
	samples := said.samples
	p := &history.Probe{
		From: said.from, To: said.to, Totals: said.totals,
		Up:              samples.Value("pg_canary_up") == 1,
		Capacity:        samples.Integer("pg_canary_primary_capacity"),
		PrimaryLSN:      samples.Integer("pg_canary_primary_lsn"),
		ReplicaCapacity: samples.Integer("pg_canary_replica_capacity"),
		LagBytes:        samples.Integer("pg_canary_lag_bytes"),
		LagSeconds:      samples.Values["pg_canary_lag_seconds"],
		Bound:           samples.Values["pg_canary_staleness_bound_seconds"],
		Unseen:          samples.Integer("pg_canary_unseen_beats"),
		State:           samples.State,
	}
	if synced := samples.Values["pg_canary_synced"]; synced != nil {
		p.Synced = new(*synced == 1)
	}
	if m := said.moments; m != nil {
		p.Sent, p.Acknowledged, p.Ended = t.clock.Known(m.Sent), t.clock.Known(m.Acknowledged), t.clock.Known(m.Ended)
		for _, reads := range m.Reads {
			p.Reads = t.reads(reads)
		}
	}
	return p, nil
}
