package dashboard

import (
	"fmt"
	"strings"
)

const (
	// cluster selects the series of the chosen cluster, replicas those of its chosen replicas. An exporter at
	// /metrics and a target of /probe are one cluster each. Where Prometheus sets no label cluster, the variable
	// is empty, or noCluster, and matches that.
	cluster  = `job="$job", instance="$instance", cluster=~"$cluster"`
	replicas = cluster + `, replica=~"$replica"`

	// noCluster is a regular expression that matches the label cluster where there is none, for a link: Grafana
	// knows no field of a table that no row has.
	noCluster = "(none)?"

	// fleet selects the series of all clusters chosen.
	fleet = `job=~"$job", cluster=~"$cluster"`
	// inFleet are the alerts on them; one on a series that is absent, or on the exporter itself, has no such labels.
	inFleet = `cluster=~"$cluster|"`
)

// worst is the highest value of a series since the step before, so that a long range shows what a short one does.
// Where the step is shorter than the interval of the scrapes, it is the value itself.
func worst(series string) string {
	return fmt.Sprintf("max_over_time(%[1]s[$__interval])\nor %[1]s", series)
}

// worstOf is the same for an expression.
func worstOf(expr string) string {
	return fmt.Sprintf("max_over_time((\n  %[1]s\n)[$__interval:])\nor\n%[2]s", indent(expr), expr)
}

// beyondDelay is the lag of replicas without the delay that is intended, from what lag says.
func beyondDelay(lag, selector, at string) string {
	return fmt.Sprintf("clamp_min(\n  (%[1]s)\n  - (%[2]s%[3]s or 0 * (%[1]s)),\n  0\n)", indent(lag), selection("pg_canary_replica_apply_delay_seconds", selector), at)
}

// otherNodes has a series for each node that selector selects and that is not the primary, whatever is known about it,
// with the label replica: one that takes writes beside the primary is among them.
func otherNodes(selector string) string {
	return fmt.Sprintf(`(
  label_replace(pg_canary_node_up{%[2]s}, "replica", "$1", "node", "(.+)")
  unless on (replica) (
    label_replace(pg_canary_node_is_primary{%[1]s} == 1, "replica", "$1", "node", "(.+)")
    unless on (replica) pg_canary_replica_state{%[1]s}
  )
)`, cluster, selector)
}

// perReplica is an expression's value for each replica, NaN for one whose value was not observed: max prefers any
// number to NaN. So every such query lists the replicas in the same order, and a replica has one colour in all panels.
func perReplica(expr string) string {
	return fmt.Sprintf("max by (replica) (\n  %s * NaN\n  or %s\n)", indent(otherNodes(cluster+`, node=~"$replica"`)), indent(expr))
}

// ofReplicas are the series of a metric for the chosen replicas.
func ofReplicas(metric string) string { return selection(metric, replicas) }

// targets has a series for each cluster that Prometheus scrapes, whether it gets an answer or not. A target that is the exporter's
// own metrics is no cluster.
const targets = `(up{` + fleet + `} unless on (` + eachCluster + `) pg_canary_clusters)`

// ranked is expr for those clusters that have the highest values over the whole range, by one ranking: a ranking at each time
// would show others at each.
func ranked(count int, expr, by string) string {
	return fmt.Sprintf("(\n  %[1]s\n)\nand on (%[2]s) topk(%[3]d, %[4]s)", indent(expr), eachCluster, count, indent(by))
}

// asNode gives what has a label replica the label node instead.
func asNode(expr string) string {
	return fmt.Sprintf(`label_replace(%s, "node", "$1", "replica", "(.+)")`, expr)
}

// perNode is the value for each node, NaN where it was not observed.
func perNode(expr string) string {
	return fmt.Sprintf("max by (node) (\n  %s\n  or pg_canary_node_up{%s} * NaN\n)", indent(expr), cluster)
}

// called adds a label what, by which one query tells several values apart.
func called(what, expr string) string {
	return fmt.Sprintf("label_replace(\n  %s,\n  \"what\", \"%s\", \"\", \"\"\n)", indent(expr), what)
}

// together puts several values into one query.
func together(exprs ...string) string { return strings.Join(exprs, "\nor\n") }

