//go:build unix

package accuracy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/exporter"
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
	clock        history.Clock
	exporter     *exporter.Exporter
	measurements []*measurement
}

func (s *scenario) measure(ctx context.Context, b bench) (o *outcome, err error) {
	pair := b.pair
	e, err := b.program.Start(ctx, exporter.Config{
		DSNs: pair.DSNs(), Moments: true, Args: []string{"--probe.wait=" + s.wait.String()},
		Timeout: s.wait + 4*time.Second,
	})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, e.Stop()) }()
	o = &outcome{scenario: *s, clock: history.Clock{Began: time.Now()}, exporter: e}
	if err := settle(ctx, pair, e); err != nil {
		return nil, err
	}
	if s.unobserved {
		return o, o.probeAll(ctx)
	}
	watching := observer.Start(ctx, o.clock, pair.Replica.SuperDSN(), rig.SectionSQL)
	defer watching.Stop()
	if err := shows(ctx, watching, 1); err != nil {
		return nil, err
	}
	if err := o.probeAll(ctx); err != nil {
		return nil, err
	}
	if err := shows(ctx, watching, o.measurements[len(o.measurements)-1].capacity); err != nil {
		return nil, err
	}
	watching.Stop()
	o.compare(watching.Take())
	return o, nil
}

// settle scrapes until the replica shows the canaries at once, so that a
// scenario does not begin in the lag of the one before it.
func settle(ctx context.Context, pair *rig.Rig, e *exporter.Exporter) error {
	bounded, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := pair.Replica.WaitCaughtUp(bounded); err != nil {
		return err
	}
	return e.WaitSynced(ctx, 20)
}

// probeAll makes all probes of the scenario.
func (o *outcome) probeAll(ctx context.Context) (err error) {
	if o.begin != nil {
		if err := o.begin(ctx); err != nil {
			return err
		}
	}
	if o.end != nil {
		defer func() { err = errors.Join(err, o.end(context.WithoutCancel(ctx))) }()
	}
	for range o.times {
		time.Sleep(gap)
		if o.before != nil {
			if err := o.before(ctx); err != nil {
				return err
			}
		}
		m, err := o.probe(ctx)
		if err != nil {
			return err
		}
		o.measurements = append(o.measurements, m)
	}
	return nil
}

// probe makes one scrape and keeps the exporter's word.
func (o *outcome) probe(ctx context.Context) (*measurement, error) {
	samples, moments, err := o.exporter.Probe(ctx)
	if err != nil {
		return nil, err
	}
	lag := samples.Values["pg_canary_lag_seconds"]
	if moments == nil || lag == nil || len(moments.Reads) != 1 {
		return nil, fmt.Errorf("a probe failed: its moments are %+v, the replica is %q", moments, samples.State)
	}
	reads := moments.Reads[0]
	m := &measurement{
		capacity:     moments.Capacity,
		acknowledged: o.clock.Moment(moments.Acknowledged),
		lag:          seconds(*lag),
		fresh:        !reads.FirstFresh.IsZero(),
		lastStale:    history.Always,
		firstFresh:   history.Never,
		ended:        o.clock.Moment(moments.Ended),
	}
	if !reads.LastStale.IsZero() {
		m.lastStale = o.clock.Moment(reads.LastStale)
	}
	if m.fresh {
		m.firstFresh = o.clock.Moment(reads.FirstFresh)
	}
	return m, nil
}

// shows waits until the observer has seen a canary.
func shows(ctx context.Context, watching *observer.Observer, capacity int64) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for watching.Current() < capacity {
		if err := lab.Sleep(ctx, 10*time.Millisecond); err != nil {
			return fmt.Errorf("the observer does not see canary %d: %w", capacity, err)
		}
	}
	return nil
}
