package dashboard

import (
	"fmt"
	"slices"
)

// replicationFleet compares all clusters.
func replicationFleet() Dashboard {
	return Dashboard{
		UID:           fleetUID,
		Title:         "Replication fleet",
		Description:   "All PostgreSQL clusters that pg_canary_exporter probes, the worst first. Each links to its own dashboard.",
		Tags:          []string{"pg_canary", "postgresql", "replication"},
		SchemaVersion: schemaVersion, Editable: true, GraphTooltip: 1, Refresh: "10s",
		Time: TimeRange{From: "now-1h", To: "now"},
		Links: []object{
			link("Alert rules", "bolt", alertRules, false),
			link("Runbooks", "doc", runbooks, true),
		},
		Annotations: objectList{List: []object{
			annotation("Primary changed", "blue", tookOver(fleet), "Primary changed", "Another server of {{cluster}} {{instance}} took over as primary"),
			annotationAt("An alert's cause began", "red", alertBegan(inFleet), "{{alertname}}", "{{severity}} {{cluster}} {{instance}} {{replica}}{{node}}"),
		}},
		Templating: objectList{List: []object{
			datasourceVariable(),
			several(queryVariable("job", "Job", "The scrape jobs of the exporters", jobs, `/job="([^"]+)"/`), ""),
			several(labelVariable("cluster", "Cluster", "The clusters, where Prometheus sets that label",
				`label_values(up{job=~"$job"}, cluster)`), ".*"),
			hidden(queryVariable("recorded", "Recorded", "Whether the verdicts are recorded, by rules, for all clusters and the whole range",
				recordedSinceStart(), `/recorded="([^"]+)"/`)),
		}},
		Panels: arrange([]section{
			{"Now", []Panel{fleetCounts(), clusterTable().size(24, 12)}},
			{"Alerts", []Panel{alertTable(inFleet, "cluster", "instance", "replica", "node").size(24, 7)}},
			{"History", fleetHistory()},
		}),
	}
}

// everyone is the verdict on all clusters.
var everyone = formula{selector: fleet, targets: fleet}

// recordedSinceStart has a series where the verdicts on all clusters are recorded, now and at the start of the range.
func recordedSinceStart() string {
	recorded := "count(" + recordedVerdicts + "%[1]s) >= count(up{" + fleet + "}%[1]s unless on (" + eachCluster + ") pg_canary_clusters%[1]s)"
	return fmt.Sprintf(`label_replace(`+recorded+` and on () %[2]s, "recorded", "yes", "", "")`, "", fmt.Sprintf(recorded, " offset $__range"))
}

const recordedVerdicts = "cluster:pg_canary_verdict:code{" + fleet + "}"

// unrecorded has no series where $recorded is not empty, as no series has a label of that name: so the long formula costs nothing where its result is recorded.
const unrecorded = fleet + `, unrecorded="$recorded"`

// Numbers of the fleet.
const (
	clusters  = "Clusters"
	inTrouble = "Clusters in trouble"
	nodes     = "Replicas"
	notSynced = "Replicas not synced"
	firing    = "Firing alerts"
	allLost   = "Writes lost in the range"
)

// replicaCount is how many nodes each cluster has beside its primary.
const replicaCount = "count by (" + eachCluster + ") (pg_canary_node_up{" + fleet + "}) - 1"

