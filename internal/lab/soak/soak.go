//go:build unix

// Package soak runs the exporter for a long time: on a pair of servers that it
// loads, pauses, cuts and restarts at random, and then, with a second exporter
// on the same section, on three servers whose primaries it kills, promotes, rewinds
// and clones. It writes down what the exporters said and what observers of its own
// saw. It judges nothing: soakcheck reads the history afterwards.
package soak

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/exporter"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/load"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/observer"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
)

// Options are how long and how wildly.
type Options struct {
	// Probes is how many are made of the pair, at least.
	Probes int
	// Failovers is how often each kind of change is made on three servers.
	Failovers int
	// History is the file to write.
	History string
	// Seed decides the order and the lengths of the faults; 0 is a new one.
	Seed uint64
	// Wait is the exporter's --probe.wait.
	Wait time.Duration
	// Quiet is the longest time without a fault, Fault the longest of one.
	Quiet, Fault time.Duration
}

// Run writes the history. It prints how far it is.
func Run(ctx context.Context, o Options, out io.Writer) (err error) {
	if o.Seed == 0 {
		o.Seed = rand.Uint64() //nolint:gosec // It need not be a secret.
	}
	file, err := os.Create(o.History)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriter(file)
	defer func() { err = errors.Join(err, buffered.Flush(), file.Close()) }()
	r := newRecorder(buffered)
	err = exporter.OnServers(ctx, rig.Options{Linked: true}, func(program *exporter.Program, pair *rig.Rig) error {
		return o.run(ctx, program, pair, &series{out: out, atLeast: o.Probes, recorder: r})
	})
	if err != nil || o.Failovers == 0 {
		return err
	}
	return exporter.OnServers(ctx, onThree, func(program *exporter.Program, servers *rig.Rig) error {
		return o.failovers(ctx, program, servers, r, out)
	})
}

// run makes the series of probes on an exporter.
func (o Options) run(ctx context.Context, program *exporter.Program, pair *rig.Rig, s *series) (err error) {
	s.exporter, err = startScraped(ctx, program, pair, o.Wait)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.exporter.Stop()) }()
	if err := s.exporter.WaitSynced(ctx, 1); err != nil {
		return err
	}
	lab.Say(s.out, "%d probes, seed %d", o.Probes, o.Seed)
	return record(ctx, o, pair, s)
}

// record makes the probes, with an observer and faults beside them.
func record(ctx context.Context, o Options, pair *rig.Rig, s *series) error {
	r := s.recorder
	r.watching = observer.Start(ctx, r.clock, pair.Replica.SuperDSN(), rig.SectionSQL)
	defer r.watching.Stop()
	settings := history.Settings{SyncedWithin: history.Moment(rig.Config().SyncedWithin), Failovers: o.Failovers}
	if err := r.write(history.Line{Settings: &settings}); err != nil {
		return err
	}
	m := &mischief{
		pair: pair, recorder: r, quiet: o.Quiet, fault: o.Fault, allPlayed: make(chan struct{}),
		random: rand.New(rand.NewPCG(o.Seed, o.Seed)), //nolint:gosec // A seed makes it repeatable.
	}
	s.played = m.allPlayed
	return errors.Join(together(ctx, s, m), r.finish())
}

// together probes, loads and breaks at the same time, until all probes are made.
func together(ctx context.Context, s *series, m *mischief) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	everything, ctx := errgroup.WithContext(ctx)
	everything.Go(func() error { return load.Steadily(ctx, m.pair.Servers) })
	everything.Go(func() error { return lab.Ended(ctx, m.run(ctx)) })
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
	exporter *scraped
	recorder *recorder
}

// restAfterNothing keeps a replica that is down from using up the probes.
const restAfterNothing = 20 * time.Millisecond

// run ends when enough probes are made and every fault had its turn.
func (s *series) run(ctx context.Context) error {
	began := time.Now()
	for number := 1; !s.over(number); number++ {
		probe, err := s.exporter.probe(ctx, s.recorder.clock)
		if err != nil {
			return fmt.Errorf("probe %d: %w", number, err)
		}
		probe.Number = number
		if err := s.recorder.add(probe); err != nil {
			return err
		}
		if probe.Synced == nil {
			_ = lab.Sleep(ctx, restAfterNothing) // An end shows in the next scrape.
		}
		if tenth := s.atLeast / 10; tenth > 0 && number%tenth == 0 {
			lab.Say(s.out, "%d probes in %v", number, time.Since(began).Round(time.Second))
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
