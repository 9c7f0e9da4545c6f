//go:build unix

package accuracy

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/observer"
)

// reportBrackets prints the tables of the brackets, and returns what is untrue.
func reportBrackets(out io.Writer, done []*bracketed) (untrue []string) {
	if len(done) == 0 {
		return nil
	}
	lab.Say(out, "What an application that writes every %v misses on the replica: between lag_seconds and staleness_bound_seconds\n", observer.WriteInterval)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row(table, "", "probes", "lag_seconds", "application", "bound", "not less", "not more")
	for _, b := range done {
		less, contradictions := b.hold(application.fromBelow)
		more, others := b.hold(application.fromAbove)
		row(table, b.name, fmt.Sprint(len(b.said)),
			show(middle(b.said, func(s said) time.Duration { return s.lag })),
			show(middle(b.said, b.app.misses)),
			show(middle(b.said, func(s said) time.Duration { return s.bound })), less, more)
		untrue = append(append(untrue, contradictions...), others...)
	}
	_ = table.Flush()
	lab.Say(out, "")
	return append(untrue, reportLate(out, done)...)
}

// hold makes one comparison in each probe.
func (b *bracketed) hold(compare func(application, said) (bool, string)) (held string, untrue []string) {
	compared := 0
	for _, s := range b.said {
		is, contradiction := compare(b.app, s)
		if is {
			compared++
		}
		if contradiction != "" {
			untrue = append(untrue, b.name+": "+contradiction)
		}
	}
	return fmt.Sprintf("%d/%d", compared-len(untrue), compared), untrue
}

// misses is what the application missed when the read came back that decided: the middle of
// what the observer's reads leave.
func (a application) misses(s said) time.Duration {
	least, most := a.lag(s.decided)
	return (least + most) / 2
}

// reportLate prints how far lag_seconds of a constantly late replica is off with the pulse, and
// returns what is untrue. What is further off than the pulse's interval may be true: then canaries were
// sent further apart, or a read took long.
func reportLate(out io.Writer, done []*bracketed) (untrue []string) {
	lab.Say(out, "Constantly late replicas, --pulse.interval=%v: lag_seconds\n", pulseInterval)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row(table, "", "probes", "truth", "exporter", "difference p50", "p95", "worst", "allowed")
	var wide []string
	for _, b := range done {
		if b.late == 0 || !b.pulse {
			continue
		}
		truth := func(s said) time.Duration { l, _ := b.app.late(s); return (l.least + l.most) / 2 }
		difference := quantiles(b.said, func(s said) time.Duration { l, _ := b.app.late(s); return l.off(s.lag) })
		row(table, b.name, fmt.Sprint(len(b.said)), show(middle(b.said, truth)), show(middle(b.said, func(s said) time.Duration { return s.lag })),
			show(difference(0.5)), show(difference(0.95)), show(difference(1)), show(pulseLongest))
		for _, s := range b.said {
			l, known := b.app.late(s)
			off := l.off(s.lag)
			line := fmt.Sprintf("%s: canary %d: a lag of %v, which is off by %v, and may be by %v", b.name, s.capacity, s.lag, off, l.open)
			switch {
			case !known || off > l.open:
				untrue = append(untrue, line)
			case off > pulseLongest:
				wide = append(wide, line)
			}
		}
	}
	_ = table.Flush()
	sayWide(out, wide)
	return untrue
}

func middle(list []said, of func(said) time.Duration) time.Duration { return quantiles(list, of)(0.5) }
