package dashboards_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/pg-canary/pg_canary_exporter/collector"
	"github.com/pg-canary/pg_canary_exporter/internal/dashboard"
	"github.com/pg-canary/pg_canary_exporter/internal/fleet"
	"github.com/pg-canary/pg_canary_exporter/internal/golden"
)

func TestFilesMatchTheirSource(t *testing.T) {
	files, err := dashboard.Files()
	if err != nil {
		t.Fatal(err)
	}
	files["../prometheus/rules/verdict.yml"] = dashboard.Rules()
	for name, want := range files {
		golden.File(t, name, string(want))
	}
	for _, name := range jsonFiles(t) {
		if _, ok := files[name]; !ok {
			t.Errorf("%s has no source in internal/dashboard", name)
		}
	}
}

func TestDashboards(t *testing.T) {
	uids := map[string]string{}
	for _, name := range jsonFiles(t) {
		t.Run(name, func(t *testing.T) {
			d := read(t, name)
			if d.Title == "" || d.UID == "" || d.Description == "" {
				t.Errorf("title %q, uid %q and description %q must all be there", d.Title, d.UID, d.Description)
			}
			if other, taken := uids[d.UID]; taken {
				t.Errorf("uid %q is that of %s too", d.UID, other)
			}
			uids[d.UID] = name
			checkIDs(t, d.Panels)
			checkPlaces(t, d.Panels)
			for _, p := range d.Panels {
				checkPanel(t, p)
			}
			checkDatasources(t, name)
		})
	}
}

// TestFewQueries counts what a reader's browser asks for one cluster with two replicas, and for a fleet: the queries of panels,
// those that are repeated for each replica twice, of annotations and of variables.
func TestFewQueries(t *testing.T) {
	for name, limit := range map[string]int{"replication-ha.json": 45, "replication-fleet.json": 20} {
		d := read(t, name)
		count := len(d.Annotations.List)
		for _, v := range d.Templating.List {
			if v["type"] == "query" {
				count++
			}
		}
		for _, p := range d.Panels {
			count += len(p.Targets)
			if p.Repeat != "" {
				count += len(p.Targets)
			}
		}
		if count >= limit {
			t.Errorf("%s makes %d queries, want fewer than %d", name, count, limit)
		}
	}
}

// corePanels are in every Grafana from 9.4 on.
var corePanels = []string{"heatmap", "row", "stat", "state-timeline", "table", "timeseries"}

func checkIDs(t *testing.T, panels []dashboard.Panel) {
	t.Helper()
	titles := map[int]string{}
	for _, p := range panels {
		if other, taken := titles[p.ID]; taken || p.ID == 0 {
			t.Errorf("panel %q has the id %d, which is zero or that of %q", p.Title, p.ID, other)
		}
		titles[p.ID] = p.Title
	}
}

