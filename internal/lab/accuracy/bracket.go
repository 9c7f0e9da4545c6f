//go:build unix

package accuracy

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/exporter"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/load"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/observer"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
)

// pulseInterval is that of the exporter's pulse where it has one, and pulseLongest
// what its jitter makes of that.
const (
	pulseInterval = 100 * time.Millisecond
	pulseLongest  = pulseInterval * 11 / 10
)

// bracket is a situation in which lag_seconds and staleness_bound_seconds are held against
// what an application misses.
type bracket struct {
	series
	pulse bool
	// late is by how much the replica is late all the time; 0 where that is not constant.
	late time.Duration
	// heavy has other sessions write as much as they can.
	heavy bool
	// begin and end are what makes the situation.
	begin, end func(context.Context) error
}

// bracketed is what came of one.
type bracketed struct {
	bracket
	app  application
	said []said
}

// brackets are all of them, each without the pulse and with it.
func brackets(pair *rig.Rig) (list []*bracket) {
	for _, pulse := range []bool{false, true} {
		list = append(list,
			healthy(200, pulse),
			lateBy(pair, 50*time.Millisecond, 100, pulse),
			lateBy(pair, 500*time.Millisecond, 40, pulse),
			lateBy(pair, 3*time.Second, 20, pulse),
			pausedFor(pair, 15, pulse),
			heavyWrites(pair, 40, pulse),
		)
	}
	return list
}

func healthy(probes int, pulse bool) *bracket {
	return &bracket{series: series{"healthy" + withPulse(pulse), probes}, pulse: pulse}
}

func lateBy(pair *rig.Rig, delay time.Duration, probes int, pulse bool) *bracket {
	return &bracket{
		series: series{fmt.Sprintf("late by %v%s", delay, withPulse(pulse)), probes}, pulse: pulse, late: delay,
		begin: pair.DelayReplay(fmt.Sprint(delay.Milliseconds(), "ms")), end: pair.DelayReplay("0"),
	}
}

func pausedFor(pair *rig.Rig, probes int, pulse bool) *bracket {
	return &bracket{series: series{"paused" + withPulse(pulse), probes}, pulse: pulse, begin: pair.PauseReplay, end: pair.ResumeReplay}
}

func heavyWrites(pair *rig.Rig, probes int, pulse bool) *bracket {
	return &bracket{
		series: series{"heavy writes" + withPulse(pulse), probes}, pulse: pulse, heavy: true,
		end: func(ctx context.Context) error { return load.Forget(ctx, pair.Primary) },
	}
}

func withPulse(pulse bool) string {
	if pulse {
		return ", pulse"
	}
	return ""
}

func (s *bracket) measure(ctx context.Context, b bench) (done *bracketed, err error) {
	config := exporter.Config{DSNs: b.pair.DSNs(), Moments: true}
	if s.pulse {
		config.Args = []string{"--pulse.interval=" + pulseInterval.String()}
	}
	e, err := b.program.Start(ctx, config)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, e.Stop()) }()
	if err := settle(ctx, b.pair, e); err != nil {
		return nil, err
	}
	done = &bracketed{bracket: *s}
	clock := history.Clock{Began: time.Now()}
	app, err := observer.StartApplication(ctx, clock, b.pair.Primary.SuperDSN())
	if err != nil {
		return nil, err
	}
	defer app.Stop()
	watching := observer.Start(ctx, clock, b.pair.Replica.SuperDSN(), observer.ApplicationSQL)
	defer watching.Stop()
	if err := shows(ctx, watching, app.Writes()[0].Number); err != nil {
		return nil, err
	}
	if err := done.probeAll(ctx, b.pair, e, clock); err != nil {
		return nil, err
	}
	app.Stop()
	writes := app.Writes()
	if err := shows(ctx, watching, writes[len(writes)-1].Number); err != nil {
		return nil, err
	}
	watching.Stop()
	done.app = application{writes, watching.Take()}
	return done, nil
}

// probeAll makes all probes.
func (b *bracketed) probeAll(ctx context.Context, pair *rig.Rig, e *exporter.Exporter, clock history.Clock) (err error) {
	// The application has written before this one's canary, which the replica will show in any case.
	if _, err := sayingOf(ctx, e, clock); err != nil {
		return err
	}
	if b.begin != nil {
		if err := b.begin(ctx); err != nil {
			return err
		}
	}
	if b.end != nil {
		defer func() { err = errors.Join(err, b.end(context.WithoutCancel(ctx))) }()
	}
	if err := lab.Sleep(ctx, b.late); err != nil { // So long it takes to become late.
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	all, ctx := errgroup.WithContext(ctx)
	if b.heavy {
		all.Go(func() error { return load.Heavily(ctx, pair.Primary) })
	}
	all.Go(func() error {
		defer stop()
		for range b.times {
			// A pause of random length, so that probes keep no step with the application.
			if err := lab.Sleep(ctx, rand.N(2*observer.WriteInterval)); err != nil { //nolint:gosec // It need not be a secret.
				return err
			}
			s, err := sayingOf(ctx, e, clock)
			if err != nil {
				return err
			}
			b.said = append(b.said, s)
		}
		return nil
	})
	return all.Wait()
}

// sayingOf makes one scrape and keeps what the exporter says of the replica.
func sayingOf(ctx context.Context, e *exporter.Exporter, clock history.Clock) (s said, err error) {
	samples, moments, err := e.Probe(ctx)
	if err != nil {
		return s, err
	}
	lag, bound := samples.Values["pg_canary_lag_seconds"], samples.Values["pg_canary_staleness_bound_seconds"]
	if moments == nil || lag == nil || bound == nil || len(moments.Reads) != 1 {
		return s, fmt.Errorf("a probe does not tell: its moments are %+v, the replica is %q", moments, samples.State)
	}
	reads := moments.Reads[0]
	s = said{
		capacity: moments.Capacity, lag: seconds(*lag), bound: seconds(*bound),
		acknowledged: clock.Moment(moments.Acknowledged), lastStale: history.Always, decided: clock.Moment(reads.Decided),
		fresh: !reads.FirstFresh.IsZero(),
	}
	if !reads.LastStale.IsZero() {
		s.lastStale = clock.Moment(reads.LastStale)
	}
	return s, nil
}

// seconds returns a metric's value.
func seconds(value float64) time.Duration {
	return time.Duration(math.Round(value * float64(time.Second)))
}
