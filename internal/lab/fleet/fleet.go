//go:build unix

// Package fleet measures one exporter with many clusters: the real exporter, with a
// configuration file, on simulated servers, scraped by a real Prometheus that finds the
// clusters by itself. The simulated servers run in this process, and the exporter and
// Prometheus in ones of their own.
package fleet

import (
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/exporter"
)

// Options are what is measured.
type Options struct {
	// Only chooses the scenarios that have this in their names; "" is all.
	Only string
	// Clusters is how many there are at the most. Each has a primary and Replicas replicas.
	Clusters, Replicas int
	// Minutes is how long the most clusters are measured, and a quarter of that whatever else is.
	Minutes float64
	// Interval is that of the scrapes.
	Interval time.Duration
	// Away is how long all servers are gone.
	Away time.Duration
	// Pairs is how many real pairs the simulated ones are compared with.
	Pairs int
	// SVG is a file for the plot; "" is none.
	SVG string
	// Exporter is the path of an exporter that was built before; "" has it built.
	Exporter string
	// PostgresExporter is the path of that program, to be measured beside the exporter; "" is none.
	PostgresExporter string
}

// Limits of what is measured, on two cores.
const (
	mostBeyond    = 20 * time.Millisecond // the 99th percentile of a scrape, beyond the servers' own delay
	mostMemory    = 250                   // MB
	mostGrowth    = 5                     // per cent of the memory, over the whole run
	mostCPU       = 0.5                   // of a core
	mostStart     = time.Minute           // until each cluster's first scrape was right
	mostReturn    = 30 * time.Second      // until all is right when all servers are back
	mostRatio     = 1.2                   // of the healthy clusters' 99th percentile while others are broken
	mostReload    = 200 * time.Millisecond
	mostRestarted = 1 // clusters that a reload with one changed may touch
)

// mostDials is how many attempts to connect there may be in a second: those that the exporter makes by itself,
// and one for each server of the clusters that are scraped in it.
func (o Options) mostDials(scrapes []*scrape) int {
	const byItself = 200
	return byItself + busiest(scrapes)*(1+o.Replicas)
}

// ownDelay is how long after a commit a simulated replica shows it: the servers' own delay.
const ownDelay = time.Millisecond

// scenario is one thing that is measured.
type scenario struct {
	name string
	run  func(*bench, context.Context) error
}

var scenarios = []scenario{
	{"sizes", (*bench).sizes},
	{"start and reload", (*bench).startAndReload},
	{"faults", (*bench).faults},
	{"gone", (*bench).gone},
	{"pairs", (*bench).pairs},
	{"beside", (*bench).beside},
}

// Names lists the scenarios.
func Names() []string {
	var names []string
	for _, s := range scenarios {
		names = append(names, s.name)
	}
	return names
}

// bench is a run of the program.
type bench struct {
	Options
	program *exporter.Program
	out     io.Writer
}

// Run measures and prints the tables.
func Run(ctx context.Context, options Options, out io.Writer) (err error) {
	if err := options.check(); err != nil {
		return err
	}
	program, err := options.program(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, program.Close()) }()
	b := &bench{options, program, out}
	b.describe()
	for _, s := range scenarios {
		if !strings.Contains(s.name, options.Only) {
			continue
		}
		if err := s.run(b, ctx); err != nil {
			return err
		}
	}
	return nil
}

func (o Options) check() error {
	switch {
	case o.Clusters < 1:
		return errors.New("--clusters: give a number above 0")
	case o.Replicas < 1:
		return errors.New("--replicas: give a number above 0")
	case o.Minutes <= 0:
		return errors.New("--minutes: give a number above 0")
	case o.Interval < time.Second:
		return errors.New("--interval: give a second at the least")
	}
	for _, s := range scenarios {
		if strings.Contains(s.name, o.Only) {
			return nil
		}
	}
	return errors.New("--only: no scenario has that in its name")
}

func (o Options) program(ctx context.Context) (*exporter.Program, error) {
	if o.Exporter != "" {
		return exporter.Built(o.Exporter)
	}
	return exporter.Build(ctx)
}

// length is how long the most clusters are measured.
func (o Options) length() time.Duration { return time.Duration(o.Minutes * float64(time.Minute)) }

// short is how long whatever else is measured: two scrapes of each cluster at the least.
func (o Options) short() time.Duration { return max(o.length()/4, 2*o.Interval) }

// settle waits until what was just made has come to rest: two scrapes of each cluster.
func (o Options) settle(ctx context.Context) error { return lab.Sleep(ctx, 2*o.Interval) }

// describe says what the figures are of.
func (b *bench) describe() {
	lab.Say(b.out, "%s, %d CPUs. The CPU is the exporter's own; while the simulated servers and Prometheus, which are processes of their own, "+
		"use these CPUs as well, it waits: so do the scrapes of a page without an exporter (the control)", runtime.Version(), runtime.NumCPU())
}
