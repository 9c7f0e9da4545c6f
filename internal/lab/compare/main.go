//go:build unix

// Command compare shows one cluster side by side by this exporter and by the
// formulas that other exporters use for replication lag, beside the truth: what
// an application that writes to the primary and reads from the replica gets.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
)

func main() {
	app := kingpin.New("compare", "Compares what exporters say about one cluster.")
	pace := app.Flag("pace", "Share of each situation's length to take, such as 0.1.").Default("1").Float64()
	kingpin.MustParse(app.Parse(os.Args[1:]))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout, *pace)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, pace float64) (err error) {
	// Autovacuum commits now and then, and an idle primary would not be idle.
	pair, err := rig.New(ctx, pgcluster.Options{Settings: map[string]string{"autovacuum": "off"}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pair.Close()) }()
	b, err := newBench(ctx, pair)
	if err != nil {
		return err
	}
	defer b.close(context.WithoutCancel(ctx))
	say(out, "PostgreSQL %s\n", pair.Servers.Installation().Version)
	var rows []row
	for _, s := range situations(pair, pace) {
		_, _ = fmt.Fprintf(os.Stderr, "%s …\n", s.name)
		r, err := b.run(ctx, s)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		rows = append(rows, r)
	}
	return report(out, rows)
}

// sleep waits, and returns the error of a ctx that ended before.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func say(out io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(out, format+"\n", args...) }