func fleetCounts() Panel {
	p := stat("The fleet",
		"Clusters: the targets of Prometheus, whether their exporter answers or not. In trouble: no data, no working primary, two primaries, or a replica that is paused, far behind, disconnected, unreachable, foreign or diverged. "+
			"Not synced: did not show the last canary in time, or nothing is known of it; one that is delayed on purpose too.",
		"value", Field{Unit: "locale", Decimals: number(0), Color: object{"mode": "thresholds"}, Thresholds: thresholds("text")},
		now(together(
			called(clusters, "count("+targets+")"),
			called(inTrouble, fmt.Sprintf("count((\n%s\n) >= %d) or vector(0)", everyone.clusterCode(everyone.nodeCode()), codeTrouble)),
			called(nodes, "sum("+replicaCount+")"),
			called(notSynced, "sum("+replicaCount+") - (sum(pg_canary_synced{"+fleet+"}) or vector(0))"),
			called(firing, `count(ALERTS{alertname=~"PgCanary.*", alertstate="firing", `+inFleet+`}) or vector(0)`),
			called(allLost, "round(sum(increase(pg_canary_lost_writes_total{"+fleet+"}[$__range])))"),
		), "{{what}}")).size(24, 4)
	red := thresholds("text", step{1, colorBad})
	p.FieldConfig.Overrides = []Override{
		byName(inTrouble, set("thresholds", red)),
		byName(notSynced, set("thresholds", thresholds("text", step{1, colorWarning}))),
		byName(firing, set("thresholds", red)),
		byName(allLost, set("thresholds", red)),
	}
	return p
}

func clusterTable() Panel {
	// NaN where nothing was observed: without any value a whole column would be gone.
	largest := func(expr string) Target {
		return row(fmt.Sprintf("max by (%s) (\n  %s\n  or %s * NaN\n)", eachCluster, indent(expr), targets))
	}
	url := "/d/" + haUID + "?var-datasource=${datasource}&var-job=${__data.fields.Job:percentencode}" +
		"&var-instance=${__data.fields.Instance:percentencode}&var-cluster=${__data.fields.Of:percentencode}&${__url_time_range}"
	open := []object{set("links", []object{{"title": "Open ${__value.text}", "url": url, "targetBlank": false}})}
	verdictQuery := fmt.Sprintf(`label_replace(
  label_replace(
    max by (%s) (
      %s
      or pg_canary_up{%s} * 0 + %d
    ),
    "of", "%s", "", ""
  ),
  "of", "$1", "cluster", "(.+)"
)`, eachCluster, indent(indent(indent(everyone.clusterCode(everyone.nodeCode())))), fleet, codeSynced, noCluster)
	return table("Clusters, the worst first",
		"One line for each cluster: the worst verdict on its primary and replicas, and the largest lag of any replica, without the delay that is intended. "+
			"Fresh reads is the share of canaries that were visible in time (--probe.synced-within), over the last hour. "+
			"No data for: since when its exporter has not answered, up to a week. A click on a name opens the cluster's own dashboard.",
		Field{Unit: "none", NoValue: "No target of a job whose name begins with pg_canary, and no metric of an exporter", Custom: cells()},
		[]column{
			{"Value #A", "Verdict", append(colored("color-background"), set("mappings", mappings(shortly)), set("custom.align", "left"), set("custom.width", 130))},
			{"cluster", "Cluster", append(slices.Clone(open), set("custom.minWidth", 150))},
			{"instance", "Instance", append(slices.Clone(open), set("custom.minWidth", 150))},
			{"Value #B", "Replicas", nil},
			{"Value #C", "Synced", nil},
			{"Value #D", "Lag", append(colored("color-text"), set("unit", "s"), set("thresholds", lagLimits()))},
			{"Value #E", "Lag bytes", append(colored("color-text"), set("unit", "bytes"), set("thresholds", thresholds("text", step{1 << 30, colorWarning})))},
			{"Value #F", "Data at risk", []object{set("unit", "bytes")}},
			{"Value #G", "Fresh reads", []object{set("unit", "percentunit"), set("decimals", 1)}},
			{"Value #H", "Alerts", append(colored("color-text"), set("thresholds", thresholds("text", step{1, colorBad})))},
			{"Value #I", "No data for", append(colored("color-text"), set("unit", "s"), set("thresholds", thresholds(colorBad)))},
			{"job", "Job", nil},
			{"of", "Of", []object{set("custom.hidden", true), set("custom.hideFrom", object{"viz": true})}}, // 9.4 goes by the one, the newest by the other.
		},
		row(verdictQuery),
		largest(replicaCount),
		largest("sum by ("+eachCluster+") (pg_canary_synced{"+fleet+"} or pg_canary_up{"+fleet+"} * 0)"),
		largest(beyondDelay("pg_canary_lag_seconds{"+fleet+"}", fleet, "")),
		largest("pg_canary_lag_bytes{"+fleet+"}"),
		largest(dataAtRisk(fleet)),
		largest(inTime(fleet, "1h", " by ("+eachCluster+")")),
		largest(`count by (`+eachCluster+`) (ALERTS{alertname=~"PgCanary.*", alertstate="firing", `+fleet+`}) or `+targets+` * 0`),
		largest(`(time() - (`+lastSeen(fleet, "7d:10m")+`) or `+targets+` * 0 + 7 * 86400) and on (`+eachCluster+`) up{`+fleet+`} == 0`),
	).sortedBy("Verdict", "Lag")
}

