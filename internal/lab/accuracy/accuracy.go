//go:build unix

// Package accuracy holds the exporter's measurements against the truth. It makes
// a replica late by known delays and compares, probe by probe, the exporter's
// own account of when a canary became visible with that of an observer that
// polls the replica as fast as it can; it has an application write beside it, and compares what
// that misses on the replica with what the exporter says; and it takes the primary away, and
// compares for how long the application could not write.
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
	"github.com/pg-canary/pg_canary_exporter/internal/lab/observer"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
)

// Options are how much is measured.
type Options struct {
	// Share is that of the probes to make, and of the outages, such as 0.1.
	Share float64
	// Only is in the names of the situations to measure; "" is in all.
	Only string
}

// servers are those that all is measured on. A promotion replays WAL that came long ago, and would cancel
// the observer's reads.
var servers = rig.Options{Linked: true, Settings: map[string]string{"max_standby_archive_delay": "-1"}}

// Run measures and prints the tables. The error is [lab.ErrUntrue] when the
// exporter contradicts the observer.
func Run(ctx context.Context, options Options, out io.Writer) error {
	return exporter.OnServers(ctx, servers, func(program *exporter.Program, pair *rig.Rig) error {
		lab.Say(out, "PostgreSQL %s, %s, %d CPUs\n", pair.Servers.Installation().Version, runtime.Version(), runtime.NumCPU())
		b := bench{program, pair}
		if err := b.prepare(ctx); err != nil {
			return err
		}
		return options.run(ctx, b, out)
	})
}

func (options Options) run(ctx context.Context, b bench, out io.Writer) error {
	delays, err := measureAll(ctx, options, b, scenarios(b.pair))
	if err != nil {
		return err
	}
	untrue := reportDelays(out, delays)
	misses, err := measureAll(ctx, options, b, brackets(b.pair))
	if err != nil {
		return err
	}
	untrue = append(untrue, reportBrackets(out, misses)...)
	outages, err := measureAll(ctx, options, b, interruptions(b.pair.Servers))
	if err != nil {
		return err
	}
	untrue = append(untrue, reportOutages(out, outages)...)
	if len(delays)+len(misses)+len(outages) == 0 {
		return fmt.Errorf("no situation has %q in its name", options.Only)
	}
	for _, line := range untrue {
		lab.Say(out, "UNTRUE: %s", line)
	}
	if len(untrue) > 0 {
		return lab.ErrUntrue
	}
	return nil
}

// bench is what all is measured on.
type bench struct {
	program *exporter.Program
	pair    *rig.Rig
}

// prepare makes the application's table.
func (b bench) prepare(ctx context.Context) error {
	return b.pair.Primary.Exec(ctx, observer.ApplicationTable)
}

// series is something that is measured several times.
type series struct {
	name  string
	times int
}

func (s *series) about() *series { return s }

// measureAll measures those of some situations that are asked for, as often as is.
func measureAll[D any, S interface {
	about() *series
	measure(ctx context.Context, b bench) (D, error)
}](ctx context.Context, options Options, b bench, situations []S,
) (done []D, err error) {
	for _, s := range situations {
		about := s.about()
		if !strings.Contains(about.name, options.Only) {
			continue
		}
		about.times = max(1, int(options.Share*float64(about.times)))
		began := time.Now()
		measured, err := s.measure(ctx, b)
		if err != nil {
			return done, fmt.Errorf("%s: %w", about.name, err)
		}
		lab.Say(os.Stderr, "%s: %d times in %v", about.name, about.times, time.Since(began).Round(time.Second))
		done = append(done, measured)
	}
	return done, nil
}
