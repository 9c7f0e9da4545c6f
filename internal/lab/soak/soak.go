//go:build unix

// Package soak runs the exporter for a long time: on a pair of servers that it
// loads, pauses, cuts and restarts at random, and then, with a second exporter
// on the same section, on three servers whose primaries it kills, promotes, rewinds
// and clones. It writes down what the exporters said and what observers of its own
// saw. It judges nothing: soakcheck reads the history afterwards.
package soak

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync/atomic"
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
	// Pulse is the exporter's --pulse.interval; 0 for none.
	Pulse time.Duration
	// Quiet is the longest time without a fault, Fault the longest of one.
	Quiet, Fault time.Duration
}

func (o Options) pace() pace { return pace{wait: o.Wait, pulse: o.Pulse} }

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
		return o.run(ctx, program, pair, &series{
			pace: o.pace(), out: out, atLeast: o.Probes, recorder: r,
			random: rand.New(rand.NewPCG(o.Seed, 5)), //nolint:gosec // A seed makes it repeatable.
		})
	})
	if err == nil && o.Failovers > 0 {
		err = exporter.OnServers(ctx, onThree, func(program *exporter.Program, servers *rig.Rig) error {
			return o.failovers(ctx, program, servers, r, out)
		})
	}
	return cmp.Or(err, ctx.Err()) // What is interrupted ends well, and has not done all.
}

// run makes the series of probes on an exporter.
func (o Options) run(ctx context.Context, program *exporter.Program, pair *rig.Rig, s *series) error {
	var err error
	s.exporter, err = s.start(ctx, program, pair.DSNs())
	if err != nil {
		return err
	}
	if err := s.exporter.WaitSynced(ctx, 1); err != nil {
		return errors.Join(err, s.exporter.Stop())
	}
	lab.Say(s.out, "%d probes, seed %d", o.Probes, o.Seed)
	return errors.Join(record(ctx, o, pair, s), s.exporter.Stop(), s.tell())
}

// record makes the probes, with an observer and faults beside them.
func record(ctx context.Context, o Options, pair *rig.Rig, s *series) error {
	r := s.recorder
	r.watching = observer.Start(ctx, r.clock, pair.Replica.SuperDSN(), rig.SectionSQL)
	defer r.watching.Stop()
	settings := history.Settings{
		SyncedWithin: history.Moment(rig.Config().SyncedWithin), Failovers: o.Failovers, Pulse: history.Moment(o.Pulse),
	}
	if err := r.write(history.Line{Settings: &settings}); err != nil {
		return err
	}
	m := &mischief{
		pair: pair, recorder: r, quiet: o.Quiet, fault: o.Fault, allPlayed: make(chan struct{}),
		random: rand.New(rand.NewPCG(o.Seed, o.Seed)), //nolint:gosec // A seed makes it repeatable.
	}
	if o.Pulse > 0 {
		m.beats = s.beats.Load
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
	pace

	out      io.Writer
	atLeast  int
	played   <-chan struct{}
	exporter *exporter.Exporter
	recorder *recorder
	random   *rand.Rand
	beats    atomic.Int64 // of the pulse
}

// restAfterNothing keeps a replica that is down from using up the probes.
const restAfterNothing = 20 * time.Millisecond

// run ends when enough probes are made and every fault had its turn.
func (s *series) run(ctx context.Context) error {
	began := time.Now()
	for number := 1; !s.over(number); number++ {
		probe, err := probeOnce(ctx, s.exporter, s.teller())
		if err != nil {
			return fmt.Errorf("probe %d: %w", number, err)
		}
		probe.Number = number
		if err := errors.Join(s.recorder.add(probe), s.tell()); err != nil {
			return err
		}
		pause := time.Duration(0)
		if probe.Synced == nil {
			pause = restAfterNothing
		}
		_ = lab.Sleep(ctx, s.pause(s.random, pause)) // An end shows in the next scrape.
		if tenth := s.atLeast / 10; tenth > 0 && number%tenth == 0 {
			lab.Say(s.out, "%d probes in %v", number, time.Since(began).Round(time.Second))
		}
	}
	return nil
}

func (s *series) teller() teller { return teller{clock: s.recorder.clock} }

// tell writes down what the exporter counted since the last call.
func (s *series) tell() error {
	for _, line := range s.teller().told(s.exporter) {
		if err := s.recorder.write(line); err != nil {
			return err
		}
		if line.Beat != nil && !line.Beat.Scraped {
			s.beats.Add(1)
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
