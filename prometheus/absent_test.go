package prometheus_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// The story that the rules are told, in scrapes: all is well for a while, and then
// one combination lasts for half an hour.
const (
	storyInterval = 150 * time.Second
	storyHealthy  = int(40 * time.Minute / storyInterval)
	storyBroken   = int(30 * time.Minute / storyInterval)
	// promtool lets a query load 10,000 samples.
	storiesInOneTest = 100
)

// TestNoAlertFailsOpen asks the rules which alerts speak in every combination.
func TestNoAlertFailsOpen(t *testing.T) {
	all := combinations()
	t.Logf("%d combinations", len(all))
	var tests []any
	for chunk := range slices.Chunk(all, storiesInOneTest) {
		var told story
		for _, c := range chunk {
			alerts := c.speaks()
			if c.fine() != (len(alerts) == 0) {
				t.Errorf("%+v: fine %v, and the alerts are %q", c, c.fine(), alerts)
			}
			told.add(c)
		}
		tests = append(tests, map[string]any{
			"interval": storyInterval.String(), "input_series": told.input, "promql_expr_test": told.exprs,
		})
	}
	path, err := filepath.Abs("rules/*.yml")
	if err != nil {
		t.Fatal(err)
	}
	content, err := yaml.Marshal(map[string]any{
		"rule_files": []string{path}, "evaluation_interval": storyInterval.String(), "tests": tests,
		"group_eval_order": []string{"pg-canary-freshness", "pg-canary-replica"},
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "absent.yml")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(promtool(t), "test", "rules", file).CombinedOutput(); err != nil {
		t.Errorf("other alerts fire than should; an instance is a combination: %v\n%s", err, out)
	}
}

func promtool(t *testing.T) string {
	t.Helper()
	find := exec.Command("../scripts/promtool.sh")
	var complaint strings.Builder
	find.Stderr = &complaint
	path, err := find.Output()
	if err != nil {
		t.Fatalf("no promtool: %v\n%s", err, complaint.String())
	}
	return strings.TrimSpace(string(path))
}

// story is a unit test for promtool.
type story struct {
	input, exprs []map[string]any
}

// add tells of a combination, as a target of its own.
func (s *story) add(c combination) {
	instance := fmt.Sprintf("%+v", c)
	series := func(name, labels, before, then string) {
		s.input = append(s.input, map[string]any{
			"series": fmt.Sprintf(`%s{job="pg_canary",instance=%q%s}`, name, instance, labels),
			"values": during(before, storyHealthy) + " " + during(then, storyBroken),
		})
	}
	up := func(node, then string) { series("pg_canary_node_up", ",node="+strconv.Quote(node), "1", then) }
	leaderUp := "0"
	if c.primaries == "1" || c.primaries == "2" {
		leaderUp = "1"
	}
	series("up", "", "1", "1")
	series("pg_canary_up", "", "1", c.up)
	series("pg_canary_primaries", "", "1", c.primaries)
	series("pg_canary_node_is_primary", `,node="a"`, "1", strings.Trim(leaderUp, "0"))
	up("a", leaderUp)
	if c.another {
		up("b", "1")
		series("pg_canary_node_is_primary", `,node="b"`, "0", "0")
		series("pg_canary_replica_state", `,replica="b",state="synced"`, "1", "1")
		series("pg_canary_synced", `,replica="b"`, "1", strings.Trim(c.up, "0"))
	}
	up("c", c.nodeUp)
	series("pg_canary_node_is_primary", `,node="c"`, "0", c.isPrimary)
	for _, state := range slices.Compact(slices.Sorted(slices.Values([]string{"primary", "synced", c.state}))) {
		switch {
		case state == "":
		case c.state == "":
			series("pg_canary_replica_state", fmt.Sprintf(`,replica="c",state=%q`, state), isIt(state == "synced"), "")
		default:
			series("pg_canary_replica_state", fmt.Sprintf(`,replica="c",state=%q`, state), isIt(state == "synced"), isIt(state == c.state))
		}
	}
	series("pg_canary_synced", `,replica="c"`, "1", c.synced)
	series("pg_canary_lag_seconds", `,replica="c"`, soon, c.lag)
	series("pg_canary_replica_apply_delay_seconds", `,replica="c"`, "", c.delay)
	s.addCounters(c, instance)
	s.expect(c, instance)
}

// addCounters tells of what the combination makes grow.
func (s *story) addCounters(c combination, instance string) {
	grow := func(name, labels string, before, then int) {
		s.input = append(s.input, map[string]any{
			"series": fmt.Sprintf(`%s{job="pg_canary",instance=%q,%s}`, name, instance, labels),
			"values": fmt.Sprintf("0+%dx%d %d+%dx%d", before, storyHealthy-1, before*(storyHealthy-1)+then, then, storyBroken),
		})
	}
	var waits, synced, late, unknown int
	switch {
	case c.syncWait:
		waits = 1
	case c.up == "0", c.state == "foreign", c.state == "primary", c.state == "duplicate":
	case c.synced == "1":
		synced = 1
	case c.synced == "0":
		late = 1
	default:
		unknown = 1
	}
	grow("pg_canary_failures_total", `node="a",reason="sync_wait"`, 0, waits)
	grow("pg_canary_verdicts_total", `replica="c",verdict="synced"`, 1, synced)
	grow("pg_canary_verdicts_total", `replica="c",verdict="late"`, 0, late)
	grow("pg_canary_verdicts_total", `replica="c",verdict="unknown"`, 0, unknown)
}

// expect asks which alerts fire at the end.
func (s *story) expect(c combination, instance string) {
	samples := []map[string]any{}
	for _, alert := range c.speaks() {
		samples = append(samples, map[string]any{"labels": fmt.Sprintf("{alertname=%q}", alert), "value": 1})
	}
	s.exprs = append(s.exprs, map[string]any{
		"expr":      fmt.Sprintf(`max by (alertname) (ALERTS{alertstate="firing",instance=%q})`, instance),
		"eval_time": (time.Duration(storyHealthy+storyBroken-1) * storyInterval).String(), "exp_samples": samples,
	})
}

func isIt(is bool) string {
	if is {
		return "1"
	}
	return "0"
}

// during writes a gauge for so many scrapes.
func during(value string, scrapes int) string {
	switch value {
	case "":
		return fmt.Sprintf("stale _x%d", scrapes-1)
	case stuck:
		return fmt.Sprintf("%s+%vx%d", value, storyInterval.Seconds(), scrapes-1)
	default:
		return fmt.Sprintf("%sx%d", value, scrapes-1)
	}
}