// transport is the WAL that each replica has yet to receive, of the replicas that ofReplicas selects, in the clusters that of selects.
// Of another history the positions cannot be compared. After a restart, or with WAL from an archive, the position
// received is absent or behind the one replayed.
func transport(of, ofReplicas string) string {
	return fmt.Sprintf(`clamp_min(
  %[2]s
  - on (%[1]s) group_right ()
  (
    (%[3]s > %[4]s)
    or %[4]s
    or %[3]s
  ),
  0
)
unless on (%[1]s, replica) (%[5]s == 1)`,
		eachCluster, selection("pg_canary_primary_lsn", of),
		selection("pg_canary_replica_receive_lsn", ofReplicas), selection("pg_canary_replica_replay_lsn", ofReplicas),
		selection("pg_canary_replica_state", ofReplicas, `state=~"diverged|foreign"`))
}

// dataAtRisk is the WAL that no replica has received, by the best of them.
func dataAtRisk(selector string) string {
	return fmt.Sprintf("min by (%s) (\n  %s\n)", eachCluster, indent(transport(selector, selector)))
}

// freshWithin is the share of all canaries, those that were never seen too, that were visible within le seconds of their
// commit. Prometheus 3 writes le="1.0" where Prometheus 2 wrote le="1", and a server that keeps native histograms
// only has no buckets at all.
func freshWithin(le, selector, window string) string {
	bound := strings.ReplaceAll(le, ".", `\\.`)
	return fmt.Sprintf(`(
  sum (rate(pg_canary_visibility_delay_seconds_bucket{%[2]s, le=~"%[1]s(\\.0)?"}[%[3]s]))
  or
  histogram_fraction(0, %[4]s, sum (rate(pg_canary_visibility_delay_seconds{%[2]s}[%[3]s])))
  * histogram_count(sum (rate(pg_canary_visibility_delay_seconds{%[2]s}[%[3]s])))
)
/ sum (rate(pg_canary_verdicts_total{%[2]s}[%[3]s]))`,
		bound, selector, window, le)
}

// inTime is the share of all canaries that were proved to be visible within
// --probe.synced-within of their commit.
func inTime(selector, window, by string) string {
	return fmt.Sprintf(`sum%[3]s (rate(pg_canary_verdicts_total{%[1]s, verdict="synced"}[%[2]s]))
/ sum%[3]s (rate(pg_canary_verdicts_total{%[1]s}[%[2]s]))`, selector, window, by)
}

// quantile is one of a histogram, classic or native.
func quantile(q, metric, selector, by string) string {
	return fmt.Sprintf(`histogram_quantile(%[1]s, sum by (%[4]s, le) (rate(%[2]s_bucket{%[3]s}[$__rate_interval])))
or histogram_quantile(%[1]s, sum by (%[4]s) (rate(%[2]s{%[3]s}[$__rate_interval])))`, q, metric, selector, by)
}

// alerts are the alerts on the clusters that selector selects, with the labels
// in by, and for how long they have been active as their value.
func alerts(selector, by string) string {
	return fmt.Sprintf(`max by (alertname, alertstate, severity, %[2]s) (
  ALERTS{alertname=~"PgCanary.*", alertstate=~"pending|firing", %[1]s}
  * ignoring (alertstate) group_left ()
  (time() - ALERTS_FOR_STATE{alertname=~"PgCanary.*", %[1]s})
)`, selector, by)
}

// alertBegan is the moment, in milliseconds since 1970, at which what an alert tells of began, of those that fired since
// the step before: one that came and went within a step too.
func alertBegan(selector string) string {
	return fmt.Sprintf(`1000 * last_over_time(ALERTS_FOR_STATE{alertname=~"PgCanary.*", %[1]s}[$__rate_interval])
and ignoring (alertstate)
last_over_time(ALERTS{alertname=~"PgCanary.*", alertstate="firing", %[1]s}[$__rate_interval])`, selector)
}

// tookOver is where the primary changed since the step before.
func tookOver(selector string) string {
	return fmt.Sprintf("pg_canary_primary_changes_total{%[1]s} > pg_canary_primary_changes_total{%[1]s} offset $__interval", selector)
}

// lastSeen is the last moment, in seconds since 1970, at which Prometheus got metrics from a target, back to days.
func lastSeen(selector, window string) string {
	return fmt.Sprintf("max by (%s) (max_over_time(timestamp(up{%s} == 1)[%s]))", eachCluster, selector, window)
}
