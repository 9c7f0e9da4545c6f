package dashboard

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestQueriesOfPanelsAnnotationsAndVariables(t *testing.T) {
	dir := write(t, `{
		"panels": [{"id": 3, "title": "Lag", "gridPos": {"w": 12}, "interval": "30s", "maxDataPoints": 50, "targets": [{"refId": "A", "expr": "lag", "legendFormat": "{{a}}", "range": true}, {"refId": "B", "expr": "up", "instant": true}]}],
		"annotations": {"list": [{"name": "Failover", "expr": "changes"}]},
		"templating": {"list": [
			{"type": "datasource", "name": "datasource"},
			{"type": "query", "name": "job", "definition": "label_values(up{a=\"b, c\"}, job)"},
			{"type": "query", "name": "on", "definition": "query_result(sum(\n  up\n))"}]}}`)

	got, err := Queries(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []Query{
		{File: "d.json", Where: `panel "Lag", query A`, Panel: 3, Legend: "{{a}}", Expr: "lag", Width: 12, MaxDataPoints: 50, MinInterval: 30 * time.Second},
		{File: "d.json", Where: `panel "Lag", query B`, Panel: 3, Expr: "up", Instant: true, Width: 12, MaxDataPoints: 50, MinInterval: 30 * time.Second},
		{File: "d.json", Where: `annotation "Failover"`, Expr: "changes"},
		{File: "d.json", Where: `variable "job"`, Expr: `up{a="b, c"}`, Instant: true},
		{File: "d.json", Where: `variable "on"`, Expr: "sum(\n  up\n)", Instant: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("queries (-want +got):\n%s", diff)
	}
}

func TestQueriesFailRatherThanFindNothing(t *testing.T) {
	for name, dir := range map[string]string{
		"no dashboards":    t.TempDir(),
		"not JSON":         write(t, `{`),
		"no interval":      write(t, `{"panels": [{"title": "Lag", "interval": "soon"}]}`),
		"unknown variable": write(t, `{"templating": {"list": [{"type": "query", "name": "job", "definition": "metrics(up)"}]}}`),
	} {
		if got, err := Queries(dir); err == nil {
			t.Errorf("%s: got %v, want an error", name, got)
		}
	}
}

func TestExpand(t *testing.T) {
	q := Query{Expr: `rate(x{job="$job", instance="${instance}"}[$__rate_interval]) + y[$__range] offset $__interval`}
	got := q.Expand(map[string]string{"job": "j", "instance": "i", "__range": "1h"})
	want := `rate(x{job="j", instance="i"}[1m]) + y[1h] offset 1m`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// write puts a dashboard into a directory of its own.
func write(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "d.json"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}
