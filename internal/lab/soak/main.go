//go:build unix

// Command soak runs the exporter for a long time on a pair of servers that it
// loads, pauses, cuts and restarts at random, and writes down what the exporter
// said and what an observer of its own saw. It judges nothing: soakcheck reads
// the history afterwards.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"golang.org/x/sync/errgroup"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/observer"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
)

func main() {
	o := options{}
	app := kingpin.New("soak", "Writes the history of many probes under load and faults, for soakcheck.")
	app.Flag("probes", "How many, at least.").Default("100000").IntVar(&o.probes)
	app.Flag("history", "File to write.").Required().StringVar(&o.history)
	app.Flag("seed", "Seed of the faults' order and lengths; 0: a new one.").Uint64Var(&o.seed)
	app.Flag("wait", "The exporter's --probe.wait.").Default("1s").DurationVar(&o.wait)
	app.Flag("quiet-time", "Longest time without a fault.").Default("2s").DurationVar(&o.quiet)
	app.Flag("fault-time", "Longest time of a fault.").Default("1500ms").DurationVar(&o.fault)
	kingpin.MustParse(app.Parse(os.Args[1:]))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	probes       int
	history      string
	seed         uint64
	wait         time.Duration
	quiet, fault time.Duration
}

func run(ctx context.Context, out io.Writer, o options) (err error) {
	if o.seed == 0 {
		o.seed = rand.Uint64() //nolint:gosec // It need not be a secret.
	}
	file, err := os.Create(o.history)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriter(file)
	defer func() { err = errors.Join(err, buffered.Flush(), file.Close()) }()
	pair, err := rig.New(ctx, pgcluster.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pair.Close()) }()
	e, err := newExporter(pair, o.wait)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.close(context.WithoutCancel(ctx))) }()
	if err := e.ready(ctx); err != nil {
		return err
	}
	say(out, "%d probes, seed %d", o.probes, o.seed)
	clock := history.Clock{Began: time.Now()}
	watching := observer.Start(ctx, clock, pair.Replica.SuperDSN(), rig.SectionSQL)
	defer watching.Stop()
	r := newRecorder(buffered, clock, watching)
	if err := r.write(history.Line{Settings: &history.Settings{SyncedWithin: history.Moment(rig.Config().SyncedWithin)}}); err != nil {
		return err
	}
	m := &mischief{
		pair: pair, recorder: r, quiet: o.quiet, fault: o.fault, allPlayed: make(chan struct{}),
		random: rand.New(rand.NewPCG(o.seed, o.seed)), //nolint:gosec // A seed makes it repeatable.
	}
	s := &series{out, o.probes, m.allPlayed, e, r}
	return errors.Join(together(ctx, s, m), r.finish())
}

// together probes, loads and breaks at the same time, until all probes are made.
func together(ctx context.Context, s *series, m *mischief) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	everything, ctx := errgroup.WithContext(ctx)
	everything.Go(func() error { return ended(ctx, writeSteadily(ctx, m.pair)) })
	everything.Go(func() error { return ended(ctx, m.run(ctx)) })
	everything.Go(func() error {
		defer stop()
		return s.run(ctx)
	})
	return everything.Wait()
}

// series is the probes, one after the other.
type series struct {
	out      io.Writer
	atLeast  int
	played   <-chan struct{}
	exporter *exporter
	recorder *recorder
}

// restAfterNothing keeps a replica that is down from using up the probes.
const restAfterNothing = 20 * time.Millisecond

// run ends when enough probes are made and every fault had its turn.
func (s *series) run(ctx context.Context) error {
	began := time.Now()
	for number := 1; !s.over(number); number++ {
		probe, err := s.exporter.scrape(ctx, s.recorder)
		if err != nil {
			return fmt.Errorf("probe %d: %w", number, err)
		}
		probe.Number = number
		if err := s.recorder.add(probe); err != nil {
			return err
		}
		if probe.Synced == nil {
			sleep(ctx, restAfterNothing)
		}
		if tenth := s.atLeast / 10; tenth > 0 && number%tenth == 0 {
			say(s.out, "%d probes in %v", number, time.Since(began).Round(time.Second))
		}
	}
	return nil
}

func (s *series) over(number int) bool {
	if number <= s.atLeast {
		return false
	}
	select {
	case <-s.played:
		return true
	default:
		return false
	}
}

// ended drops the error of something that was told to end.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func say(out io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(out, format+"\n", args...) }
