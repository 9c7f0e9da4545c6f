//go:build unix

package dashboards

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/pg-canary/pg_canary_exporter/internal/dashboard"
	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/prometheus"
)

// Options are those of a measurement.
type Options struct {
	Clusters int
	Range    time.Duration
	Interval time.Duration
	// Rounds is how often each query is asked.
	Rounds int
	// Unrecorded leaves out what the recording rules would have recorded.
	Unrecorded bool
	// Limit is the most of a core's time that a query may take; one that takes more is [lab.ErrUntrue].
	Limit time.Duration
	// Keep is a directory in which the history is kept, and from which it is taken where it is there; empty: it is thrown away.
	Keep string
	// Dashboards is the directory of their files.
	Dashboards string
}

// Run measures how long a Prometheus takes for each query of the dashboards, and writes a table.
func Run(ctx context.Context, o Options, out io.Writer) (err error) {
	queries, err := dashboard.Queries(o.Dashboards)
	if err != nil {
		return err
	}
	h := History{Dir: o.Keep, End: time.Now().Truncate(time.Minute), Scrapes: int(o.Range/o.Interval) + 1, Interval: o.Interval}
	if o.Keep == "" {
		if h.Dir, err = os.MkdirTemp("", "pg_canary_dashboards-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(h.Dir)) }()
	}
	clusters := Fleet(o.Clusters, h.Scrapes, h.Interval)
	rules := Rules()
	if o.Unrecorded {
		rules = ""
	}
	lab.Say(out, "%d clusters, %v at %v; rules %s", o.Clusters, o.Range, o.Interval, map[bool]string{true: "not loaded", false: "loaded"}[o.Unrecorded])
	kept, err := h.read()
	if err != nil {
		return err
	}
	if kept != nil {
		h, rules = *kept, ""
	} else if err := h.Write(ctx, clusters); err != nil {
		return err
	}
	lab.Say(out, "\n| dashboard | query | series | of a core | fastest | median |\n| --- | --- | --- | --- | --- | --- |")
	var all []measured
	err = h.Serve(ctx, rules, func(p *prometheus.Server) error {
		for _, q := range queries {
			r := ReaderOf(q, clusters, h, o.Range)
			if !o.Unrecorded {
				r.Variables["recorded"] = "yes"
			}
			m, err := o.measure(ctx, p, r, q)
			if err != nil {
				return err
			}
			lab.Say(out, "| %s | %s | %d | %s | %s | %s |", strings.TrimSuffix(q.File, ".json"), q.Where, m.series, ms(m.cpu), ms(m.took[0]), ms(m.median()))
			all = append(all, m)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return o.judge(all, out)
}

// measured is what a query took.
type measured struct {
	query  dashboard.Query
	took   []time.Duration
	cpu    time.Duration // of a core, on average
	series int
}

func (m measured) median() time.Duration { return m.took[len(m.took)/2] }

// measure asks one query again and again.
func (o Options) measure(ctx context.Context, p *prometheus.Server, r Reader, q dashboard.Query) (m measured, err error) {
	m.query = q
	before, err := p.Usage()
	if err != nil {
		return m, err
	}
	for range o.Rounds {
		began := time.Now()
		value, err := r.Answer(ctx, p.API, q)
		if err != nil {
			return m, err
		}
		m.took, m.series = append(m.took, time.Since(began)), count(value)
	}
	after, err := p.Usage()
	if err != nil {
		return m, err
	}
	slices.Sort(m.took)
	m.cpu = (after.CPU - before.CPU) / time.Duration(o.Rounds)
	return m, nil
}

// judge sums up, and finds the queries that take too long.
func (o Options) judge(all []measured, out io.Writer) error {
	var slow []string
	total := map[string]time.Duration{}
	for _, m := range all {
		total[m.query.File] += m.cpu
		if m.cpu > o.Limit {
			slow = append(slow, m.query.File+", "+m.query.Where)
		}
	}
	lab.Say(out, "")
	for _, file := range slices.Sorted(maps.Keys(total)) {
		lab.Say(out, "%s: %s of a core in all", file, ms(total[file]))
	}
	if len(slow) > 0 {
		return fmt.Errorf("%w: more than %v of a core: %s", lab.ErrUntrue, o.Limit, strings.Join(slow, "; "))
	}
	return nil
}

// ReaderOf is somebody who looks at the query's dashboard on a screen 1920 wide: at the whole fleet, or at the first cluster of a failover.
func ReaderOf(q dashboard.Query, clusters []Cluster, h History, shown time.Duration) Reader {
	variables := map[string]string{"job": "pg_canary", "cluster": ".*", "recorded": ""}
	if q.File == "replication-ha.json" {
		c := clusters[max(0, slices.IndexFunc(clusters, func(c Cluster) bool { return c.Situation == FailedOver }))]
		variables = map[string]string{"job": c.Job, "instance": c.Instance, "cluster": c.Cluster, "replica": ".*"}
	}
	return Reader{Variables: variables, Range: shown, End: h.End, Interval: h.Interval, Width: 1920}
}

func count(value model.Value) int {
	switch value := value.(type) {
	case model.Vector:
		return len(value)
	case model.Matrix:
		return len(value)
	}
	return 1
}

func ms(d time.Duration) string { return fmt.Sprintf("%.0f ms", float64(d)/float64(time.Millisecond)) }
