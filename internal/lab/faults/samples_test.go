package faults_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// samples are the values of one scrape, by name, or by name and labels as in
// pg_canary_node_up{node="a:1"}. The label of the replica may be left out where
// only one replica has a sample.
type samples map[string]float64

func parse(t testing.TB, text string) samples {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	must(t, err)
	values := samples{}
	replicas := map[string]int{}
	for name, family := range families {
		for _, metric := range family.GetMetric() {
			values[name+labelsOf(metric)] = valueOf(metric)
			if short := name + labelsOf(metric, "replica"); short != name+labelsOf(metric) {
				replicas[short]++
				values[short] = valueOf(metric)
			}
		}
	}
	for short, n := range replicas {
		if n > 1 {
			delete(values, short)
		}
	}
	return values
}

func labelsOf(metric *dto.Metric, without ...string) string {
	var labels []string
	for _, pair := range metric.GetLabel() {
		if !slices.Contains(without, pair.GetName()) {
			labels = append(labels, fmt.Sprintf("%s=%q", pair.GetName(), pair.GetValue()))
		}
	}
	if len(labels) == 0 {
		return ""
	}
	return "{" + strings.Join(labels, ",") + "}"
}

func valueOf(metric *dto.Metric) float64 {
	switch {
	case metric.GetGauge() != nil:
		return metric.GetGauge().GetValue()
	case metric.GetCounter() != nil:
		return metric.GetCounter().GetValue()
	default:
		return float64(metric.GetHistogram().GetSampleCount())
	}
}

// state returns the state of the only replica.
func (m samples) state(t testing.TB) string {
	t.Helper()
	return m.oneState(t, "pg_canary_replica_state{state=%q}")
}

// stateOf returns the state of one replica of several.
func (m samples) stateOf(t testing.TB, server *pgcluster.Server) string {
	t.Helper()
	return m.oneState(t, fmt.Sprintf("pg_canary_replica_state{replica=%q,state=%%q}", address(server)))
}

// oneState returns the state that is 1, and fails when there is not exactly one.
func (m samples) oneState(t testing.TB, format string) string {
	t.Helper()
	var states []string
	for _, state := range verdict.ReplicaStates() {
		if m[fmt.Sprintf(format, state)] == 1 {
			states = append(states, string(state))
		}
	}
	if len(states) != 1 {
		t.Errorf("the replica is in the states %v, want one", states)
		return ""
	}
	return states[0]
}

// want fails when a sample is absent or has another value.
func (m samples) want(t testing.TB, name string, value float64) {
	t.Helper()
	if got, ok := m[name]; !ok || got != value {
		t.Errorf("%s is %v (there: %v), want %v", name, got, ok, value)
	}
}

// absent fails when there is any of the samples.
func (m samples) absent(t testing.TB, names ...string) {
	t.Helper()
	for _, name := range names {
		if value, ok := m[name]; ok {
			t.Errorf("%s is %v, but nobody observed it", name, value)
		}
	}
}
