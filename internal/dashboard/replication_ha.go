package dashboard

import "fmt"

// replicationHA tells the story of one cluster.
func replicationHA() Dashboard {
	return Dashboard{
		UID:   haUID,
		Title: "Replication & HA",
		Description: "One PostgreSQL cluster as an application sees it: a canary value is written on the primary and read " +
			"back from every replica, at every scrape of pg_canary_exporter.",
		Tags:          []string{"pg_canary", "postgresql", "replication"},
		SchemaVersion: schemaVersion, Editable: true, GraphTooltip: 1, Refresh: "10s",
		Time: TimeRange{From: "now-30m", To: "now"},
		Links: []object{
			link("Replication fleet", "dashboard", "/d/"+fleetUID+"?var-datasource=${datasource}", false),
			link("Alert rules", "bolt", "/alerting/list?search=PgCanary", false),
			link("Runbooks", "doc", runbooks, true),
		},
		Annotations: objectList{List: []object{
			annotation("Primary changed", "blue",
				`increase(pg_canary_primary_changes_total{`+cluster+`}[$__rate_interval]) > bool 0`,
				"Primary changed", "Another server took over as primary"),
			annotation("Alert fired", "red",
				alertFired(clusterOrMissing),
				"{{alertname}}", "{{severity}} {{replica}}{{node}}"),
		}},
		Templating: objectList{List: []object{
			datasourceVariable(),
			labelVariable("job", "Job", "The scrape job of the exporter",
				"label_values(pg_canary_up, job)", false),
			labelVariable("instance", "Instance", "The cluster: an exporter, or a target of its /probe",
				`label_values(pg_canary_up{job="$job"}, instance)`, false),
			labelVariable("replica", "Replica", "The replicas shown",
				`label_values(pg_canary_reads_total{`+cluster+`}, replica)`, true),
		}},
		Panels: arrange([]section{
			{"Now", nowPanels()},
			{"Lag", lagPanels()},
			{"What a reader sees", readerPanels()},
			{"What a writer sees", writerPanels()},
			{"Replicas", replicaPanels()},
			{"Alerts and the probe itself", operationPanels()},
		}),
	}
}

func nowPanels() []Panel {
	synced := []object{
		{"type": "value", "options": object{
			"1": object{"text": "Synced", "color": colorCalm, "index": 0},
			"0": object{"text": "Lagging", "color": colorWarning, "index": 1},
		}},
		notObserved("Unknown"),
	}
	neutral := Field{Unit: "locale", Decimals: number(0), Color: fixedColor("text"), Mappings: []object{notObserved("unknown")}}
	lsn := neutral
	lsn.Unit = "hex"
	const lsnNote = " In hexadecimal like PostgreSQL's own pg_lsn, without its slash: 2A03000148 is 2A/3000148."
	return []Panel{
		stat("Synced / Lagging",
			"Synced: the canary that was just committed could be read from the replica in time (--probe.synced-within, 100 ms by default).",
			"background", Field{Unit: "none", Color: object{"mode": "thresholds"}, Thresholds: thresholds(colorMissing), Mappings: synced},
			now(perReplica("pg_canary_synced"), "{{replica}}")).size(6, 4),
		stat("Primary value", "The value that the last probe committed on the primary. It only ever grows.",
			"value", neutral,
			now(`max(pg_canary_primary_capacity{`+cluster+`})`, "primary")).size(6, 4),
		stat("Replica value",
			"The value that the deciding read showed: the first that showed the new value, or the last that did not. "+
				"On a synced replica it is at least the primary value.",
			"value", neutral, now(perReplica("pg_canary_replica_capacity"), "{{replica}}")).size(6, 4),
		stat("State",
			"The exporter's verdict on each replica: for one that is behind, what holds it back. Beside it, what is wrong with the primary, if anything.",
			"background", Field{Unit: "none", Color: object{"mode": "thresholds"}, Thresholds: thresholds(colorMissing), Mappings: verdictMappings(), NoValue: "unknown"},
			now("max by (replica) ("+stateCode(cluster, replicas)+")", "{{replica}}"),
			now("max("+primaryCode(cluster)+")", "primary")).size(6, 4),
		stat("Lag time",
			"How long the oldest committed canary that the replica does not show yet has been waiting; "+
				"on a synced replica, the time until the newest one was visible. Amber from 30 s and red from 120 s, like the alerts.",
			"value", Field{
				Unit: "s", Color: object{"mode": "thresholds"}, Mappings: []object{notObserved("unknown")},
				Thresholds: thresholds("text", step{30, colorWarning}, step{120, colorBad}),
			},
			now(perReplica("pg_canary_lag_seconds"), "{{replica}}")).size(6, 4),
		stat("Primary LSN", "The primary's WAL position right after the canary commit."+lsnNote,
			"value", lsn, now(`max(pg_canary_primary_lsn{`+cluster+`})`, "primary")).size(6, 4),
		stat("Replica LSN", "The last WAL position that the replica had replayed at the first read."+lsnNote,
			"value", lsn, now(perReplica("pg_canary_replica_replay_lsn"), "{{replica}}")).size(6, 4),
		stat("Lag Bytes",
			"Primary LSN minus replica LSN at the first read. A few hundred bytes are the canary's own commit, still on its way. "+
				"Amber from 1 GiB, like the alert.",
			"value", Field{
				Unit: "bytes", Color: object{"mode": "thresholds"}, Mappings: []object{notObserved("unknown")},
				Thresholds: thresholds("text", step{1 << 30, colorWarning}),
			},
			now(perReplica("pg_canary_lag_bytes"), "{{replica}}")).size(6, 4),
	}
}

