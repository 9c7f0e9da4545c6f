package prometheus_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// namers are the files that name metrics, relative to this directory.
var namers = []string{
	"*.yml",
	"rules/*.yml",
	"tests/*.yml",
	"../docs/*.md",
	"../docs/runbooks/*.md",
	"../dashboards/*.md",
	"../*.md",
}

// programs have names that look like a metric's.
var programs = []string{"pg_canary_exporter", "pg_canary_lab"}

var nameToken = regexp.MustCompile(`[a-z_:]*pg_canary_[a-z0-9_:]+`)

// metricNames returns every metric that text names, once each. A recorded series
// keeps its colons.
func metricNames(text string) []string {
	var names []string
	for _, name := range nameToken.FindAllString(text, -1) {
		name = strings.Trim(name, ":")
		// An image has a tag after its name.
		if program, _, _ := strings.Cut(name, ":"); slices.Contains(programs, program) {
			continue
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func TestMetricNames(t *testing.T) {
	text := `rate(pg_canary_reads_bucket{le="0.1"}[5m]) / pg_canary_reads_count
		and "pg_canary_up": pg_canary_up, pg_canary_lag_bytes: many bytes,
		replica:pg_canary_lag_bytes:replay{job=~"pg_canary.*"} by pg_canary_exporter check
		in pg_canary_exporter:local, pg_canary_exporter_build_info`
	want := []string{
		"pg_canary_exporter_build_info",
		"pg_canary_lag_bytes",
		"pg_canary_reads_bucket",
		"pg_canary_reads_count",
		"pg_canary_up",
		"replica:pg_canary_lag_bytes:replay",
	}
	if got := metricNames(text); !slices.Equal(got, want) {
		t.Errorf("metricNames = %q, want %q", got, want)
	}
}

func TestNamedMetricsExist(t *testing.T) {
	known := exported()
	for _, rule := range rules(t) {
		if rule.Record != "" {
			known = append(known, rule.Record)
		}
	}
	for path, text := range namingFiles(t) {
		for _, name := range metricNames(text) {
			if !slices.Contains(known, name) {
				t.Errorf("%s names %s, which is neither exported nor recorded", path, name)
			}
		}
	}
}

func TestNamedAlertsExist(t *testing.T) {
	var known []string
	for _, rule := range rules(t) {
		known = append(known, rule.Alert)
	}
	alert := regexp.MustCompile(`\bPgCanary[A-Z]\w+(\.\+)?`) // or a pattern for several
	for path, text := range namingFiles(t) {
		for _, name := range alert.FindAllString(text, -1) {
			if !slices.Contains(known, name) && !strings.HasSuffix(name, ".+") {
				t.Errorf("%s names %s: no such alert", path, name)
			}
		}
	}
}

// namingFiles returns the texts of the namers by their paths.
func namingFiles(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, pattern := range namers {
		for _, path := range glob(t, pattern) {
			if filepath.Base(path) == "upgrade.md" {
				continue // It names what there was.
			}
			texts[path] = read(t, path)
		}
	}
	return texts
}

// glob returns the files that match pattern: a pattern without a match is a
// check that looks at nothing.
func glob(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no file matches %s: %v", pattern, err)
	}
	return paths
}
