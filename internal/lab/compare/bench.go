//go:build unix

package compare

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/exporter"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/load"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
)

const scrapeInterval = time.Second

// sample is what all said at one time.
type sample struct {
	truth      time.Duration
	truthBytes float64
	lag        *float64 // seconds
	lagBytes   *float64
	state      string
	answers    []*float64 // of the formulas, in their order
}

// bench is all that is asked.
type bench struct {
	pair             *rig.Rig
	app              *application
	exporter         *exporter.Exporter
	primary, replica *pgx.Conn
}

func newBench(ctx context.Context, pair *rig.Rig, e *exporter.Exporter) (b *bench, err error) {
	b = &bench{pair: pair, exporter: e}
	if b.primary, err = pgx.Connect(ctx, pair.Primary.SuperDSN()); err != nil {
		return nil, err
	}
	if b.replica, err = pgx.Connect(ctx, pair.Replica.SuperDSN()); err != nil {
		return nil, err
	}
	b.app, err = newApplication(ctx, pair.Primary, pair.Replica)
	return b, err
}

func (b *bench) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	b.app.close(ctx)
	_ = errors.Join(b.primary.Close(ctx), b.replica.Close(ctx)) // The servers end anyway.
}

// run makes a situation and asks all.
func (b *bench) run(ctx context.Context, s situation) (r row, err error) {
	if err := b.settle(ctx); err != nil {
		return r, err
	}
	if err := lab.Sleep(ctx, s.rest); err != nil {
		return r, err
	}
	if s.begin != nil {
		if err := s.begin(ctx); err != nil {
			return r, err
		}
	}
	if s.end != nil {
		defer func() { err = errors.Join(err, s.end(context.WithoutCancel(ctx))) }()
	}
	writing, stop := context.WithCancel(ctx)
	defer stop()
	all, writing := errgroup.WithContext(writing)
	if s.lasts > 0 {
		all.Go(func() error { return b.app.write(writing) })
	}
	if s.heavy {
		all.Go(func() error { return load.Heavily(writing, b.pair.Primary) })
	}
	r.situation = s
	all.Go(func() error {
		defer stop()
		var err error
		r.samples, err = b.ask(writing, s)
		return err
	})
	err = all.Wait()
	return r, err
}

// settle waits until nothing is in the way of the replica.
func (b *bench) settle(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	if err := b.pair.Replica.WaitStreaming(bounded); err != nil {
		return err
	}
	if err := b.app.caughtUp(bounded); err != nil {
		return err
	}
	if err := b.pair.Replica.WaitCaughtUp(bounded); err != nil {
		return err
	}
	_, err := b.scrape(bounded)
	return err
}

// ask scrapes for as long as the situation lasts, and then asks all.
func (b *bench) ask(ctx context.Context, s situation) ([]sample, error) {
	ticker := time.NewTicker(scrapeInterval)
	defer ticker.Stop()
	for until := time.Now().Add(s.lasts); time.Now().Before(until); <-ticker.C {
		if _, err := b.scrape(ctx); err != nil {
			return nil, err
		}
	}
	var samples []sample
	for range s.samples {
		one, err := b.sample(ctx, s.lasts == 0)
		if err != nil {
			return nil, err
		}
		samples = append(samples, one)
		<-ticker.C
	}
	return samples, nil
}

func (b *bench) scrape(ctx context.Context) (exporter.Samples, error) {
	samples, err := b.exporter.Scrape(ctx)
	if err == nil && samples.Value("pg_canary_up") != 1 {
		err = errors.New("a probe failed: up is not 1")
	}
	return samples, err
}

// sample asks all at one time. The probe comes last on an idle primary, because
// its write ends the idleness, and else first: a probe that waits in vain tells
// the lag at its end.
func (b *bench) sample(ctx context.Context, probeLast bool) (s sample, err error) {
	if !probeLast {
		if err := s.probe(ctx, b); err != nil {
			return s, err
		}
	}
	at := b.app.clock.Moment(time.Now())
	for _, f := range formulas {
		answer, err := f.ask(ctx, b.primary, b.replica)
		if err != nil {
			return s, fmt.Errorf("%s: %w", f.heading, err)
		}
		s.answers = append(s.answers, answer)
	}
	if s.truthBytes, err = b.bytesBehind(ctx); err != nil {
		return s, err
	}
	if s.truth, err = b.app.waiting(ctx, at); err != nil {
		return s, err
	}
	if probeLast {
		err = s.probe(ctx, b)
	}
	return s, err
}

func (s *sample) probe(ctx context.Context, b *bench) error {
	samples, err := b.scrape(ctx)
	if err != nil {
		return err
	}
	s.lag, s.lagBytes, s.state = samples.Values["pg_canary_lag_seconds"], samples.Values["pg_canary_lag_bytes"], samples.State
	return nil
}

// bytesBehind asks the two servers themselves.
func (b *bench) bytesBehind(ctx context.Context) (float64, error) {
	var replayed string
	if err := b.replica.QueryRow(ctx, "SELECT pg_last_wal_replay_lsn()::text").Scan(&replayed); err != nil {
		return 0, err
	}
	var behind float64
	err := b.primary.QueryRow(ctx, "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), $1::text::pg_lsn)::float8", replayed).Scan(&behind)
	return behind, err
}