func lagPanels() []Panel {
	stacked := graph("Lag Bytes of $replica: transport and replay",
		"Where the missing WAL is: transport has not reached the replica's disk yet, replay is there but not applied yet. "+
			"The dashed line is the whole lag, which is known even where the parts are not.",
		Field{Unit: "bytes", Min: limit(0), NoValue: "No lag was observed", Custom: object{"fillOpacity": 40, "axisSoftMax": smallWAL, "stacking": object{"mode": "normal", "group": "A"}}},
		over(transport, "transport"), over(replay, "replay"),
		over(`max by (replica) (pg_canary_lag_bytes{`+replicas+`})`, "lag"),
	).size(24, 8)
	stacked.FieldConfig.Overrides = []Override{
		byQuery("A", set("color", fixedColor(colorTransport))),
		byQuery("B", set("color", fixedColor(colorReplay))),
		byQuery("C", set("color", fixedColor("text")), set("custom.fillOpacity", 0),
			set("custom.stacking", object{"mode": "none", "group": "B"}),
			dashed()),
	}
	stacked.Repeat, stacked.RepeatDirection, stacked.MaxPerRow = "replica", "h", 4

	// Absolute positions differ in their last digits only, so an axis of them
	// would show the same label at every tick.
	const since = ` - scalar(min(min_over_time(pg_canary_primary_lsn{` + cluster + `}[$__range] @ end())))`
	positions := graph("LSN of primary and replicas",
		"WAL positions, counted from the primary's first one in the range shown. "+
			"Lines that move apart are lag; a flat line beside a rising one is a replica that makes no progress.",
		Field{Unit: "bytes", Custom: object{"fillOpacity": 0, "axisSoftMax": smallWAL}},
		over(`max by (replica) (pg_canary_replica_replay_lsn{`+replicas+`})`+since, "{{replica}}"),
		over(`max(pg_canary_primary_lsn{`+cluster+`})`+since, "primary"),
	).size(12, 8)
	positions.FieldConfig.Overrides = []Override{
		byQuery("B", set("color", fixedColor("text")), dashed()),
	}

	return []Panel{
		positions,
		graph("Lag time",
			"How long the oldest committed canary that the replica does not show yet has been waiting. "+
				"The scale is logarithmic: a healthy replica is within milliseconds. A gap is a replica that gave no answer.",
			Field{Unit: "s", Custom: logScale()},
			over(`max by (replica) (pg_canary_lag_seconds{`+replicas+`})`, "{{replica}}"),
		).size(12, 8),
		stacked,
	}
}

