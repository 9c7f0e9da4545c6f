//go:build unix

package dashboards_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"go.uber.org/goleak"

	"github.com/pg-canary/pg_canary_exporter/internal/dashboard"
	lab "github.com/pg-canary/pg_canary_exporter/internal/lab/dashboards"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/prometheus"
)

// world is a Prometheus that knows a cluster in every situation, and some beside.
type world struct {
	*testing.T
	api      promv1.API
	history  lab.History
	clusters []lab.Cluster
	queries  []dashboard.Query
	files    map[string]dashboard.Dashboard
}

// Clusters beside those of all situations.
var (
	east  = lab.Cluster{Cluster: "east", Job: "pg_canary", Instance: "exporter:10187", Situation: lab.Healthy}
	west  = lab.Cluster{Cluster: "west", Job: "pg_canary", Instance: "exporter:10187", Situation: lab.SplitBrain}
	alone = lab.Cluster{Job: "pg_canary", Instance: "alone:10187", Situation: lab.Paused}
	spike = lab.Cluster{Cluster: "spike", Job: "pg_canary", Instance: "spike", Situation: lab.Spike}
	other = lab.Cluster{Cluster: "other", Job: "another-job", Instance: "other", Situation: lab.Healthy}
	own   = lab.Cluster{Job: "pg_canary_exporter", Instance: "exporter:10187", Situation: lab.OwnMetrics}
	long  = lab.Cluster{Cluster: strings.Repeat("long", 22), Job: "pg_canary", Instance: "long", Situation: lab.CutOff, Suffix: strings.Repeat("-node", 18)}
)

const (
	scrapes  = 120
	interval = 30 * time.Second
	shown    = scrapes * interval
)

// shared is made once: all tests only read it.
var shared world

func TestMain(m *testing.M) {
	status, err := withWorld(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := goleak.Find(); status == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

func withWorld(run func() int) (status int, err error) {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "pg_canary_world-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // It is in the directory for temporary files.
	shared.history = lab.History{Dir: dir, End: time.Now().Truncate(time.Minute), Scrapes: scrapes, Interval: interval}
	shared.clusters = lab.Fleet(len(lab.Situations()), scrapes, interval)
	for _, c := range []lab.Cluster{east, west, alone, spike, other, own, long} {
		c.Since, c.Interval = scrapes/2, interval
		shared.clusters = append(shared.clusters, c)
	}
	if err := shared.history.Write(ctx, shared.clusters); err != nil {
		return 0, err
	}
	err = shared.history.Serve(ctx, lab.Rules(), func(p *prometheus.Server) error {
		shared.api = p.API
		status = run()
		return nil
	})
	return status, err
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := shared
	w.T = t
	var err error
	if w.queries, err = dashboard.Queries("."); err != nil {
		t.Fatal(err)
	}
	w.files = map[string]dashboard.Dashboard{}
	for _, name := range jsonFiles(t) {
		w.files[name] = read(t, name)
	}
	return &w
}

const (
	haFile    = "replication-ha.json"
	fleetFile = "replication-fleet.json"
)

// in returns the cluster that is in a situation.
func (w *world) in(situation string) lab.Cluster {
	w.Helper()
	i := slices.IndexFunc(w.clusters, func(c lab.Cluster) bool { return c.Situation == situation })
	if i < 0 {
		w.Fatalf("no cluster is %s", situation)
	}
	return w.clusters[i]
}

// reader looks at one cluster, or at the fleet.
func (w *world) reader(variables map[string]string) lab.Reader {
	return lab.Reader{Variables: variables, Range: shown, End: w.history.End, Interval: interval, Width: 1366}
}

func (w *world) readerOf(c lab.Cluster) lab.Reader {
	return w.reader(map[string]string{"job": c.Job, "instance": c.Instance, "cluster": c.Cluster, "replica": ".*"})
}

func (w *world) readerOfAll() lab.Reader {
	return w.reader(map[string]string{"job": "(pg_canary|another-job)", "cluster": ".*", "recorded": ""})
}

// query finds one of a panel.
func (w *world) query(file, title, refID string) dashboard.Query {
	w.Helper()
	return w.queryOf(file, fmt.Sprintf("panel %q, query %s", title, refID))
}

// queryOf finds the one of a variable or an annotation.
func (w *world) queryOf(file, where string) dashboard.Query {
	w.Helper()
	i := slices.IndexFunc(w.queries, func(q dashboard.Query) bool { return q.File == file && q.Where == where })
	if i < 0 {
		w.Fatalf("%s has no %s", file, where)
	}
	return w.queries[i]
}

// series is what a panel would draw: its values by the names that its legend makes of the labels.
func (w *world) series(r lab.Reader, q dashboard.Query) map[string][]float64 {
	w.Helper()
	value, err := r.Answer(w.Context(), w.api, q)
	if err != nil {
		w.Fatal(err)
	}
	found := map[string][]float64{}
	add := func(labels model.Metric, v model.SampleValue) {
		name := q.Legend
		for label, value := range labels {
			name = strings.ReplaceAll(name, "{{"+string(label)+"}}", string(value))
		}
		if q.Legend == "" {
			name = labels.String()
		}
		found[name] = append(found[name], float64(v))
	}
	switch value := value.(type) {
	case model.Vector:
		for _, s := range value {
			add(s.Metric, s.Value)
		}
	case model.Matrix:
		for _, s := range value {
			for _, point := range s.Values {
				add(s.Metric, point.Value)
			}
		}
	}
	return found
}

// words are what a panel shows in place of its numbers, by its mappings.
func (w *world) words(c lab.Cluster, title string) map[string]string {
	w.Helper()
	words := map[string]string{}
	q := w.query(haFile, title, "A")
	for name, values := range w.series(w.readerOf(c), q) {
		words[name], _ = w.mapped(haFile, q.Panel, values[0])
	}
	return words
}

// mapped is the text and the colour that a panel has for a value.
func (w *world) mapped(file string, id int, value float64) (text, color string) {
	w.Helper()
	panels := w.files[file].Panels
	i := slices.IndexFunc(panels, func(p dashboard.Panel) bool { return p.ID == id })
	mappings := panels[i].FieldConfig.Defaults.Mappings
	for _, o := range panels[i].FieldConfig.Overrides {
		for _, property := range o.Properties {
			if list, ok := property["value"].([]any); ok && property["id"] == "mappings" && panels[i].Type == "table" {
				for _, m := range list {
					mappings = append(mappings, m.(map[string]any))
				}
			}
		}
	}
	for _, m := range mappings {
		options, _ := m["options"].(map[string]any)
		if result, ok := options[fmt.Sprint(value)].(map[string]any); ok {
			return result["text"].(string), result["color"].(string)
		}
	}
	w.Errorf("panel %d of %s has no word for %v, among %v", id, file, value, slices.Collect(maps.Keys(w.files)))
	return "", ""
}
