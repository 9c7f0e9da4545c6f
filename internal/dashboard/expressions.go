package dashboard

import (
	"fmt"
	"strings"
)

const (
	// cluster selects the series of the chosen cluster, replicas those of its
	// chosen replicas. An exporter at /metrics and a target of /probe are one
	// cluster each, which job and instance tell apart.
	cluster  = `job="$job", instance="$instance"`
	replicas = cluster + `, replica=~"$replica"`

	// fleet selects the series of all clusters in the chosen jobs.
	fleet = `job=~"$job"`
	// eachCluster are the labels that identify a cluster; cluster may be missing.
	eachCluster = "cluster, job, instance"
	// replicaCount is how many nodes each cluster has beside its primary.
	replicaCount = "count by (" + eachCluster + ") (pg_canary_node_up{" + fleet + "}) - 1"
)

// knownReplicas has a series for each replica that selector selects of the clusters
// that of selects, whatever is known about it, with a label more. A node that
// became the primary is none.
func knownReplicas(of, selector string) string {
	return fmt.Sprintf(`pg_canary_verdicts_total{%[2]s, verdict="unknown"}
  unless on (%[3]s, replica)
  label_replace(pg_canary_node_is_primary{%[1]s} == 1, "replica", "$1", "node", "(.+)")`, of, selector, eachCluster)
}

// perReplica is a metric's value for each replica, NaN for a replica whose value
// was not observed: max prefers any number to NaN. With the states in front,
// every such query lists the replicas in the same order.
func perReplica(metric string) string {
	return fmt.Sprintf(`max by (replica) (
  pg_canary_replica_state{%[1]s} * NaN
  or (%[3]s) * NaN
  or %[2]s{%[1]s}
)`, replicas, metric, knownReplicas(cluster, replicas))
}

// transport is the WAL that a replica has yet to receive, replay what it has
// received and not applied. Together they are pg_canary_lag_bytes.
const (
	transport = `max by (replica) (clamp_min(
  pg_canary_primary_lsn{` + cluster + `}
  - on (cluster, job, instance) group_right ()
  pg_canary_replica_receive_lsn{` + replicas + `}, 0))`
	replay = `clamp_min(max by (replica) (pg_canary_lag_bytes{` + replicas + `})
- on (replica) ` + transport + `, 0)`
)

// dataAtRisk is the WAL that no replica has received, by the best of them.
func dataAtRisk(selector string) string {
	return fmt.Sprintf(`clamp_min(
  max by (%[1]s) (pg_canary_primary_lsn{%[2]s})
  - on (%[1]s)
  max by (%[1]s) (pg_canary_replica_receive_lsn{%[2]s}), 0)`, eachCluster, selector)
}

// freshWithin is the share of all canaries, those that were never seen too, that
// were visible within le seconds of their commit. Prometheus 3 writes le="1.0" where
// Prometheus 2 wrote le="1", and a server that keeps native histograms only has no
// buckets at all.
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

// quantiles are p50 and p99 of a histogram, classic or native, in one query: a label tells
// them apart, beside those in by.
func quantiles(metric, selector, by string) string {
	const quantile = `label_replace(
  histogram_quantile(%[1]s, sum by (%[5]s, le) (rate(%[3]s_bucket{%[4]s}[$__rate_interval])))
  or histogram_quantile(%[1]s, sum by (%[5]s) (rate(%[3]s{%[4]s}[$__rate_interval]))),
  "quantile", "%[2]s", "", "")`
	return fmt.Sprintf(quantile, "0.5", "p50", metric, selector, by) + "\nor " +
		fmt.Sprintf(quantile, "0.99", "p99", metric, selector, by)
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

// These also select series without the labels: an alert on a series that is
// absent has no labels to tell its cluster by.
const (
	clusterOrMissing = `job=~"$job|", instance=~"$instance|"`
	fleetOrMissing   = `job=~"$job|"`
)

// alertFired is above zero at the step at which an alert begins to fire.
func alertFired(selector string) string {
	const firing = `ALERTS{alertname=~"PgCanary.*", alertstate="firing", %s}`
	return fmt.Sprintf(firing+" unless "+firing+" offset $__interval", selector, selector)
}

// primaryCode is what is wrong with the primary of each cluster that selector
// selects; nothing where all is well.
func primaryCode(selector string) string {
	return fmt.Sprintf(`(pg_canary_primaries{%[1]s} > 1) * 0 + %[2]d
  or (pg_canary_primaries{%[1]s} == 0) * 0 + %[3]d
  or (
    pg_canary_up{%[1]s} == 0
    and on (%[6]s)
    sum by (%[6]s) (increase(pg_canary_failures_total{%[1]s, reason="sync_wait"}[5m])) > 0
  ) * 0 + %[5]d
  or (pg_canary_up{%[1]s} == 0) * 0 + %[4]d`,
		selector, codeTwoPrimaries, codeNoPrimary, codeWriteFailing, codeCommitsWait, eachCluster)
}

// clusterCode is the verdict on each cluster: the worst of its replicas, what is
// wrong with its primary, or that its data stopped within the range shown.
func clusterCode() string {
	return fmt.Sprintf(`max by (%[1]s) (
  %[3]s
  or %[4]s
)
or (max by (%[1]s) (last_over_time(pg_canary_up{%[2]s}[$__range])) unless max by (%[1]s) (pg_canary_up{%[2]s})) * 0 + %[5]d`,
		eachCluster, fleet, primaryCode(fleet),
		strings.ReplaceAll(stateCode(fleet, fleet), "\n", "\n  "), codeNoData)
}
