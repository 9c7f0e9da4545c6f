package faults_test

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
)

// evidence are the scrapes that tell of one fault.
type evidence struct {
	fault   fault
	timeout time.Duration
	healthy []scrape // two in a row, before the fault
	broken  []scrape // the first that told of it, and two in a row while it lasts
}

// The story that the rules are told: the cluster was well for an hour, and then
// the fault lasted for half an hour.
const (
	storyInterval = 30 * time.Second
	storyHealthy  = int(time.Hour / storyInterval)
	storyBroken   = int(30 * time.Minute / storyInterval)
)

type ruleTest struct {
	Interval string       `yaml:"interval"`
	Input    []ruleSeries `yaml:"input_series"`
	Exprs    []ruleExpr   `yaml:"promql_expr_test"`
}

type ruleSeries struct {
	Series string `yaml:"series"`
	Values string `yaml:"values"`
}

type ruleExpr struct {
	Expr    string       `yaml:"expr"`
	Time    string       `yaml:"eval_time"`
	Samples []ruleSample `yaml:"exp_samples"`
}

type ruleSample struct {
	Labels string  `yaml:"labels"`
	Value  float64 `yaml:"value"`
}

// checkAlerts asks the alert rules which of them fire on what was scraped in
// every fault, and compares that with the table. Each fault is a target of its
// own in one unit test for promtool.
func checkAlerts(t *testing.T, all []evidence, pulsed bool) {
	t.Helper()
	test := ruleTest{Interval: storyInterval.String()}
	for _, e := range all {
		test.Input = append(test.Input, e.series(t)...)
		expr := ruleExpr{
			Expr: fmt.Sprintf(`max by (alertname) (ALERTS{alertstate="firing", instance=%q})`, e.fault.name),
			Time: (time.Duration(storyHealthy+storyBroken) * storyInterval).String(),
		}
		for _, alert := range e.alertNames(pulsed) {
			expr.Samples = append(expr.Samples, ruleSample{fmt.Sprintf("{alertname=%q}", alert), 1})
		}
		test.Exprs = append(test.Exprs, expr)
	}
	rules := make([]string, 2) // All that alerts need; promtool bounds what others may take.
	for i, name := range []string{"alerts.yml", "recording.yml"} {
		path, err := filepath.Abs(filepath.Join("../../../prometheus/rules", name))
		must(t, err)
		rules[i] = path
	}
	content, err := yaml.Marshal(map[string]any{
		"rule_files": rules, "evaluation_interval": storyInterval.String(), "tests": []ruleTest{test},
	})
	must(t, err)
	file := filepath.Join(t.TempDir(), "faults.yml")
	must(t, os.WriteFile(file, content, 0o600))
	find := exec.Command("../../../scripts/promtool.sh")
	var complaint strings.Builder
	find.Stderr = &complaint
	promtool, err := find.Output()
	if err != nil {
		t.Fatalf("no promtool, which says what alerts fire: %v\n%s", err, complaint.String())
	}
	if out, err := exec.Command(strings.TrimSpace(string(promtool)), "test", "rules", file).CombinedOutput(); err != nil {
		t.Errorf("other alerts fire than the table says: %v\n%s", err, out)
	}
}

// alertNames are those that are to fire: the table's and, where beats of the pulse were lost that a scraper alone would not
// have sent, the one on that.
func (e evidence) alertNames(pulsed bool) []string {
	const metric, alert = "pg_canary_lost_writes_total", "PgCanaryLostWrites"
	names, last := e.fault.alertNames(), e.broken[len(e.broken)-1].samples
	if pulsed && last[metric] > e.healthy[0].samples[metric] && !slices.Contains(names, alert) {
		names = append(names, alert)
	}
	return names
}

func (f fault) alertNames() []string {
	if f.alerts == "" {
		return nil
	}
	return strings.Split(f.alerts, ", ")
}