// shownClusters is how many a timeline has room for.
const shownClusters = 20

func fleetHistory() []Panel {
	byCluster := func(expr string) string {
		return "max by (" + eachCluster + ") (\n  " + indent(expr) + "\n)"
	}
	overRange := func(what, series string) string { return what + "_over_time(" + series + "[$__range] @ end())" }
	fallback := formula{selector: unrecorded, targets: unrecorded}
	atEnd := fallback
	atEnd.at = " @ end()"
	const legend = "{{cluster}} {{instance}}"

	verdict := timeline(fmt.Sprintf("Verdict on the worst %d clusters", shownClusters),
		"The worst verdict on each cluster since the point before: of those clusters with the worst within the range, and of equals those for which it was bad the longest.",
		over(ranked(shownClusters,
			byCluster(worst(recordedVerdicts)+"\nor "+fallback.clusterCode(fallback.nodeCode())),
			byCluster(overRange("max", recordedVerdicts)+"\n+ "+overRange("avg", recordedVerdicts)+" / 1000\nor "+atEnd.clusterCode(atEnd.nodeCode())),
		), legend)).size(24, 12)
	verdict.MaxDataPoints = 200

	worstLag := "cluster:pg_canary_lag_seconds:max{" + fleet + "}"
	lagNow := "pg_canary_lag_seconds{" + unrecorded + "}"
	lag := graph("Lag of the ten worst clusters",
		"The lag of each cluster's worst replica, without the delay that is intended: the highest since the point before. The lines are the limits of the alerts.",
		Field{Unit: "s", Min: limit(0), Thresholds: lagLines(), Custom: object{
			"fillOpacity": 0, "axisSoftMax": 35, "thresholdsStyle": object{"mode": "line"},
		}},
		over(ranked(10,
			byCluster(worst(worstLag)+"\nor "+beyondDelay(worst(lagNow), unrecorded, "")),
			byCluster(overRange("max", worstLag)+"\nor "+beyondDelay(overRange("max", lagNow), unrecorded, " @ end()")),
		), legend)).size(12, 8)

	atRisk := "cluster:pg_canary_data_at_risk_bytes:min{" + fleet + "}"
	risk := graph("Data at risk of the ten worst clusters",
		"The WAL of each cluster that none of its replicas has received, the highest since the point before.",
		Field{Unit: "bytes", Min: limit(0), Custom: object{"fillOpacity": 0, "axisSoftMax": smallWAL}},
		over(ranked(10,
			byCluster(worst(atRisk)+"\nor "+dataAtRisk(unrecorded)),
			byCluster(overRange("max", atRisk)+"\nor "+overRange("max", "pg_canary_lag_bytes{"+unrecorded+"}")),
		), legend)).size(12, 8)

	for _, p := range []*Panel{&lag, &risk} {
		p.MaxDataPoints = 400
	}
	return []Panel{verdict, lag, risk}
}
