//go:build unix

package soak

import (
	"context"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/exporter"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
)

// scraped is the exporter, scraped over HTTP. The history needs moments that no
// metric tells; the exporter's log has them.
type scraped struct{ *exporter.Exporter }

func startScraped(ctx context.Context, program *exporter.Program, pair *rig.Rig, wait time.Duration) (*scraped, error) {
	e, err := startOn(ctx, program, pair.DSNs(), wait)
	return &scraped{e}, err
}

func startOn(ctx context.Context, program *exporter.Program, dsns []string, wait time.Duration) (*exporter.Exporter, error) {
	return program.Start(ctx, exporter.Config{
		DSNs: dsns, Moments: true,
		Args: []string{
			"--probe.wait=" + wait.String(),
			"--probe.synced-within=" + rig.Config().SyncedWithin.String(),
		},
	})
}

// probe makes one scrape and returns what it showed, and the account behind it.
func (s *scraped) probe(ctx context.Context, clock history.Clock) (*history.Probe, error) {
	samples, moments, err := s.Probe(ctx)
	if err != nil {
		return nil, err
	}
	p := &history.Probe{
		Up:              samples.Value("pg_canary_up") == 1,
		Capacity:        samples.Integer("pg_canary_primary_capacity"),
		PrimaryLSN:      samples.Integer("pg_canary_primary_lsn"),
		ReplicaCapacity: samples.Integer("pg_canary_replica_capacity"),
		LagBytes:        samples.Integer("pg_canary_lag_bytes"),
		LagSeconds:      samples.Values["pg_canary_lag_seconds"],
		State:           samples.State,
	}
	if synced := samples.Values["pg_canary_synced"]; synced != nil {
		p.Synced = new(*synced == 1)
	}
	if m := moments; m != nil {
		p.Sent, p.Acknowledged, p.Ended = clock.Known(m.Sent), clock.Known(m.Acknowledged), clock.Known(m.Ended)
		for _, reads := range m.Reads {
			p.FirstSent, p.FirstReceived = clock.Known(reads.FirstSent), clock.Known(reads.FirstReceived)
			p.LastStale, p.FirstFresh = clock.Known(reads.LastStale), clock.Known(reads.FirstFresh)
		}
	}
	return p, nil
}
