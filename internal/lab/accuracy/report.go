//go:build unix

package accuracy

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
)

// The limits of the width of the exporter's interval.
const (
	narrow        = time.Millisecond       // p95, or a tenth of the delay where that is more
	narrowHealthy = 300 * time.Microsecond // p50, where nothing is in the way
)

// reportDelays prints the tables of the scenarios, and returns what is untrue. An interval that
// is wider than the limit is not: a busy machine makes all of them wider.
func reportDelays(out io.Writer, done []*outcome) (untrue []string) {
	if len(done) == 0 {
		return nil
	}
	var wide []string
	lab.Say(out, "Replicas that showed the canary within the wait: the visibility delay\n")
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row(table, "", "probes", "truth", "exporter", "error p50", "p95", "width p50", "p95", "limit", "overlaps")
	for _, o := range done {
		if fresh := o.only(true); len(fresh) > 0 {
			wide = append(wide, delayRow(table, o, fresh)...)
		}
	}
	_ = table.Flush()
	lab.Say(out, "\nReplicas that did not: lag_seconds\n")
	table = tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row(table, "", "probes", "truth", "exporter", "error p50", "p95", "max", "limit", "overlaps")
	for _, o := range done {
		if behind := o.only(false); len(behind) > 0 {
			lagRow(table, o, behind)
		}
	}
	_ = table.Flush()
	sayWide(out, wide)
	for _, o := range done {
		for _, m := range o.measurements {
			if m.violation != "" {
				untrue = append(untrue, o.name+": "+m.violation)
			}
		}
	}
	return untrue
}

// sayWide ends a table with what is less exact than it should be.
func sayWide(out io.Writer, wide []string) {
	lab.Say(out, "")
	for _, line := range wide {
		lab.Say(out, "WIDE: %s", line)
	}
}

// only returns the measurements of a replica that showed the canary, or of one that did not.
func (o *outcome) only(fresh bool) []*measurement {
	return slices.DeleteFunc(slices.Clone(o.measurements), func(m *measurement) bool { return m.fresh != fresh })
}

func delayRow(table io.Writer, o *outcome, list []*measurement) (wide []string) {
	exporter := quantiles(list, func(m *measurement) time.Duration { return m.lag })
	width := quantiles(list, width)
	limit := max(narrow, exporter(0.5)/10)
	cells := []string{"-", show(exporter(0.5)), "-", "-", show(width(0.5)), show(width(0.95)), show(limit), "-"}
	if !o.unobserved {
		truth, off := quantiles(list, truth), quantiles(list, off)
		cells[0], cells[2], cells[3], cells[7] = show(truth(0.5)), show(off(0.5)), show(off(0.95)), overlaps(list)
	}
	row(table, append([]string{o.name, fmt.Sprint(len(list))}, cells...)...)
	if width(0.95) > limit {
		wide = append(wide, fmt.Sprintf("%s: the interval is %v wide at p95, more than %v", o.name, show(width(0.95)), show(limit)))
	}
	if o.healthy && width(0.5) > narrowHealthy {
		wide = append(wide, fmt.Sprintf("%s: the interval is %v wide at p50, more than %v", o.name, show(width(0.5)), show(narrowHealthy)))
	}
	return wide
}

func lagRow(table io.Writer, o *outcome, list []*measurement) {
	exporter := quantiles(list, func(m *measurement) time.Duration { return m.lag })
	truth, off := quantiles(list, truth), quantiles(list, off)
	row(table, o.name, fmt.Sprint(len(list)), show(truth(0.5)), show(exporter(0.5)),
		show(off(0.5)), show(off(0.95)), show(off(1)), show(lagTolerance), overlaps(list))
}

// width is that of the exporter's interval. A canary that the first read showed
// became visible after the write was acknowledged or before: from there on.
func width(m *measurement) time.Duration {
	return time.Duration(m.firstFresh - max(m.lastStale, m.acknowledged))
}

func overlaps(list []*measurement) string {
	n := 0
	for _, m := range list {
		if m.violation == "" {
			n++
		}
	}
	return fmt.Sprintf("%d/%d", n, len(list))
}

// quantiles returns the quantile function of one number of all measurements.
func quantiles[T any](list []T, of func(T) time.Duration) func(float64) time.Duration {
	values := make([]time.Duration, len(list))
	for i, m := range list {
		values[i] = of(m)
	}
	slices.Sort(values)
	return func(q float64) time.Duration { return values[int(q*float64(len(values)-1))] }
}

func row(table io.Writer, cells ...string) { lab.Say(table, "%s", strings.Join(cells, "\t")) }

func show(d time.Duration) string {
	unit := time.Microsecond
	for d.Abs() >= 1000*unit {
		unit *= 10
	}
	return d.Round(unit).String()
}
