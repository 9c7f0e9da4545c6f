//go:build unix

// Command accuracy holds the exporter's measurements against the truth: it
// makes a replica late by known delays and compares, probe by probe, the
// exporter's own account of when a canary became visible with that of an
// observer that polls the replica as fast as it can. Both use one clock.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
)

func main() {
	app := kingpin.New("accuracy", "Compares what the exporter measures with known delays.")
	share := app.Flag("share", "Share of the probes to make, such as 0.1.").Default("1").Float64()
	kingpin.MustParse(app.Parse(os.Args[1:]))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout, *share)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "accuracy:", err)
		os.Exit(1)
	}
}

var errUntrue = errors.New("not everything is true")

func run(ctx context.Context, out io.Writer, share float64) (err error) {
	pair, err := rig.New(ctx, pgcluster.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pair.Close()) }()
	say(out, "PostgreSQL %s, %s, %d CPUs\n", pair.Servers.Installation().Version, runtime.Version(), runtime.NumCPU())
	var done []*outcome
	for _, s := range scenarios(pair) {
		s.probes = max(2, int(share*float64(s.probes)))
		began := time.Now()
		o, err := measure(ctx, pair, s)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		_, _ = fmt.Fprintf(os.Stderr, "%s: %d probes in %v\n", s.name, s.probes, time.Since(began).Round(time.Second))
		done = append(done, o)
	}
	if !report(out, done) {
		return errUntrue
	}
	return nil
}

func say(out io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(out, format+"\n", args...) }
