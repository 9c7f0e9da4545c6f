//go:build unix

// Package compare shows one cluster side by side by this exporter and by the
// formulas that other exporters use for replication lag, beside the truth: what
// an application that writes to the primary and reads from the replica gets.
package compare

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/exporter"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
)

// Options are how long it takes.
type Options struct {
	// Pace is the share of each situation's length to take, such as 0.1.
	Pace float64
}

// Run makes every situation and prints the tables.
func Run(ctx context.Context, options Options, out io.Writer) error {
	// Autovacuum commits now and then, and an idle primary would not be idle.
	servers := rig.Options{Linked: true, Settings: map[string]string{"autovacuum": "off"}}
	return exporter.OnServers(ctx, servers, func(program *exporter.Program, pair *rig.Rig) error {
		return options.run(ctx, program, pair, out)
	})
}

func (options Options) run(ctx context.Context, program *exporter.Program, pair *rig.Rig, out io.Writer) (err error) {
	e, err := program.Start(ctx, exporter.Config{DSNs: pair.DSNs()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Stop()) }()
	b, err := newBench(ctx, pair, e)
	if err != nil {
		return err
	}
	defer b.close(context.WithoutCancel(ctx))
	lab.Say(out, "PostgreSQL %s\n", pair.Servers.Installation().Version)
	var rows []row
	for _, s := range situations(pair, options.Pace) {
		lab.Say(os.Stderr, "%s …", s.name)
		r, err := b.run(ctx, s)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		rows = append(rows, r)
	}
	return report(out, rows)
}