func readerPanels() []Panel {
	heatmap := panel("heatmap", "Visibility delay",
		"From the acknowledgement of a commit to the first read that shows it: how many canaries took how long. "+
			"One that is not visible yet is drawn when it is, however late; Share of fresh reads counts it at once. Drawn from the classic histogram's buckets, which a Prometheus that keeps native histograms may drop.",
		Field{Unit: "s", NoValue: "No classic buckets", Custom: object{"scaleDistribution": object{"type": "linear"}, "hideFrom": object{"legend": false, "tooltip": false, "viz": false}}},
		[]Target{{
			Expr:   `sum by (le) (increase(pg_canary_visibility_delay_seconds_bucket{` + replicas + `}[$__rate_interval]))`,
			Format: "heatmap", LegendFormat: "{{le}}", Range: true,
		}}).size(12, 10)
	heatmap.Interval = "30s"
	heatmap.Options = object{
		"calculate": false, "cellGap": 1, "cellValues": object{"decimals": 1, "unit": "short"},
		"color":        object{"mode": "scheme", "scheme": "Blues", "scale": "exponential", "exponent": 0.5, "steps": 64, "reverse": false, "fill": "blue"},
		"exemplars":    object{"color": "rgba(255,0,255,0.7)"},
		"filterValues": object{"le": 1e-9}, "legend": object{"show": true}, "rowsFrame": object{"layout": "auto"},
		"showValue": "never", "tooltip": object{"show": true, "yHistogram": false, "mode": "single"},
		"yAxis": object{"axisPlacement": "left", "reverse": false, "unit": "s"},
	}

	quantiles := graph("Visibility delay: p50 and p99",
		"Of the canaries that were seen, half were visible within p50, 99 of 100 within p99; one that is not visible yet is not among them. "+
			"The histogram's buckets limit the precision.",
		Field{Unit: "s", Custom: logScale()},
		over(quantiles("pg_canary_visibility_delay_seconds", replicas, "replica"), "{{quantile}} {{replica}}"),
	).size(12, 10)
	quantiles.Interval = "30s"

	fresh := graph("Share of fresh reads",
		"The share of canaries that a read shows right after their commit, 1 ms, 10 ms and 1 s later, and in time (--probe.synced-within). "+
			"It is the share of all that were committed: one that was never seen, or of which nothing is known, counts as not fresh. "+
			"Right after its commit, a replica without synchronous_commit = remote_apply is nearly always stale.",
		Field{Unit: "percentunit", Min: limit(0), Max: limit(1), Custom: object{"fillOpacity": 0, "lineWidth": 2}},
		over(`1 - sum (rate(pg_canary_stale_reads_total{`+replicas+`}[$__rate_interval])) / sum (rate(pg_canary_reads_total{`+replicas+`}[$__rate_interval]))`, "at once"),
		over(freshWithin("0.001", replicas, "$__rate_interval"), "after 1 ms"),
		over(freshWithin("0.01", replicas, "$__rate_interval"), "after 10 ms"),
		over(inTime(replicas, "$__rate_interval", ""), "in time"),
		over(freshWithin("1", replicas, "$__rate_interval"), "after 1 s"),
	).size(12, 8)
	fresh.Interval = "30s"
	for refID, color := range []string{colorMissing, "light-blue", "blue", "green", "purple"} {
		fresh.FieldConfig.Overrides = append(fresh.FieldConfig.Overrides, byQuery(string(rune('A'+refID)), set("color", fixedColor(color))))
	}

	return []Panel{
		heatmap, quantiles, fresh,
		graph("Data at risk",
			"The WAL that no replica has received: what would be lost if the primary died now. "+
				"Taken from the best of all replicas, whatever is chosen above.",
			Field{Unit: "bytes", Min: limit(0), Color: fixedColor("orange"), Custom: object{"axisSoftMax": smallWAL}},
			over(dataAtRisk(cluster), "not yet on any replica")).size(12, 8),
	}
}

