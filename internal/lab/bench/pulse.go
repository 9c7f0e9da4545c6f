//go:build unix

package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"text/tabwriter"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/exporter"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
)

// pulseInterval is the shortest that users can ask for.
const pulseInterval = 100 * time.Millisecond

// comparePulse measures exporters with and without the pulse on the pair: what a scrape takes,
// in turn, and what they cost while nobody scrapes.
func comparePulse(ctx context.Context, out io.Writer, program *exporter.Program, servers *rig.Rig, options Options) (err error) {
	configs := []struct {
		name  string
		flags []string
	}{{"without the pulse", nil}, {"--pulse.interval=" + pulseInterval.String(), []string{"--pulse.interval=" + pulseInterval.String()}}}
	rows := make([]*pulseRow, len(configs))
	for i, config := range configs {
		e, startErr := program.Start(ctx, exporter.Config{DSNs: servers.DSNs(), Args: config.flags})
		if startErr != nil {
			return startErr
		}
		defer func() { err = errors.Join(err, e.Stop()) }()
		scrape, connection, scraperErr := e.Scraper(ctx, alone, asPrometheus("identity"), io.Discard)
		if scraperErr != nil {
			return scraperErr
		}
		defer connection.Close() //nolint:errcheck // It was only read from.
		rows[i] = &pulseRow{name: config.name, exporter: e, scrape: scrape}
	}
	for range options.Rounds {
		for _, i := range rand.Perm(len(rows)) { //nolint:gosec // Nothing depends on it.
			if err := rows[i].measure(ctx); err != nil {
				return err
			}
		}
	}
	if err := restTogether(ctx, rows, options.Rest); err != nil {
		return err
	}
	return printPulse(out, rows, options)
}

// pulseRow is one of the exporters that are compared.
type pulseRow struct {
	name     string
	exporter *exporter.Exporter
	scrape   func(context.Context) error
	times    []time.Duration
	cpu      time.Duration // while it rested
	begun    exporter.Usage
	ended    exporter.Usage
}

// measure takes the time of one more scrape.
func (r *pulseRow) measure(ctx context.Context) error {
	time.Sleep(gap)
	began := time.Now()
	if err := r.scrape(ctx); err != nil {
		return fmt.Errorf("%s: %w", r.name, err)
	}
	r.times = append(r.times, time.Since(began))
	return nil
}

// restTogether measures what the exporters use while nobody scrapes them.
func restTogether(ctx context.Context, rows []*pulseRow, rest time.Duration) (err error) {
	for _, r := range rows {
		if r.begun, err = r.exporter.Usage(); err != nil {
			return err
		}
	}
	if err := lab.Sleep(ctx, rest); err != nil {
		return err
	}
	for _, r := range rows {
		if r.ended, err = r.exporter.Usage(); err != nil {
			return err
		}
		r.cpu = r.ended.CPU - r.begun.CPU
	}
	return nil
}

func printPulse(out io.Writer, rows []*pulseRow, options Options) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "\nThe pulse, %d scrapes (c) in turn, and %v without any\tmedian\tp95\tratio\tof a core\tat most\tresident\tafter it\tat most\n", options.Rounds, options.Rest)
	base := lab.Quantile(rows[0].times, 0.5)
	for i, r := range rows {
		limit := ""
		if i > 0 {
			limit = "4% where the floor is 0.5ms"
		}
		median := lab.Quantile(r.times, 0.5)
		fmt.Fprintf(table, "%s\t%v\t%v\t%.2f\t%.2f%%\t%s\t%.1f MB\t%.1f MB\t25\n", r.name, median.Round(time.Microsecond),
			lab.Quantile(r.times, 0.95).Round(time.Microsecond), float64(median)/float64(base),
			100*r.cpu.Seconds()/options.Rest.Seconds(), limit, float64(r.begun.Resident)/1e6, float64(r.ended.Resident)/1e6)
	}
	return table.Flush()
}