func checkPlaces(t *testing.T, panels []dashboard.Panel) {
	t.Helper()
	taken := map[[2]int]string{}
	for _, p := range panels {
		g := p.GridPos
		if g.W < 1 || g.H < 1 || g.X < 0 || g.X+g.W > 24 {
			t.Errorf("panel %q does not fit on the grid: %+v", p.Title, g)
		}
		for x := g.X; x < g.X+g.W; x++ {
			for y := g.Y; y < g.Y+g.H; y++ {
				if other, ok := taken[[2]int{x, y}]; ok {
					t.Fatalf("panel %q lies on panel %q", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}

func checkPanel(t *testing.T, p dashboard.Panel) {
	t.Helper()
	if !strings.Contains(" "+strings.Join(corePanels, " ")+" ", " "+p.Type+" ") {
		t.Errorf("panel %q: %q is not one of the core panels %v", p.Title, p.Type, corePanels)
	}
	if p.Title == "" {
		t.Errorf("panel %d has no title", p.ID)
	}
	if p.Type == "row" {
		return
	}
	if p.Description == "" {
		t.Errorf("panel %q has no description", p.Title)
	}
	if p.FieldConfig == nil || p.FieldConfig.Defaults.Unit == "" {
		t.Errorf("panel %q has no unit", p.Title)
	}
	if len(p.Targets) == 0 {
		t.Errorf("panel %q has no query", p.Title)
	}
	for _, target := range p.Targets {
		if target.Instant == target.Range {
			t.Errorf("panel %q, query %s: must be either instant or range", p.Title, target.RefID)
		}
		// A stat panel over a range would show the last value seen as current.
		if p.Type == "stat" && !target.Instant {
			t.Errorf("panel %q, query %s: a stat panel must not look back", p.Title, target.RefID)
		}
	}
}

// checkDatasources walks the whole file: wherever a data source is named, it is
// the one that the reader chose.
func checkDatasources(t *testing.T, name string) {
	t.Helper()
	var all any
	unmarshal(t, name, &all)
	found := 0
	var walk func(path string, node any)
	walk = func(path string, node any) {
		switch node := node.(type) {
		case []any:
			for i, child := range node {
				walk(fmt.Sprintf("%s[%d]", path, i), child)
			}
		case map[string]any:
			for key, child := range node {
				if key == "datasource" {
					found++
					if diff := cmp.Diff(map[string]any{"type": "prometheus", "uid": "${datasource}"}, child); diff != "" {
						t.Errorf("%s.datasource (-want +got):\n%s", path, diff)
					}
					continue
				}
				walk(path+"."+key, child)
			}
		}
	}
	walk("", all)
	if found == 0 {
		t.Error("no data source is named")
	}
}

func TestQueries(t *testing.T) {
	queries, err := dashboard.Queries(".")
	if err != nil {
		t.Fatal(err)
	}
	if len(queries) == 0 {
		t.Fatal("no queries")
	}
	promQL := parser.NewParser(parser.Options{})
	for _, q := range queries {
		expr := q.Expand(map[string]string{"job": "pg_canary", "instance": "exporter:10187", "cluster": "", "replica": ".*", "recorded": ""})
		if strings.Contains(strings.ReplaceAll(expr, `"$1"`, ""), "$") {
			t.Errorf("%s, %s: an unknown variable is left in\n%s", q.File, q.Where, expr)
		}
		parsed, err := promQL.ParseExpr(expr)
		if err != nil {
			t.Errorf("%s, %s: %v\n%s", q.File, q.Where, err, expr)
			continue
		}
		parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
			if selector, ok := node.(*parser.VectorSelector); ok {
				checkSelector(t, q, selector)
			}
			return nil
		})
	}
}

// checkSelector finds a metric that the exporter does not publish, and a label
// that the metric does not have.
func checkSelector(t *testing.T, q dashboard.Query, selector *parser.VectorSelector) {
	t.Helper()
	labels, ok := labelsOf(selector.Name)
	if !ok {
		t.Errorf("%s, %s: the exporter does not publish %s", q.File, q.Where, selector.Name)
		return
	}
	// unrecorded is a label that no series has.
	fromPrometheus := []string{"__name__", "cluster", "job", "instance", "unrecorded"}
	for _, matcher := range selector.LabelMatchers {
		if !slices.Contains(fromPrometheus, matcher.Name) && !slices.Contains(labels, matcher.Name) {
			t.Errorf("%s, %s: %s has no label %s", q.File, q.Where, selector.Name, matcher.Name)
		}
	}
}

// labelsOf are the labels of a metric of the exporter, or of a series in which
// Prometheus itself tells of its alerts.
func labelsOf(name string) ([]string, bool) {
	switch name {
	case "ALERTS":
		return []string{"alertname", "alertstate"}, true
	case "ALERTS_FOR_STATE":
		return []string{"alertname"}, true
	case "up", "cluster:pg_canary_verdict:code", "cluster:pg_canary_lag_seconds:max", "cluster:pg_canary_data_at_risk_bytes:min":
		return nil, true
	case "node:pg_canary_verdict:code":
		return []string{"node"}, true
	}
	for _, m := range slices.Concat(collector.Metrics(), fleet.Metrics()) {
		switch {
		case m.Name == name, m.Type == "histogram" && m.Name+"_count" == name:
			return m.Labels, true
		case m.Type == "histogram" && m.Name+"_bucket" == name:
			return append([]string{"le"}, m.Labels...), true
		}
	}
	return nil, false
}

func jsonFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("found %v, %v; want the dashboards", files, err)
	}
	return files
}

func read(t *testing.T, name string) dashboard.Dashboard {
	t.Helper()
	var d dashboard.Dashboard
	unmarshal(t, name, &d)
	return d
}

func unmarshal(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}
