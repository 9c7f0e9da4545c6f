//go:build unix

package bench

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"text/tabwriter"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/exporter"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/floor"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
)

// gap is the pause between two measurements: long enough for the servers to
// come to rest, as they do between two scrapes.
const gap = 3 * time.Millisecond

// contestant is one of the things that are compared.
type contestant struct {
	name   string
	target string // what the ratio to the floor may be
	run    func(context.Context) error
	times  []time.Duration
}

// comparePair measures floor, probe and scrapes in turn and prints the table.
func comparePair(ctx context.Context, out io.Writer, servers *rig.Rig, e *exporter.Exporter, rounds int) error {
	dsns := servers.DSNs()
	bare, err := floor.New(ctx, dsns[0], dsns[1])
	if err != nil {
		return err
	}
	defer bare.Close(context.WithoutCancel(ctx)) //nolint:errcheck // The servers end anyway.
	cluster, err := rig.Probe(dsns)
	if err != nil {
		return err
	}
	defer cluster.Close(context.WithoutCancel(ctx)) //nolint:errcheck // The servers end anyway.
	probeOnce := func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, rig.ProbeTimeout)
		defer cancel()
		if r := cluster.Probe(ctx); r.Write == nil || r.Nodes[1].Replica.Lag == nil {
			return fmt.Errorf("a probe failed: %+v", r)
		}
		return nil
	}
	probed, connection, err := e.Scraper(ctx, alone, asPrometheus("identity"), io.Discard)
	if err != nil {
		return err
	}
	defer connection.Close() //nolint:errcheck // It was only read from.
	whole, other, err := e.Scraper(ctx, "/metrics", asPrometheus("gzip"), io.Discard)
	if err != nil {
		return err
	}
	defer other.Close() //nolint:errcheck // It was only read from.
	contestants := []*contestant{
		{name: "(a) four statements on bare connections", run: bare.Run},
		{name: "(b) probe", target: "1.15", run: probeOnce},
		{name: "(c) scrape of the probe's metrics", target: "1.9", run: probed},
		{name: "(d) scrape of /metrics, gzip", target: "2.1", run: whole},
	}
	if err := measure(ctx, contestants, rounds); err != nil {
		return err
	}
	printPair(out, contestants, rounds)
	if err := printCost(ctx, out, e, contestants[3], rounds); err != nil {
		return err
	}
	return printAllocations(ctx, out, probeOnce)
}

// measure runs all contestants once a round, in an order that changes.
func measure(ctx context.Context, contestants []*contestant, rounds int) error {
	const warmUp = 50
	for round := range rounds + warmUp {
		for _, i := range rand.Perm(len(contestants)) { //nolint:gosec // Nothing depends on it.
			c := contestants[i]
			time.Sleep(gap)
			began := time.Now()
			if err := c.run(ctx); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			if took := time.Since(began); round >= warmUp {
				c.times = append(c.times, took)
			}
		}
	}
	return nil
}

func printPair(out io.Writer, contestants []*contestant, rounds int) {
	fmt.Fprintf(out, "%s, %d CPUs, %d rounds in turn\n\n", runtime.Version(), runtime.NumCPU(), rounds)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\tmedian\tp95\tratio\tat most")
	base := lab.Quantile(contestants[0].times, 0.5)
	for _, c := range contestants {
		median := lab.Quantile(c.times, 0.5)
		fmt.Fprintf(table, "%s\t%v\t%v\t%.2f\t%s\n", c.name, median.Round(time.Microsecond),
			lab.Quantile(c.times, 0.95).Round(time.Microsecond), float64(median)/float64(base), c.target)
	}
	_ = table.Flush()
}

// printCost scrapes alone, so that all CPU of the exporter belongs to scrapes.
func printCost(ctx context.Context, out io.Writer, e *exporter.Exporter, scrape *contestant, rounds int) error {
	before, err := e.Usage()
	if err != nil {
		return err
	}
	for range rounds {
		time.Sleep(gap)
		if err := scrape.run(ctx); err != nil {
			return err
		}
	}
	after, err := e.Usage()
	if err != nil {
		return err
	}
	cpu := (after.CPU - before.CPU) / time.Duration(rounds)
	_, err = fmt.Fprintf(out, "\nThe exporter: %v of CPU for a scrape (d) (at most 1ms where the floor is 0.5ms), %.1f MB resident (at most 25)\n",
		cpu.Round(time.Microsecond), float64(after.Resident)/1e6)
	return err
}

func printAllocations(ctx context.Context, out io.Writer, probe func(context.Context) error) error {
	const runs = 200
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		if err := probe(ctx); err != nil {
			return err
		}
	}
	runtime.ReadMemStats(&after)
	_, err := fmt.Fprintf(out, "A probe: %d allocations, %d bytes\n",
		(after.Mallocs-before.Mallocs)/runs, (after.TotalAlloc-before.TotalAlloc)/runs)
	return err
}
