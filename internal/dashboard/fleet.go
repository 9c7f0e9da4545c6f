package dashboard

import "fmt"

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
			link("Alert rules", "bolt", "/alerting/list?search=PgCanary", false),
			link("Runbooks", "doc", runbooks, true),
		},
		Annotations: objectList{List: []object{
			annotation("Primary changed", "blue",
				`increase(pg_canary_primary_changes_total{`+fleet+`}[$__rate_interval]) > bool 0`,
				"Primary changed", "Another server of {{instance}} took over as primary"),
			annotation("Alert fired", "red",
				alertFired(fleetOrMissing),
				"{{alertname}}", "{{severity}} {{instance}} {{replica}}{{node}}"),
		}},
		Templating: objectList{List: []object{
			datasourceVariable(),
			labelVariable("job", "Job", "The scrape jobs of the exporters", "label_values(pg_canary_up, job)", true),
		}},
		Panels: arrange([]section{
			{"Now", fleetNow()},
			{"Clusters", []Panel{clusterTable().size(24, 10)}},
			{"History", fleetHistory()},
		}),
	}
}

func fleetNow() []Panel {
	count := func(title, description, color, expr string) Panel {
		limits := thresholds("text")
		if color != "" {
			limits = thresholds("text", step{1, color})
		}
		return stat(title, description, "value",
			Field{Unit: "locale", Decimals: number(0), Color: object{"mode": "thresholds"}, Thresholds: limits},
			now(expr, title)).size(4, 4)
	}
	return []Panel{
		count("Clusters", "Clusters that were probed within the range shown.", "",
			"count(max by ("+eachCluster+") (last_over_time(pg_canary_up{"+fleet+"}[$__range])))"),
		count("Clusters in trouble",
			"Clusters with no probe, no working primary, two primaries, or a replica that is disconnected, unreachable, foreign or diverged.",
			colorBad, fmt.Sprintf("count((\n%s\n) >= %d) or vector(0)", clusterCode(), codeOf("disconnected"))),
		count("Replicas", "Nodes beside the primary that are configured, whether they answer or not.", "",
			"sum("+replicaCount+")"),
		count("Replicas not synced",
			"Nodes beside the primary that did not show the last canary in time, did not answer, are no replica, or about which nothing could be said.",
			colorWarning, "sum("+replicaCount+") - sum(pg_canary_synced{"+fleet+"} or vector(0))"),
		count("Firing alerts", "Alerts of pg_canary_exporter that are firing.", colorBad,
			`count(ALERTS{alertname=~"PgCanary.*", alertstate="firing", `+fleetOrMissing+`}) or vector(0)`),
		count("Lost writes", "Acknowledged canary commits that no server that takes writes had any more, within the range shown: a measure of the data that a failover lost.",
			colorBad, "round(sum(increase(pg_canary_lost_writes_total{"+fleet+"}[$__range])))"),
	}
}

func clusterTable() Panel {
	// NaN where nothing was observed: without any value a whole column would be gone.
	largest := func(expr string) Target {
		return row(fmt.Sprintf("max by (%s) (%s or pg_canary_up{%s} * NaN)", eachCluster, expr, fleet))
	}
	url := "/d/" + haUID + "?var-datasource=${datasource}&var-job=${__data.fields.Job:percentencode}" +
		"&var-instance=${__data.fields.Instance:percentencode}&${__url_time_range}"
	open := []object{set("links", []object{{"title": "Open ${__value.text}", "url": url, "targetBlank": false}})}
	return table("Clusters, the worst first",
		"One line for each cluster: the worst verdict on its primary and replicas, and the largest lag of any replica. "+
			"Fresh reads is the share of canaries that were visible in time (--probe.synced-within), over the range shown. "+
			"A click on a name opens the cluster's own dashboard.",
		Field{Unit: "none", Custom: cells()},
		[]column{
			{"Value #A", "Verdict", append(colored("color-background"), set("mappings", verdictMappings()), set("custom.align", "left"), set("custom.width", 140))},
			{"cluster", "Cluster", open},
			{"instance", "Instance", open},
			{"Value #B", "Replicas", nil},
			{"Value #C", "Synced", nil},
			{"Value #D", "Lag", append(colored("color-text"), set("unit", "s"), set("thresholds", thresholds("text", step{30, colorWarning}, step{120, colorBad})))},
			{"Value #E", "Lag bytes", append(colored("color-text"), set("unit", "bytes"), set("thresholds", thresholds("text", step{1 << 30, colorWarning})))},
			{"Value #F", "Data at risk", []object{set("unit", "bytes")}},
			{"Value #G", "Fresh reads", []object{set("unit", "percentunit"), set("decimals", 1)}},
			{"Value #H", "Firing alerts", append(colored("color-text"), set("thresholds", thresholds("text", step{1, colorBad})))},
			{"job", "Job", nil},
		},
		row(clusterCode()),
		row(replicaCount),
		row("sum by ("+eachCluster+") (pg_canary_synced{"+fleet+"} or pg_canary_up{"+fleet+"} * 0)"),
		largest("pg_canary_lag_seconds{"+fleet+"}"),
		largest("pg_canary_lag_bytes{"+fleet+"}"),
		largest(dataAtRisk(fleet)),
		largest(inTime(fleet, "$__range", " by ("+eachCluster+")")),
		row(`count by (`+eachCluster+`) (ALERTS{alertname=~"PgCanary.*", alertstate="firing", `+fleet+`})
or max by (`+eachCluster+`) (pg_canary_up{`+fleet+`}) * 0`),
	).sortedBy("Verdict", "Lag")
}

func fleetHistory() []Panel {
	lag := graph("Lag of the ten worst clusters",
		"The lag of each cluster's worst replica. The scale is logarithmic.",
		Field{Unit: "s", Custom: logScale()},
		over("topk(10, max by ("+eachCluster+") (pg_canary_lag_seconds{"+fleet+"}))", "{{cluster}} {{instance}}")).size(12, 8)
	return []Panel{
		timeline("Verdict on each cluster", "The worst verdict on each cluster over time.",
			over(clusterCode(), "{{cluster}} {{instance}}")).size(24, 6),
		lag,
		graph("Data at risk of the ten worst clusters",
			"The WAL of each cluster that none of its replicas has received.",
			Field{Unit: "bytes", Min: limit(0), Custom: object{"fillOpacity": 0, "axisSoftMax": smallWAL}},
			over("topk(10, "+dataAtRisk(fleet)+")", "{{cluster}} {{instance}}")).size(12, 8),
		alertTable(fleetOrMissing, "cluster", "instance", "replica", "node").size(24, 8),
	}
}