func replicaPanels() []Panel {
	states := timeline("State of each node",
		"The verdict on every replica over time, and which node was the primary. A gap is a time without a probe.",
		over(`max by (node) (
  (pg_canary_node_is_primary{`+cluster+`} == 1) * `+fmt.Sprint(codePrimary)+`
  or label_replace(`+stateCode(cluster, replicas)+`, "node", "$1", "replica", "(.+)")
)`, "{{node}}")).size(24, 6)

	perReplicaRow := func(metric string) Target { return row(perReplica(metric)) }
	list := table("Replicas", "What the last probe saw of each replica. A dash stands for what it did not see.",
		Field{Unit: "none", Custom: cells()},
		[]column{
			{"replica", "Replica", []object{set("custom.minWidth", 160)}},
			{"Value #A", "State", append(colored("color-background"), set("mappings", verdictMappings()), set("custom.align", "left"))},
			{"Value #B", "Value", []object{set("unit", "locale")}},
			{"Value #C", "Replayed LSN", []object{set("unit", "hex"), set("decimals", 0)}},
			{"Value #D", "Received LSN", []object{set("unit", "hex"), set("decimals", 0)}},
			{"Value #E", "Lag bytes", []object{set("unit", "bytes")}},
			{"Value #F", "Lag", []object{set("unit", "s")}},
			{"Value #G", "Intended delay", []object{set("unit", "s")}},
			{"Value #H", "Timeline", nil},
			{"Value #I", "Read took", []object{set("unit", "s")}},
			{"Value #J", "Backward", []object{set("unit", "locale"), set("decimals", 0)}},
		},
		row("max by (replica) ("+stateCode(cluster, replicas)+")"),
		perReplicaRow("pg_canary_replica_capacity"),
		perReplicaRow("pg_canary_replica_replay_lsn"),
		perReplicaRow("pg_canary_replica_receive_lsn"),
		perReplicaRow("pg_canary_lag_bytes"),
		perReplicaRow("pg_canary_lag_seconds"),
		perReplicaRow("pg_canary_replica_apply_delay_seconds"),
		perReplicaRow("pg_canary_replica_timeline"),
		perReplicaRow("pg_canary_replica_read_duration_seconds"),
		row(`sum by (replica) (increase(pg_canary_backward_reads_total{`+replicas+`}[$__range]))
and on (replica) pg_canary_replica_state{`+replicas+`}`),
	).sortedBy("State", "Lag").size(24, 7)
	return []Panel{states, list}
}

func operationPanels() []Panel {
	failures := graph("Failures by reason",
		"Failed operations on the nodes by what PostgreSQL or the network answered.",
		Field{
			Unit: "short", Decimals: number(0), Min: limit(0), NoValue: "No operation failed", Color: fixedColor("purple"),
			Custom: object{"drawStyle": "bars", "fillOpacity": 60, "stacking": object{"mode": "normal", "group": "A"}},
		},
		over(`sum by (node, reason) (increase(pg_canary_failures_total{`+cluster+`}[$__rate_interval])) > 0`, "{{node}}: {{reason}}"),
	).size(12, 8)
	failures.Interval = "30s"
	failures.FieldConfig.Overrides = []Override{
		byRegexp(".*: (connect|dns|tls|starting_up|shutting_down)", set("color", fixedColor(colorBad))),
		byRegexp(".*: (timeout|lock_timeout|sync_wait|conflict|too_many_connections|disk_full)", set("color", fixedColor(colorWarning))),
		byRegexp(".*: (auth|permission|missing_table|read_only|not_written|pooler|foreign)", set("color", fixedColor(colorReplay))),
	}
	duration := graph("Duration of the probe",
		"The whole probe, its write on the primary and the first read of each replica. "+
			"The probe waits up to a second (--probe.wait) for a replica that is behind.",
		Field{Unit: "s", Custom: logScale()},
		over(`max by (replica) (pg_canary_replica_read_duration_seconds{`+replicas+`})`, "read {{replica}}"),
		over(`max(pg_canary_write_duration_seconds{`+cluster+`})`, "write"),
		over(`max(pg_canary_probe_duration_seconds{`+cluster+`})`, "probe"),
	).size(24, 8)
	duration.FieldConfig.Overrides = []Override{
		byQuery("B", set("color", fixedColor(colorInfo))),
		byQuery("C", set("color", fixedColor("text"))),
	}
	return []Panel{
		alertTable(clusterOrMissing, "replica", "node").size(12, 8),
		failures,
		duration,
	}
}
