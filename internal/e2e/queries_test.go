//go:build unix

package e2e_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/pg-canary/pg_canary_exporter/internal/dashboard"
)

// quiet are the queries that rightly find nothing on a healthy pair, each with
// the fault in which TestFaults finds that it does.
var quiet = map[string]string{
	`annotation "An alert's cause began"`:           lostWrites,
	`annotation "Primary changed"`:                  lostWrites,
	`panel "Firing and pending alerts", query A`:    replicaStopped,
	`panel "Failures by reason", query A`:           replicaStopped,
	`panel "Failovers in the range shown", query A`: lostWrites,
	`panel "Failovers in the range shown", query B`: lostWrites,
	`panel "Failovers in the range shown", query C`: lostWrites,
}

// ofTheDead are the queries that find something only where no exporter answers; those of the package dashboards try them.
var ofTheDead = []string{
	`panel "$cluster $instance", query B`,
	`panel "Clusters, the worst first", query I`,
}

// quietRules are the recording rules that rightly record nothing on a healthy pair, each
// with the fault in which TestFaults finds that it does.
var quietRules = map[string]string{
	"cluster:pg_canary_write_outage_seconds:mean_increase30d":  primaryStopped,
	"cluster:pg_canary_write_outage_seconds:last1d":            primaryStopped,
	"cluster:pg_canary_write_outage_seconds:last30d":           primaryStopped,
	"cluster:pg_canary_write_outage_seconds:last_timestamp1d":  primaryStopped,
	"cluster:pg_canary_write_outage_seconds:last_timestamp30d": primaryStopped,
}

func TestQueriesReturnData(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	all := queries(t)
	s.eventually("every query returns data", func() string {
		return s.withoutData(slices.DeleteFunc(slices.Clone(all), isQuiet))
	})
	s.eventually("every rule works", s.brokenRules)
	for _, q := range slices.DeleteFunc(all, func(q dashboard.Query) bool { return !isQuiet(q) }) {
		if len(s.answer(q)) > 0 {
			t.Errorf("%s finds something on a healthy pair:\n%s", title(q), q.Expr)
		}
	}
	if left := s.atRest(); left != "" {
		t.Errorf("the pair is no longer at rest: %s", left)
	}
}

func TestQuietQueriesExist(t *testing.T) {
	t.Parallel()
	for where, fault := range quiet {
		if !slices.ContainsFunc(queries(t), func(q dashboard.Query) bool { return q.Where == where }) {
			t.Errorf("no dashboard has the %s", where)
		}
		if _, ok := faults[fault]; !ok {
			t.Errorf("%s: there is no fault %q", where, fault)
		}
	}
	for rule, fault := range quietRules {
		if _, ok := faults[fault]; !ok {
			t.Errorf("%s: there is no fault %q", rule, fault)
		}
	}
}

func queries(t *testing.T) []dashboard.Query {
	t.Helper()
	all, err := dashboard.Queries(root + "/dashboards")
	must(t, err)
	return slices.DeleteFunc(all, func(q dashboard.Query) bool { return slices.Contains(ofTheDead, q.Where) })
}

func isQuiet(q dashboard.Query) bool { return quiet[q.Where] != "" }

func title(q dashboard.Query) string { return q.File + ", " + q.Where }

// withoutData lists the queries that return nothing.
func (s *stack) withoutData(asked []dashboard.Query) string {
	s.Helper()
	var missing []string
	for _, q := range asked {
		if len(s.answer(q)) == 0 {
			missing = append(missing, title(q))
		}
	}
	return strings.Join(missing, "\n")
}

// answer returns the numbers that a query finds, asked as Grafana asks it. An
// annotation is drawn where its query is above zero.
func (s *stack) answer(q dashboard.Query) []float64 {
	s.Helper()
	found := s.numbers(q.Expand(map[string]string{
		"job": "pg_canary", "instance": s.instance, "cluster": "demo", "replica": ".*", "recorded": "",
		"__interval": "10s", "__rate_interval": "20s", "__range": "1m",
	}), q.Instant)
	if strings.HasPrefix(q.Where, "annotation") {
		found = slices.DeleteFunc(found, func(n float64) bool { return n <= 0 })
	}
	return found
}

// numbers evaluates an expression now, or over the last minute, or longer where that is to be shown.
func (s *stack) numbers(expr string, instant bool) []float64 {
	s.Helper()
	var value model.Value
	var warnings promv1.Warnings
	var infos promv1.Infos
	var err error
	if now := time.Now(); instant {
		value, warnings, infos, err = s.prometheus.Query(s.Context(), expr, now)
	} else {
		value, warnings, infos, err = s.prometheus.QueryRange(s.Context(), expr,
			promv1.Range{Start: now.Add(-max(time.Minute, s.shown)), End: now, Step: 5 * time.Second})
	}
	if err != nil || len(warnings) > 0 || len(infos) > 0 {
		s.Fatalf("%v %v %v\n%s", err, warnings, infos, expr)
	}
	var found []float64
	switch value := value.(type) {
	case model.Vector:
		for _, sample := range value {
			found = append(found, float64(sample.Value))
		}
	case model.Matrix:
		for _, series := range value {
			for _, sample := range series.Values {
				found = append(found, float64(sample.Value))
			}
		}
	default:
		s.Fatalf("%T\n%s", value, expr)
	}
	// Dashboards show NaN as unknown.
	return slices.DeleteFunc(found, math.IsNaN)
}

// brokenRules lists the recording rules that record nothing but should, and all rules
// that end in an error.
func (s *stack) brokenRules() string {
	s.Helper()
	found, err := s.prometheus.Rules(s.Context(), nil)
	must(s.T, err)
	var broken []string
	count := 0
	for _, group := range found.Groups {
		for _, rule := range group.Rules {
			count++
			switch rule := rule.(type) {
			case promv1.RecordingRule:
				if rule.Health != promv1.RuleHealthGood || quietRules[rule.Name] == "" && !s.holds(rule.Name+rule.Labels.String()) {
					broken = append(broken, fmt.Sprintf("%s%s records nothing: %s %s", rule.Name, rule.Labels, rule.Health, rule.LastError))
				}
			case promv1.AlertingRule:
				if rule.Health != promv1.RuleHealthGood {
					broken = append(broken, fmt.Sprintf("%s: %s %s", rule.Name, rule.Health, rule.LastError))
				}
			}
		}
	}
	if count == 0 {
		s.Fatal("Prometheus has no rules")
	}
	return strings.Join(broken, "\n")
}

// notRecorded lists the rules that record nothing although they should in a fault.
func (s *stack) notRecorded(fault string) string {
	s.Helper()
	var missing []string
	for rule, in := range quietRules {
		if in == fault && !s.holds(rule) {
			missing = append(missing, rule)
		}
	}
	return strings.Join(missing, "\n")
}
