//go:build unix

package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
)

// opener is a way to open a connection.
type opener struct {
	name   string
	target string // how many round trips it may take
	// open opens one and returns what closes it.
	open  func(ctx context.Context, dsn string) (end func(context.Context) error, err error)
	trips int
	times []time.Duration
}

// compareSetUps measures how a bare connection and a node's are opened, in turn.
func compareSetUps(ctx context.Context, out io.Writer, servers *rig.Rig, rounds int) error {
	openers := []*opener{
		{name: "a bare connection, with SCRAM", open: openBare},
		{name: "a node's, ready for a probe", target: "5", open: openNode},
	}
	if err := countTrips(ctx, servers, openers); err != nil {
		return err
	}
	dsn := servers.DSN(servers.Primary)
	for range rounds {
		for _, i := range rand.Perm(len(openers)) { //nolint:gosec // Nothing depends on it.
			if err := openers[i].measure(ctx, dsn); err != nil {
				return err
			}
		}
	}
	return printSetUps(out, openers)
}

// countTrips counts the round trips of one connection of each.
func countTrips(ctx context.Context, servers *rig.Rig, openers []*opener) (err error) {
	far, err := newFlights(ctx, servers.Primary.Addr())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, far.close()) }()
	dsn := strings.Replace(servers.DSN(servers.Primary), servers.Primary.Addr(), far.addr(), 1)
	for _, o := range openers {
		far.take()
		end, err := o.open(ctx, dsn)
		if err != nil {
			return fmt.Errorf("%s: %w", o.name, err)
		}
		o.trips = far.take()
		if err := end(ctx); err != nil {
			return err
		}
	}
	return nil
}

// measure takes the time of one more.
func (o *opener) measure(ctx context.Context, dsn string) error {
	time.Sleep(gap)
	began := time.Now()
	end, err := o.open(ctx, dsn)
	if err != nil {
		return fmt.Errorf("%s: %w", o.name, err)
	}
	o.times = append(o.times, time.Since(began))
	return end(ctx)
}

func openBare(ctx context.Context, dsn string) (func(context.Context) error, error) {
	conn, err := pgconn.Connect(ctx, dsn)
	if err != nil {
		return nil, err
	}
	return conn.Close, nil
}

func openNode(ctx context.Context, dsn string) (func(context.Context) error, error) {
	node, err := pgnode.New(dsn, rig.NodeOptions())
	if err != nil {
		return nil, err
	}
	node.Prepare() //nolint:contextcheck // What it begins outlives the call.
	return node.Close, node.Connect(ctx)
}

func printSetUps(out io.Writer, openers []*opener) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\nSetting up a connection without TLS\tround trips\tat most\tmedian\tp95\tratio")
	base := lab.Quantile(openers[0].times, 0.5)
	for _, o := range openers {
		median := lab.Quantile(o.times, 0.5)
		fmt.Fprintf(table, "%s\t%d\t%s\t%v\t%v\t%.2f\n", o.name, o.trips, o.target, median.Round(time.Microsecond),
			lab.Quantile(o.times, 0.95).Round(time.Microsecond), float64(median)/float64(base))
	}
	return table.Flush()
}
