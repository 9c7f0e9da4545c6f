// Package prometheus_test checks what promtool does not: that the rules, their
// unit tests, the runbooks and the exporter's metrics belong together.
package prometheus_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const (
	runbooks   = "../docs/runbooks/"
	runbookURL = "https://github.com/pg-canary/pg_canary_exporter/blob/main/docs/runbooks/"
)

type rule struct {
	Alert       string
	Record      string
	Labels      map[string]string
	Annotations map[string]string
}

// unitTest is one test of a file for "promtool test rules".
type unitTest struct {
	Alerts []alertTest `yaml:"alert_rule_test"`
	Exprs  []struct {
		Expr string
	} `yaml:"promql_expr_test"`
}

type alertTest struct {
	Alertname string
	Expected  []struct {
		Labels map[string]string `yaml:"exp_labels"`
	} `yaml:"exp_alerts"`
}

// fires tells whether the test expects the alert with this severity.
func (a alertTest) fires(severity string) bool {
	for _, expected := range a.Expected {
		if expected.Labels["severity"] == severity {
			return true
		}
	}
	return false
}

func rules(t *testing.T) []rule {
	t.Helper()
	var all []rule
	for _, path := range glob(t, "rules/*.yml") {
		var file struct {
			Groups []struct {
				Rules []rule
			}
		}
		parse(t, path, &file)
		for _, group := range file.Groups {
			all = append(all, group.Rules...)
		}
	}
	return all
}

func unitTests(t *testing.T) []unitTest {
	t.Helper()
	var all []unitTest
	for _, path := range glob(t, "tests/*.yml") {
		var file struct {
			Tests []unitTest
		}
		parse(t, path, &file)
		all = append(all, file.Tests...)
	}
	return all
}

func parse(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func TestAlertsAreComplete(t *testing.T) {
	name := regexp.MustCompile(`^PgCanary([A-Z][a-z]+|A)+$`)
	index := read(t, runbooks+"README.md")
	for _, rule := range rules(t) {
		if rule.Alert == "" {
			continue
		}
		severity := rule.Labels["severity"]
		t.Run(rule.Alert+"/"+severity, func(t *testing.T) {
			if !name.MatchString(rule.Alert) {
				t.Errorf("the name does not match %s", name)
			}
			if !slices.Contains([]string{"critical", "warning", "info"}, severity) {
				t.Errorf("severity %q", severity)
			}
			for _, annotation := range []string{"summary", "description"} {
				if rule.Annotations[annotation] == "" {
					t.Errorf("no %s", annotation)
				}
			}
			if got, want := rule.Annotations["runbook_url"], runbookURL+rule.Alert+".md"; got != want {
				t.Errorf("runbook_url %s, want %s", got, want)
			}
			checkRunbook(t, rule.Alert)
			row := regexp.MustCompile(`(?m)^\| \[` + rule.Alert + `\]\(` + rule.Alert + `\.md\) \| .*\b` + severity + `\b.* \| .+ \|$`)
			if !row.MatchString(index) {
				t.Errorf("the runbooks' README has no row with %s", severity)
			}
		})
	}
}

// checkRunbook looks for the parts that somebody who is on call relies on.
func checkRunbook(t *testing.T, alert string) {
	t.Helper()
	text := read(t, runbooks+alert+".md")
	if !strings.HasPrefix(text, "# "+alert+"\n") {
		t.Errorf("the runbook has another title")
	}
	var headings []string
	for _, heading := range regexp.MustCompile(`(?m)^## (.*)\n+[^#\s]`).FindAllStringSubmatch(text, -1) {
		headings = append(headings, heading[1])
	}
	want := []string{"Meaning", "Impact", "Diagnosis", "Mitigation"}
	if !slices.Equal(headings, want) {
		t.Errorf("the runbook has the parts %q with a text, want %q", headings, want)
	}
}

func TestAlertsAreTested(t *testing.T) {
	tests := unitTests(t)
	for _, rule := range rules(t) {
		if rule.Alert == "" {
			continue
		}
		severity := rule.Labels["severity"]
		var fires, nearMiss bool
		for _, test := range tests {
			for _, alert := range test.Alerts {
				if alert.Alertname == rule.Alert {
					fires = fires || alert.fires(severity)
					nearMiss = nearMiss || !alert.fires(severity)
				}
			}
		}
		if !fires {
			t.Errorf("no unit test in which %s fires as %s", rule.Alert, severity)
		}
		if !nearMiss {
			t.Errorf("no unit test in which %s does not fire as %s", rule.Alert, severity)
		}
	}
}

func TestRecordsAreTested(t *testing.T) {
	var exprs strings.Builder
	for _, test := range unitTests(t) {
		for _, expr := range test.Exprs {
			exprs.WriteString(expr.Expr + "\n")
		}
	}
	tested := metricNames(exprs.String())
	for _, rule := range rules(t) {
		if rule.Record != "" && !slices.Contains(tested, rule.Record) {
			t.Errorf("no unit test asks for %s", rule.Record)
		}
	}
}

// TestNothingIsLeftOver finds the runbook or unit test of an alert that is gone:
// promtool passes a test in which an alert that does not exist stays silent.
func TestNothingIsLeftOver(t *testing.T) {
	var alerts []string
	for _, rule := range rules(t) {
		alerts = append(alerts, rule.Alert)
	}
	for _, path := range glob(t, runbooks+"PgCanary*.md") {
		if alert := strings.TrimSuffix(filepath.Base(path), ".md"); !slices.Contains(alerts, alert) {
			t.Errorf("%s: no such alert", path)
		}
	}
	for _, test := range unitTests(t) {
		for _, alert := range test.Alerts {
			if !slices.Contains(alerts, alert.Alertname) {
				t.Errorf("a unit test asks for %s: no such alert", alert.Alertname)
			}
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
