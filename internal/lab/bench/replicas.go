//go:build unix

package bench

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/floor"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
)

// delays are medians over probes, counted from the acknowledgement.
type delays struct{ bareReads, firstReads, visible time.Duration }

// firstReads measures when the last of all replicas' first reads is back, and
// when the last replica shows the canary.
func firstReads(ctx context.Context, dsns []string, rounds int) (delays, error) {
	cluster, err := rig.Probe(dsns)
	if err != nil {
		return delays{}, err
	}
	defer cluster.Close(context.WithoutCancel(ctx)) //nolint:errcheck // The servers end anyway.
	var reads, visible []time.Duration
	for range rounds {
		time.Sleep(gap)
		bounded, cancel := context.WithTimeout(ctx, rig.ProbeTimeout)
		r := cluster.Probe(bounded)
		cancel()
		if r.Write == nil {
			return delays{}, fmt.Errorf("a probe failed: %+v", r)
		}
		var lastRead, lastVisible time.Duration
		for _, node := range r.Replicas() {
			if node.Replica.First == nil || node.Replica.Lag == nil {
				return delays{}, fmt.Errorf("%s was not read: %v", node.Name, node.Failures)
			}
			lastRead = max(lastRead, node.Replica.First.Received.Sub(r.Write.Acknowledged))
			lastVisible = max(lastVisible, *node.Replica.Lag)
		}
		reads, visible = append(reads, lastRead), append(visible, lastVisible)
	}
	bare, err := bareReads(ctx, dsns, rounds)
	return delays{bare, lab.Quantile(reads, 0.5), lab.Quantile(visible, 0.5)}, err
}

// bareReads measures the same reads on bare connections.
func bareReads(ctx context.Context, dsns []string, rounds int) (time.Duration, error) {
	f, err := floor.New(ctx, dsns[0], dsns[1:]...)
	if err != nil {
		return 0, err
	}
	defer f.Close(context.WithoutCancel(ctx)) //nolint:errcheck // The servers end anyway.
	var times []time.Duration
	for range rounds {
		time.Sleep(gap)
		if _, err := f.Write(ctx); err != nil {
			return 0, err
		}
		written := time.Now()
		if err := f.ReadAll(ctx); err != nil {
			return 0, err
		}
		times = append(times, time.Since(written))
	}
	return lab.Quantile(times, 0.5), nil
}

func printReplicas(out io.Writer, n int, one, many delays) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "\nSince the acknowledgement, medians\t1 replica\t%d replicas\tratio\tat most\n", n)
	row := func(name string, a, b time.Duration, target string) {
		fmt.Fprintf(table, "%s\t%v\t%v\t%.2f\t%s\n", name, a.Round(time.Microsecond), b.Round(time.Microsecond), float64(b)/float64(a), target)
	}
	row("first reads on bare connections, one thread", one.bareReads, many.bareReads, "")
	row("all first reads are back", one.firstReads, many.firstReads, "2.00")
	row("all replicas show the canary", one.visible, many.visible, "")
	return table.Flush()
}
