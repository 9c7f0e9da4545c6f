package dashboard

import (
	"fmt"
	"slices"
	"strings"
)

// eachCluster are the labels that identify a cluster; cluster may be missing.
const eachCluster = "cluster, job, instance"

// formula writes PromQL about the clusters that selector selects: what is so at each time or, with a window, the worst
// within the window before it.
type formula struct {
	selector string
	window   string
	// targets selects their series of up, which other programs have too.
	targets string
	// at is a modifier, such as " @ end()".
	at string
}

func (f formula) highest(metric string, matchers ...string) string {
	return f.over("max", metric, matchers)
}

func (f formula) lowest(metric string) string {
	return f.over("min", metric, nil)
}

func (f formula) over(what, metric string, matchers []string) string {
	if f.window == "" {
		return f.series(metric, matchers...)
	}
	return fmt.Sprintf("%s_over_time(%s)", what, f.within(f.window, metric, matchers...))
}

// series selects a metric's samples at each time, within those of the window before it.
func (f formula) series(metric string, matchers ...string) string {
	return f.selection(metric, matchers) + f.at
}

func (f formula) within(window, metric string, matchers ...string) string {
	return f.selection(metric, matchers) + "[" + window + "]" + f.at
}

func (f formula) selection(metric string, matchers []string) string {
	return selection(metric, append([]string{f.selector}, matchers...)...)
}

// selection selects series of a metric by matchers, of which any may be empty.
func selection(metric string, matchers ...string) string {
	matchers = slices.DeleteFunc(matchers, func(m string) bool { return m == "" })
	if len(matchers) == 0 {
		return metric
	}
	return metric + "{" + strings.Join(matchers, ", ") + "}"
}

// nodeCode is the verdict on each node, with its labels and the label node. Of one that answers, and of which no
// more is known, it is codeUnknown: it must not vanish from a panel.
func (f formula) nodeCode() string {
	var terms []string
	for _, s := range stateCodes {
		terms = append(terms, fmt.Sprintf("%s * %d", f.highest("pg_canary_replica_state", fmt.Sprintf(`state="%s"`, s.state)), s.code))
	}
	terms = append(terms, fmt.Sprintf("(%s > bool 120) * %d", f.unintendedLag(), codeFarBehind))
	byReplica := strings.Join(terms, "\n    or ")
	return fmt.Sprintf(`max without (replica, state) (
  label_replace(
    %s,
    "node", "$1", "replica", "(.+)"
  )
  or (%s == 1) * %d
  or (%s == 0) * 0 + %d
) > 0
or %s * 0 + %d`,
		byReplica,
		f.highest("pg_canary_node_is_primary"), codePrimary,
		f.lowest("pg_canary_node_up"), codeUnreachable,
		f.series("pg_canary_node_up"), codeUnknown)
}

// unintendedLag is the lag without recovery_min_apply_delay.
func (f formula) unintendedLag() string {
	return fmt.Sprintf("(%[1]s - (%[2]s or 0 * %[1]s))",
		f.highest("pg_canary_lag_seconds"), f.series("pg_canary_replica_apply_delay_seconds"))
}

// primaryCode is what is wrong with the primary of each cluster, or that it has no replica; nothing where all is well.
func (f formula) primaryCode() string {
	return fmt.Sprintf(`(%[1]s > 1) * 0 + %[6]d
or (%[2]s == 0) * 0 + %[7]d
or (
  %[3]s == 0
  and on (%[5]s)
  sum by (%[5]s) (increase(%[4]s)) > 0
) * 0 + %[8]d
or (%[3]s == 0) * 0 + %[9]d
or (count without (node) (%[10]s) == 1) * 0 + %[11]d`,
		f.highest("pg_canary_primaries"), f.lowest("pg_canary_primaries"), f.lowest("pg_canary_up"),
		f.within("5m", "pg_canary_failures_total", `reason="sync_wait"`), eachCluster,
		codeTwoPrimaries, codeNoPrimary, codeCommitsWait, codeWriteFailing,
		f.series("pg_canary_node_up"), codeNoReplica)
}

// noData says of which clusters Prometheus gets no metrics. The exporter's own are no cluster's.
func (f formula) noData() string {
	return fmt.Sprintf(`(%s == 0 unless on (%s) %s) * 0 + %d`,
		formula{selector: f.targets, window: f.window, at: f.at}.lowest("up"), eachCluster, f.series("pg_canary_clusters"), codeNoData)
}

// clusterCode is the verdict on each cluster: the worst on its nodes and its primary, or that there is no data.
// nodes says the verdicts on its nodes.
func (f formula) clusterCode(nodes string) string {
	return fmt.Sprintf("max without (node) (\n  %s\n  or %s\n  or %s\n)", indent(nodes), indent(f.primaryCode()), f.noData())
}

func indent(lines string) string { return strings.ReplaceAll(lines, "\n", "\n  ") }
