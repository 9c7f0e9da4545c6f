package dashboard

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
		"The first read of each replica, the write on the primary and the whole probe: the longest since the point before. "+
			"The probe waits up to a second (--probe.wait) for a replica that is behind.",
		Field{Unit: "s", Min: limit(0), Custom: object{"fillOpacity": 0, "axisSoftMax": 0.01}},
		over(together(
			perReplica(worst(ofReplicas("pg_canary_replica_read_duration_seconds"))),
			called("the write", "max(\n  "+indent(worst("pg_canary_write_duration_seconds{"+cluster+"}"))+"\n)"),
			called("the whole probe", "max(\n  "+indent(worst("pg_canary_probe_duration_seconds{"+cluster+"}"))+"\n)"),
		), "{{replica}}{{what}}"),
	).size(12, 8)
	duration.FieldConfig.Overrides = []Override{
		byName("the write", set("color", fixedColor(colorPrimary))),
		byName("the whole probe", set("color", fixedColor("text")), dashed()),
	}
	return []Panel{failures, duration}
}
