//go:build unix

// Package accuracy holds the exporter's measurements against the truth: it makes
// a replica late by known delays and compares, probe by probe, the exporter's
// own account of when a canary became visible with that of an observer that
// polls the replica as fast as it can.
package accuracy

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/exporter"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
)

// Options are how much is measured.
type Options struct {
	// Share is that of the probes to make, such as 0.1.
	Share float64
	// Only is in the names of the scenarios to run; "" is in all.
	Only string
}

// Run measures and prints the tables. The error is [lab.ErrUntrue] when the
// exporter contradicts the observer.
func Run(ctx context.Context, options Options, out io.Writer) error {
	return exporter.OnServers(ctx, rig.Options{Linked: true}, func(program *exporter.Program, pair *rig.Rig) error {
		return options.run(ctx, program, pair, out)
	})
}

func (options Options) run(ctx context.Context, program *exporter.Program, pair *rig.Rig, out io.Writer) error {
	lab.Say(out, "PostgreSQL %s, %s, %d CPUs\n", pair.Servers.Installation().Version, runtime.Version(), runtime.NumCPU())
	var done []*outcome
	for _, s := range scenarios(pair) {
		if !strings.Contains(s.name, options.Only) {
			continue
		}
		s.probes = max(2, int(options.Share*float64(s.probes)))
		began := time.Now()
		o, err := measure(ctx, program, pair, s)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		lab.Say(os.Stderr, "%s: %d probes in %v", s.name, s.probes, time.Since(began).Round(time.Second))
		done = append(done, o)
	}
	if len(done) == 0 {
		return fmt.Errorf("no scenario has %q in its name", options.Only)
	}
	if !report(out, done) {
		return lab.ErrUntrue
	}
	return nil
}
