//go:build unix

package dashboards

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/pg-canary/pg_canary_exporter/internal/dashboard"
)

// Reader is somebody who looks at a dashboard: what is chosen there, and which range is shown.
type Reader struct {
	Variables map[string]string
	Range     time.Duration
	End       time.Time
	// Interval is that of the scrapes, which the data source is told.
	Interval time.Duration
	// Width is that of a dashboard, in pixels.
	Width int
}

// gridWidth is that of a dashboard in its own unit.
const gridWidth = 24

// Asked is a query as Grafana sends it.
type Asked struct {
	Expr string
	Step time.Duration // 0: at the range's end alone
}

// Ask makes of a query what Grafana sends: its step is the range over the pixels of its panel, rounded as Grafana does.
func (r Reader) Ask(q dashboard.Query) Asked {
	points := q.MaxDataPoints
	if points == 0 {
		points = r.Width * q.Width / gridWidth
	}
	if points == 0 {
		points = r.Width
	}
	step := max(roundInterval(r.Range/time.Duration(points)), r.Interval, q.MinInterval)
	values := map[string]string{
		"__interval": seconds(step), "__rate_interval": seconds(max(step+r.Interval, 4*r.Interval)), "__range": seconds(r.Range),
	}
	for name, value := range r.Variables {
		values[name] = value
	}
	asked := Asked{Expr: q.Expand(values), Step: step}
	if q.Instant {
		asked.Step = 0
	}
	return asked
}

func seconds(d time.Duration) string { return fmt.Sprintf("%ds", int(math.Ceil(d.Seconds()))) }

// roundInterval rounds a step to one of those that Grafana takes.
func roundInterval(step time.Duration) time.Duration {
	steps := []time.Duration{
		time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 20 * time.Second, 30 * time.Second,
		time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 20 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour,
	}
	for i, s := range steps[:len(steps)-1] {
		if step < (s+steps[i+1])/2 {
			return s
		}
	}
	return steps[len(steps)-1]
}

// Answer asks a Prometheus.
func (r Reader) Answer(ctx context.Context, api promv1.API, q dashboard.Query) (value model.Value, err error) {
	asked := r.Ask(q)
	var warnings promv1.Warnings
	if asked.Step == 0 {
		value, warnings, _, err = api.Query(ctx, asked.Expr, r.End)
	} else {
		start := r.End.Add(-r.Range).Truncate(asked.Step)
		value, warnings, _, err = api.QueryRange(ctx, asked.Expr, promv1.Range{Start: start, End: r.End.Truncate(asked.Step), Step: asked.Step})
	}
	// An information, such as on a histogram whose bounds are spelled two ways in one range, is none.
	warnings = slices.DeleteFunc(warnings, func(w string) bool { return strings.HasPrefix(w, "PromQL info") })
	if err == nil && len(warnings) > 0 {
		err = fmt.Errorf("warnings: %s", strings.Join(warnings, ", "))
	}
	if err != nil {
		return nil, fmt.Errorf("%s, %s: %w\n%s", q.File, q.Where, err, asked.Expr)
	}
	return value, nil
}
