//go:build unix

package dashboards

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pg-canary/pg_canary_exporter/internal/dashboard"
)

// As Grafana asks: the range over the pixels of the panel, rounded, and no finer than the scrapes.
func TestAsk(t *testing.T) {
	const expr = "max_over_time(x{job=\"$job\"}[$__interval]) + rate(y[$__rate_interval]) + z[$__range]"
	day, hour := 24*time.Hour, time.Hour
	for _, c := range []struct {
		name  string
		shown time.Duration
		query dashboard.Query
		want  Asked
	}{
		{"an hour, half as wide", hour, dashboard.Query{Width: 12}, Asked{`max_over_time(x{job="j"}[15s]) + rate(y[60s]) + z[3600s]`, 15 * time.Second}},
		{"a day, half as wide", day, dashboard.Query{Width: 12}, Asked{`max_over_time(x{job="j"}[120s]) + rate(y[135s]) + z[86400s]`, 2 * time.Minute}},
		{"few points", day, dashboard.Query{Width: 24, MaxDataPoints: 200}, Asked{`max_over_time(x{job="j"}[300s]) + rate(y[315s]) + z[86400s]`, 5 * time.Minute}},
		{"a least interval", hour, dashboard.Query{Width: 12, MinInterval: 30 * time.Second}, Asked{`max_over_time(x{job="j"}[30s]) + rate(y[60s]) + z[3600s]`, 30 * time.Second}},
		{"an annotation", hour, dashboard.Query{}, Asked{`max_over_time(x{job="j"}[15s]) + rate(y[60s]) + z[3600s]`, 15 * time.Second}},
		{"at the end alone", day, dashboard.Query{Width: 12, Instant: true}, Asked{`max_over_time(x{job="j"}[120s]) + rate(y[135s]) + z[86400s]`, 0}},
	} {
		r := Reader{Variables: map[string]string{"job": "j"}, Range: c.shown, Interval: 15 * time.Second, Width: 1920}
		c.query.Expr = expr
		if diff := cmp.Diff(c.want, r.Ask(c.query)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestFleetHasEverySituation(t *testing.T) {
	for _, count := range []int{len(Situations()), 100} {
		found := map[string]bool{}
		for _, c := range Fleet(count, 1000, time.Second) {
			found[c.Situation] = true
		}
		for _, situation := range Situations() {
			if !found[situation] {
				t.Errorf("none of %d clusters is %s", count, situation)
			}
		}
	}
}
