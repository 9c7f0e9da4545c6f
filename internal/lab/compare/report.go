//go:build unix

package compare

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
)

// row is one situation and what all said in it.
type row struct {
	situation
	samples []sample
}

// report prints one table in seconds and one in bytes.
func report(out io.Writer, rows []row) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line(table, "LAG IN SECONDS", "truth", "this exporter", "state", formulas[0].heading, formulas[1].heading, formulas[2].heading)
	for _, r := range rows {
		line(table, r.name, seconds(r.median(func(s sample) *float64 { return new(s.truth.Seconds()) })),
			seconds(r.median(func(s sample) *float64 { return s.lag })), r.states(),
			seconds(r.answer(0)), seconds(r.answer(1)), seconds(r.answer(2)))
	}
	line(table)
	line(table, "LAG IN BYTES", "truth", "this exporter", formulas[3].heading, formulas[4].heading)
	for _, r := range rows {
		line(table, r.name, bytes(r.median(func(s sample) *float64 { return &s.truthBytes })),
			bytes(r.median(func(s sample) *float64 { return s.lagBytes })), bytes(r.answer(3)), bytes(r.answer(4)))
	}
	return table.Flush()
}

func line(out io.Writer, cells ...string) { lab.Say(out, "%s", strings.Join(cells, "\t")) }

// median returns the median of what was said; nil when nothing was.
func (r row) median(of func(sample) *float64) *float64 {
	var values []float64
	for _, s := range r.samples {
		if value := of(s); value != nil {
			values = append(values, *value)
		}
	}
	if len(values) == 0 {
		return nil
	}
	slices.Sort(values)
	return &values[(len(values)-1)/2]
}

func (r row) answer(i int) *float64 {
	return r.median(func(s sample) *float64 { return s.answers[i] })
}

// states returns the states that were published, each once.
func (r row) states() string {
	var states []string
	for _, s := range r.samples {
		if !slices.Contains(states, s.state) {
			states = append(states, s.state)
		}
	}
	return strings.Join(states, ", ")
}

// seconds and bytes show an answer, and a dash for none.
func seconds(s *float64) string {
	switch {
	case s == nil:
		return "-"
	case *s == 0:
		return "0"
	case *s < 1:
		return fmt.Sprintf("%.4f", *s)
	default:
		return fmt.Sprintf("%.1f", *s)
	}
}

func bytes(b *float64) string {
	if b == nil {
		return "-"
	}
	return fmt.Sprintf("%.0f", *b)
}
