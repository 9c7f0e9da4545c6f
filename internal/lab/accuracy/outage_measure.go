//go:build unix

package accuracy

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/url"
	"strings"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/exporter"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/observer"
)

// interrupted is what came of an interruption.
type interrupted struct {
	interruption
	outages []outage
}

func (i *interruption) measure(ctx context.Context, b bench) (done *interrupted, err error) {
	config, app := exporter.Config{Moments: true, Shared: true}, ""
	for _, server := range b.pair.Servers.Servers() {
		config.DSNs = append(config.DSNs, b.pair.DSN(server))
		if app, err = alsoTo(app, server.SuperDSN()); err != nil {
			return nil, err
		}
	}
	if i.pulse {
		config.Args = []string{"--pulse.interval=" + pulseInterval.String()}
	} else {
		config.Timeout = scrapeInterval // Prometheus allows no longer one.
	}
	e, err := b.program.Start(ctx, config)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, e.Stop()) }()
	if err := learnsWhatIsUsual(ctx, e); err != nil {
		return nil, err
	}
	clock := history.Clock{Began: time.Now()}
	writing, err := observer.StartApplication(ctx, clock, app)
	if err != nil {
		return nil, err
	}
	defer writing.Stop()
	done = &interrupted{interruption: *i}
	for range i.times {
		if err := e.WaitSynced(ctx, 1); err != nil {
			return nil, err
		}
		o, err := i.once(ctx, e, writing, clock)
		if err != nil {
			return nil, err
		}
		done.outages = append(done.outages, o)
	}
	return done, nil
}

// alsoTo has a connection string lead to the server of another one too, and to that of
// them which takes writes.
func alsoTo(dsn, other string) (string, error) {
	to, err := url.Parse(other)
	if err != nil || dsn == "" {
		return other + "&target_session_attrs=read-write", err
	}
	before, after, _ := strings.Cut(dsn, "/postgres?")
	return before + "," + to.Host + "/postgres?" + after, nil
}

// learnsWhatIsUsual scrapes until the exporter knows how long its canary commits usually take: it
// looks at the last 31, and half of them are enough.
func learnsWhatIsUsual(ctx context.Context, e *exporter.Exporter) error {
	const capacity, enough = "pg_canary_primary_capacity", 16
	first, err := e.Scrape(ctx)
	if err != nil {
		return err
	}
	for {
		samples, err := e.Scrape(ctx)
		if err != nil || samples.Value(capacity) >= first.Value(capacity)+enough {
			return err
		}
		if err := lab.Sleep(ctx, pulseInterval); err != nil {
			return err
		}
	}
}

// once makes one interruption.
func (i *interruption) once(ctx context.Context, e *exporter.Exporter, app *observer.Application, clock history.Clock) (o outage, err error) {
	ctx, stop := context.WithCancel(ctx) // The metronome ends in any case.
	defer stop()
	if !i.pulse {
		defer scrapeInBackground(ctx, e)()
	}
	before, err := e.Scrape(ctx)
	if err != nil {
		return o, err
	}
	if err := lab.Sleep(ctx, rand.N(i.interval())); err != nil { //nolint:gosec // It need not be a secret.
		return o, err
	}
	late, began := metronome(ctx), time.Now()
	if err := i.begin(ctx); err != nil {
		return o, err
	}
	if err := i.end(ctx); err != nil {
		return o, err
	}
	over := time.Now()
	if err := errors.Join(writesAgain(ctx, app, clock.Moment(over)), e.WaitBeat(ctx, over)); err != nil {
		return o, err
	}
	// It shares the probe of which the beat was, or has a newer one.
	after, err := e.Scrape(ctx)
	if err != nil {
		return o, err
	}
	o = outageOf(app.Writes(), clock.Moment(began))
	o.counted = seconds(after.Value(outageSeconds) - before.Value(outageSeconds))
	o.late = late()
	if i.mend != nil {
		err = i.mend(ctx)
	}
	return o, err
}

const outageSeconds = "pg_canary_write_outage_seconds_total"

// writesAgain waits until a write of the application is acknowledged that was sent after a moment.
func writesAgain(ctx context.Context, app *observer.Application, after history.Moment) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		writes := app.Writes()
		if last := writes[len(writes)-1]; !last.Failed && last.Sent > after {
			return nil
		}
		if err := lab.Sleep(ctx, observer.WriteInterval); err != nil {
			return err
		}
	}
}

// metronome begins to wait for short times, one after the other, and returns what ends that and says how much
// longer they were than asked for, in all.
func metronome(ctx context.Context) (late func() time.Duration) {
	const tick = 2 * time.Millisecond
	ctx, cancel := context.WithCancel(ctx)
	sum := make(chan time.Duration, 1)
	go func() {
		total := time.Duration(0)
		for began := time.Now(); lab.Sleep(ctx, tick) == nil; began = time.Now() {
			if waited := time.Since(began); waited > 2*tick {
				total += waited - tick
			}
		}
		sum <- total
	}()
	return func() time.Duration {
		cancel()
		return <-sum
	}
}

// scrapeInBackground scrapes an exporter in the interval, as Prometheus does, until what it returns is called.
func scrapeInBackground(ctx context.Context, e *exporter.Exporter) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(scrapeInterval)
		defer ticker.Stop()
		for ctx.Err() == nil {
			_, _ = e.Scrape(ctx) // What it finds is in the exporter's counters.
			select {
			case <-ticker.C:
			case <-ctx.Done():
			}
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}