// series tells the rules the story of a fault.
func (e evidence) series(t *testing.T) []ruleSeries {
	t.Helper()
	steps := make([]map[string]sample, 0, len(e.healthy)+len(e.broken))
	names := map[string]bool{}
	for _, s := range append(slices.Clone(e.healthy), e.broken...) {
		step := flatten(t, s.text)
		steps = append(steps, step)
		for name := range step {
			names[name] = true
		}
	}
	own := fmt.Sprintf(`{job="pg_canary",instance=%q}`, e.fault.name)
	story := []ruleSeries{
		{"up" + own, fmt.Sprintf("1x%d", storyHealthy+storyBroken)},
		{"scrape_timeout_seconds" + own, fmt.Sprintf("%vx%d", e.timeout.Seconds(), storyHealthy+storyBroken)},
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		values := make([]*float64, len(steps))
		var kind sample
		for i, step := range steps {
			if s, ok := step[name]; ok {
				values[i], kind = &s.value, s
			}
		}
		tell := gaugeValues
		if kind.counter {
			tell = counterValues
		}
		var rise float64
		if kind.metric == "pg_canary_lag_seconds" && stuck(steps, name) {
			rise = storyInterval.Seconds()
		}
		metric, labels, _ := strings.Cut(name, "{")
		labels = strings.TrimSuffix(labels, "}")
		if labels != "" {
			labels = "," + labels
		}
		story = append(story, ruleSeries{metric + strings.TrimSuffix(own, "}") + labels + "}", tell(values, rise)})
	}
	return story
}

// stuck tells whether the replica of a lag did not move between the last two steps.
func stuck(steps []map[string]sample, lag string) bool {
	of := func(metric string, step int) (float64, bool) {
		s, ok := steps[step][strings.Replace(lag, "lag_seconds", metric, 1)]
		return s.value, ok
	}
	before, _ := of("replica_capacity", 3)
	now, _ := of("replica_capacity", 4)
	synced, judged := of("synced", 4)
	return judged && synced == 0 && before == now
}

// gaugeValues writes a gauge: as it was, then as the fault's first scrape had
// it, then as the last had it, rising where it does.
func gaugeValues(v []*float64, rise float64) string {
	repeat := func(value *float64, n int, rise float64) string {
		switch {
		case value == nil && n == 0:
			return "stale"
		case value == nil:
			return fmt.Sprintf("stale _x%d", n)
		case rise > 0:
			return fmt.Sprintf("%v+%vx%d", *value, rise, n)
		default:
			return fmt.Sprintf("%vx%d", *value, n)
		}
	}
	return strings.Join([]string{repeat(v[1], storyHealthy-1, 0), repeat(v[2], 0, 0), repeat(v[4], storyBroken-1, rise)}, " ")
}

// counterValues writes a counter that goes on to grow as it did between the two
// scrapes before the fault, and then as between the last two.
func counterValues(v []*float64, _ float64) string {
	at := func(i int) float64 {
		if v[i] == nil {
			return 0 // It begins with the fault.
		}
		return *v[i]
	}
	before := at(1) - at(0)
	value := at(1) + before*float64(storyHealthy-1)
	first := value + at(2) - at(1)
	return fmt.Sprintf("%v+%vx%d %v %v+%vx%d", at(1), before, storyHealthy-1, first,
		first+at(4)-at(3), at(4)-at(3), storyBroken-1)
}

// sample is a value of an exposition.
type sample struct {
	metric  string
	counter bool // or a part of a histogram, which only grows too
	value   float64
}

// flatten returns all samples of an exposition by name and labels, those of
// histograms too.
func flatten(t *testing.T, text string) map[string]sample {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	must(t, err)
	flat := map[string]sample{}
	for name, family := range families {
		for _, metric := range family.GetMetric() {
			labels := labelsOf(metric)
			histogram := metric.GetHistogram()
			if histogram == nil {
				counter := family.GetType() == dto.MetricType_COUNTER
				flat[name+labels] = sample{name, counter, valueOf(metric)}
				continue
			}
			flat[name+"_count"+labels] = sample{name, true, float64(histogram.GetSampleCount())}
			flat[name+"_sum"+labels] = sample{name, true, histogram.GetSampleSum()}
			before := "{"
			if labels != "" {
				before = strings.TrimSuffix(labels, "}") + ","
			}
			for _, bucket := range histogram.GetBucket() {
				le := fmt.Sprintf(`le="%v"}`, bucket.GetUpperBound())
				flat[name+"_bucket"+before+le] = sample{name, true, float64(bucket.GetCumulativeCount())}
			}
		}
	}
	return flat
}
