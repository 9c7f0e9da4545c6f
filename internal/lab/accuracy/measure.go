//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/observer"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
)

// gap lets the servers come to rest between two probes, as they do between two scrapes.
const gap = 5 * time.Millisecond

// measurement is one probe: the exporter's word and, where there was an
// observer, the truth.
type measurement struct {
	capacity     int64
	acknowledged history.Moment
	// lag is lag_seconds, and fresh says whether it is the visibility delay.
	lag   time.Duration
	fresh bool
	// lastStale and firstFresh are the exporter's interval; Always and Never
	// where there was no such read.
	lastStale, firstFresh history.Moment
	// ended is when the probe had ended.
	ended history.Moment
	// low and high are what the observer's reads leave for the truth.
	low, high time.Duration
	violation string
}

// outcome is what came of a scenario.
type outcome struct {
	scenario
	measurements []*measurement
}

func measure(ctx context.Context, pair *rig.Rig, s scenario) (*outcome, error) {
	config := rig.Config()
	config.Wait = s.wait
	cluster, err := pair.Probe(config)
	if err != nil {
		return nil, err
	}
	defer cluster.Close(context.WithoutCancel(ctx)) //nolint:errcheck // The servers end anyway.
	clock := history.Clock{Began: time.Now()}
	o := &outcome{scenario: s}
	if err := settle(ctx, pair, cluster); err != nil {
		return nil, err
	}
	var watching *observer.Observer
	if !s.unobserved {
		watching = observer.Start(ctx, clock, pair.Replica.SuperDSN(), rig.SectionSQL)
		defer watching.Stop()
		if err := shows(ctx, watching, 1); err != nil {
			return nil, err
		}
	}
	// Memory of what is acknowledged, but not shown, begins with this one.
	if _, err := o.probe(ctx, cluster, clock); err != nil {
		return nil, err
	}
	o.measurements = nil
	if err := o.probeAll(ctx, cluster, clock); err != nil {
		return nil, err
	}
	if watching == nil {
		return o, nil
	}
	if err := shows(ctx, watching, o.measurements[len(o.measurements)-1].capacity); err != nil {
		return nil, err
	}
	watching.Stop()
	o.compare(watching.Take())
	return o, nil
}

// settle probes until the replica shows the canaries at once, so that a scenario
// does not begin in the lag of the one before it.
func settle(ctx context.Context, pair *rig.Rig, cluster *probe.Cluster) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := pair.Replica.WaitCaughtUp(ctx); err != nil {
		return err
	}
	for good := 0; good < 20; {
		r := cluster.Probe(ctx)
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("the pair does not come to rest: %w", err)
		}
		good++
		if replicas := r.Replicas(); r.Write == nil || len(replicas) == 0 || replicas[0].Replica.State != probe.StateSynced {
			good = 0
		}
	}
	return nil
}

func (o *outcome) probeAll(ctx context.Context, cluster *probe.Cluster, clock history.Clock) (err error) {
	if o.begin != nil {
		if err := o.begin(ctx); err != nil {
			return err
		}
	}
	if o.end != nil {
		defer func() { err = errors.Join(err, o.end(context.WithoutCancel(ctx))) }()
	}
	for range o.probes {
		time.Sleep(gap)
		if o.before != nil {
			if err := o.before(ctx); err != nil {
				return err
			}
		}
		m, err := o.probe(ctx, cluster, clock)
		if err != nil {
			return err
		}
		o.measurements = append(o.measurements, m)
	}
	return nil
}

// probe runs one probe and keeps the exporter's word.
func (o *outcome) probe(ctx context.Context, cluster *probe.Cluster, clock history.Clock) (*measurement, error) {
	ctx, cancel := context.WithTimeout(ctx, o.wait+4*time.Second)
	defer cancel()
	r := cluster.Probe(ctx)
	if r.Write == nil || r.Nodes[1].Replica == nil || r.Nodes[1].Replica.Lag == nil {
		return nil, fmt.Errorf("a probe failed: %+v", r)
	}
	replica := r.Nodes[1].Replica
	m := &measurement{
		capacity:     r.Write.Capacity,
		acknowledged: clock.Moment(r.Write.Acknowledged),
		lag:          *replica.Lag,
		fresh:        !replica.FirstFresh.IsZero(),
		lastStale:    history.Always,
		firstFresh:   history.Never,
		ended:        clock.Moment(r.Started.Add(r.Duration)),
	}
	if !replica.LastStale.IsZero() {
		m.lastStale = clock.Moment(replica.LastStale)
	}
	if m.fresh {
		m.firstFresh = clock.Moment(replica.FirstFresh)
	}
	return m, nil
}

// shows waits until the observer has seen a canary.
func shows(ctx context.Context, watching *observer.Observer, capacity int64) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for watching.Current() < capacity {
		select {
		case <-ctx.Done():
			return fmt.Errorf("the observer does not see canary %d: %w", capacity, ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}
