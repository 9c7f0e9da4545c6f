package prometheus_test

import (
	"os"
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
	"../docs/runbooks/*.md",
}

// programs have names that look like a metric's.
var programs = []string{"pg_canary_exporter", "pg_canary_demo"}

var nameToken = regexp.MustCompile(`[a-z_:]*pg_canary_[a-z0-9_:]+`)

// metricNames returns every metric that text names, once each. A series of a
// classic histogram counts as the histogram, a recorded series keeps its colons.
func metricNames(text string) []string {
	var names []string
	for _, name := range nameToken.FindAllString(text, -1) {
		name = strings.Trim(name, ":")
		if slices.Contains(programs, name) {
			continue
		}
		if !strings.Contains(name, ":") {
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				name = strings.TrimSuffix(name, suffix)
			}
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func TestMetricNames(t *testing.T) {
	text := `rate(pg_canary_reads_bucket{le="0.1"}[5m]) / pg_canary_reads_count
		and "pg_canary_up": pg_canary_up, pg_canary_lag_bytes: many bytes,
		replica:pg_canary_lag_bytes:replay{job=~"pg_canary.*"} by pg_canary_exporter check`
	want := []string{
		"pg_canary_lag_bytes",
		"pg_canary_reads",
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
	for _, pattern := range namers {
		for _, path := range glob(t, pattern) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range metricNames(string(text)) {
				if !slices.Contains(known, name) {
					t.Errorf("%s names %s, which is neither exported nor recorded", path, name)
				}
			}
		}
	}
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
