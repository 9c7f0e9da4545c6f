package dashboard

import (
	"fmt"
	"strings"
)

// Rules returns the recording rules of the verdicts: the dashboards' own formulas, for all clusters, so that a long range of a whole
// fleet is quick to read. The dashboards work without them.
func Rules() []byte {
	all := formula{targets: `job=~"pg_canary.*"`}
	expr := func(lines string) string { return strings.ReplaceAll(lines, "\n", "\n          ") }
	return fmt.Appendf(nil, `# Recording rules of pg_canary_exporter for the dashboards. No alert needs them.
# Made by internal/dashboard: make golden.
groups:
  # The verdict as a number: the larger, the worse. docs/metrics.md says what each means.
  - name: pg-canary-verdict
    rules:
      # On each node.
      - record: node:pg_canary_verdict:code
        expr: |
          %s

      # On each cluster: the worst of its nodes, what is wrong with its primary, or that its exporter does not answer.
      - record: cluster:pg_canary_verdict:code
        expr: |
          %s

      # The lag of the worst replica of each cluster, without the delay that is intended.
      - record: cluster:pg_canary_lag_seconds:max
        expr: |
          %s
`, expr(all.nodeCode()), expr(all.clusterCode("node:pg_canary_verdict:code")), expr(worstLag("")))
}

// worstLag is the lag of the worst replica of each cluster.
func worstLag(selector string) string {
	return "max without (replica) (\n  " + indent(beyondDelay(selection("pg_canary_lag_seconds", selector), selector, "")) + "\n)"
}

// Rule is a recording rule.
type Rule struct{ Record, Expr string }

// Recorded are the recording rules that the dashboards use, each without any other.
func Recorded() []Rule {
	all := formula{targets: `job=~"pg_canary.*"`}
	return []Rule{
		{"node:pg_canary_verdict:code", all.nodeCode()},
		{"cluster:pg_canary_verdict:code", all.clusterCode(all.nodeCode())},
		{"cluster:pg_canary_lag_seconds:max", worstLag("")},
		{"cluster:pg_canary_data_at_risk_bytes:min", dataAtRisk("")},
	}
}
