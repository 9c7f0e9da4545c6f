// Package deploy_test holds what Kubernetes is given to the files that it is made of, and runs it without Kubernetes.
package deploy_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pg-canary/pg_canary_exporter/internal/golden"
)

const chart = "helm/pg-canary-exporter"

// TestCopies: neither Helm nor kustomize reads a file outside of its folder, and who installs a packaged chart has that alone.
func TestCopies(t *testing.T) {
	want := map[string]string{chart + "/values.schema.json": schema(t)}
	for _, path := range glob(t, "../prometheus/rules/*.yml") {
		name, content := filepath.Base(path), read(t, path)
		want[chart+"/files/rules/"+name] = content
		rule := "rules-" + strings.TrimSuffix(name, ".yml") + ".yaml"
		want["kubernetes/prometheus-operator/"+rule] = prometheusRule(name, content)
		listed(t, "kubernetes/prometheus-operator/kustomization.yaml", rule)
	}
	for _, path := range glob(t, "../dashboards/*.json") {
		want[chart+"/files/dashboards/"+filepath.Base(path)] = read(t, path)
		listed(t, "../dashboards/kustomization.yaml", filepath.Base(path))
	}
	for path, content := range want {
		golden.File(t, path, content)
	}
	for _, path := range glob(t, chart+"/files/*/*", "kubernetes/prometheus-operator/rules-*.yaml") {
		if _, made := want[path]; !made {
			t.Errorf("%s is made of nothing any more: delete it", path)
		}
	}
}

// listed: kustomize takes what is listed alone.
func listed(t *testing.T, kustomization, name string) {
	t.Helper()
	if !strings.Contains(read(t, kustomization), name) {
		t.Errorf("%s does not list %s: add it there", kustomization, name)
	}
}

// prometheusRule returns a file of rules as the Prometheus Operator takes it, its comments included.
func prometheusRule(name, content string) string {
	var b strings.Builder
	b.WriteString("# Made of prometheus/rules/" + name + " by make golden.\n")
	b.WriteString("apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata:\n  name: pg-canary-exporter-" +
		strings.TrimSuffix(name, ".yml") + "\nspec:\n")
	for line := range strings.Lines(content) {
		if line != "\n" {
			b.WriteString("  ")
		}
		b.WriteString(line)
	}
	return b.String()
}

// schema returns the chart's schema with that of the exporter's configuration in it, which is the last thing there.
func schema(t *testing.T) string {
	t.Helper()
	const place = "    \"configuration\": "
	before, _, found := strings.Cut(read(t, chart+"/values.schema.json"), place)
	if !found {
		t.Fatalf("values.schema.json has no line that begins with %q", place)
	}
	var configuration map[string]any
	if err := json.Unmarshal([]byte(read(t, "../docs/configuration.schema.json")), &configuration); err != nil {
		t.Fatal(err)
	}
	delete(configuration, "$schema") // That is for the whole of a file.
	var indented bytes.Buffer
	encoder := json.NewEncoder(&indented)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("    ", "  ")
	if err := encoder.Encode(configuration); err != nil {
		t.Fatal(err)
	}
	return before + place + indented.String() + "  }\n}\n"
}

func glob(t *testing.T, patterns ...string) []string {
	t.Helper()
	var all []string
	for _, pattern := range patterns {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if len(paths) == 0 && !golden.Updates() {
			t.Fatalf("there is nothing like %s", pattern)
		}
		all = append(all, paths...)
	}
	return all
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
