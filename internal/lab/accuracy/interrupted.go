//go:build unix

package accuracy

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/observer"
)

// outage is how long nobody could write in an interruption.
type outage struct {
	// observed is for how long the application could not, and least and most what its writes
	// leave for that.
	observed, least, most time.Duration
	// counted is by how much the exporter's counter grew.
	counted time.Duration
	// late is by how much our own timers were late meanwhile: the machine was busy, and the exporter
	// may have been as late.
	late time.Duration
}

// outageOf adds up what an application saw from a moment on.
func outageOf(writes []observer.Write, since history.Moment) (o outage) {
	for _, seen := range observer.Outages(writes) {
		if seen.To > since {
			least, most := seen.Bounds()
			o.observed, o.least, o.most = o.observed+seen.Lasted(), o.least+least, o.most+most
		}
	}
	return o
}

// difference is between what was counted and what was observed.
func (o outage) difference() time.Duration { return (o.counted - o.observed).Abs() }

// off is how far what was counted is from all that the application's writes leave.
func (o outage) off() time.Duration { return max(0, o.least-o.counted, o.counted-o.most) }

// reportOutages prints the table of the outages, and returns what is untrue. The application's own interval is added
// to what is allowed: it knows when an outage began to that. What is further off may be
// true, if the machine was busy, or writes took longer than usual without an outage.
func reportOutages(out io.Writer, done []*interrupted) (untrue []string) {
	if len(done) == 0 {
		return nil
	}
	lab.Say(out, "Outages: %s\n", outageSeconds)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row(table, "", "outages", "observed", "counted", "difference", "worst", "allowed", "within")
	var wide []string
	for _, i := range done {
		allowed, within := i.interval()+observer.WriteInterval, 0
		for _, o := range i.outages {
			line := fmt.Sprintf("%s: %v were counted and %v observed, between %v and %v; our own timers were late by %v", i.name, o.counted, o.observed, o.least, o.most, o.late)
			switch {
			case o.difference() <= allowed:
				within++
			case o.off() > i.interval()+o.late:
				untrue = append(untrue, line)
			default:
				wide = append(wide, line)
			}
		}
		difference := quantiles(i.outages, outage.difference)
		row(table, i.name, fmt.Sprint(len(i.outages)),
			show(quantiles(i.outages, func(o outage) time.Duration { return o.observed })(0.5)),
			show(quantiles(i.outages, func(o outage) time.Duration { return o.counted })(0.5)),
			show(difference(0.5)), show(difference(1)), show(allowed), fmt.Sprintf("%d/%d", within, len(i.outages)))
	}
	_ = table.Flush()
	sayWide(out, wide)
	return untrue
}
