package dashboard

func readerPanels() []Panel {
	p99 := graph("Visibility delay: p99",
		"Of the canaries that were seen, 99 of 100 were visible within this time; one that is not visible yet is not among them. "+
			"The histogram's buckets limit the precision.",
		Field{Unit: "s", Min: limit(0), NoValue: needsTwo, Custom: object{"fillOpacity": 0, "axisSoftMax": 0.01}},
		over(perReplica(quantile("0.99", "pg_canary_visibility_delay_seconds", replicas, "replica")), "{{replica}}"),
	).size(12, 10)
	p99.Interval = "30s"
	return []Panel{
		heatmap(), p99, freshReads(), commits(),
		graph("Data at risk",
			"The WAL that no replica has received: what would be lost if the primary died now. The highest since the point before. "+
				"Taken from the best of all replicas, whatever is chosen above.",
			Field{Unit: "bytes", Min: limit(0), Color: fixedColor(colorTransport), Custom: object{"axisSoftMax": smallWAL}},
			over(worstOf(dataAtRisk(cluster)), "not yet on any replica")).size(24, 7),
	}
}

// heatmap spells each bound one way: Prometheus 3 writes le="1.0" where Prometheus 2 wrote le="1", and a range may have both.
func heatmap() Panel {
	p := panel("heatmap", "Visibility delay",
		"From the acknowledgement of a commit to the first read that shows it: how many canaries took how long. "+
			"One that is not visible yet is drawn when it is, however late; Share of fresh reads counts it at once. Drawn from the classic histogram's buckets, which a Prometheus that keeps native histograms may drop.",
		Field{Unit: "s", NoValue: needsTwo + ", and classic buckets", Custom: object{"scaleDistribution": object{"type": "linear"}, "hideFrom": object{"legend": false, "tooltip": false, "viz": false}}},
		[]Target{{
			Expr: `sum by (le) (
  label_replace(
    sum by (bound) (
      label_replace(
        increase(pg_canary_visibility_delay_seconds_bucket{` + replicas + `}[$__rate_interval]),
        "bound", "$1", "le", "(.+?)(\\.0)?"
      )
    ),
    "le", "$1", "bound", "(.+)"
  )
)`,
			Format: "heatmap", LegendFormat: "{{le}}", Range: true,
		}}).size(12, 10)
	p.Interval = "30s"
	p.Options = object{
		"calculate": false, "cellGap": 1, "cellValues": object{"decimals": 1, "unit": "short"},
		"color":        object{"mode": "scheme", "scheme": "Blues", "scale": "exponential", "exponent": 0.5, "steps": 64, "reverse": false, "fill": "blue"},
		"exemplars":    object{"color": "rgba(255,0,255,0.7)"},
		"filterValues": object{"le": 1e-9}, "legend": object{"show": true}, "rowsFrame": object{"layout": "auto"},
		"showValue": "never", "tooltip": object{"show": true, "yHistogram": false, "mode": "single"},
		"yAxis": object{"axisPlacement": "left", "reverse": false, "unit": "s"},
	}
	return p
}

func freshReads() Panel {
	p := graph("Share of fresh reads",
		"The share of canaries that a replica shows 1 ms, 10 ms and 1 s after their commit, and in time (--probe.synced-within). "+
			"It is the share of all that were committed: one that was never seen, or of which nothing is known, counts as not fresh. So the share grows with the time.",
		Field{Unit: "percentunit", Min: limit(0), Max: limit(1), NoValue: needsTwo, Custom: object{"fillOpacity": 0, "lineWidth": 2}},
		over(together(
			called("after 1 ms", freshWithin("0.001", replicas, "$__rate_interval")),
			called("after 10 ms", freshWithin("0.01", replicas, "$__rate_interval")),
			called("in time", inTime(replicas, "$__rate_interval", "")),
			called("after 1 s", freshWithin("1", replicas, "$__rate_interval")),
		), "{{what}}"),
	).size(12, 8)
	p.Interval = "30s"
	p.FieldConfig.Overrides = []Override{
		byName("after 1 ms", set("color", fixedColor("light-blue"))), byName("after 10 ms", set("color", fixedColor("blue"))),
		byName("in time", set("color", fixedColor("green"))), byName("after 1 s", set("color", fixedColor("purple"))),
	}
	return p
}

func commits() Panel {
	const metric = "pg_canary_commit_duration_seconds"
	p := graph("Commit latency",
		"From sending a canary write to the acknowledgement of its commit, as an application's commit takes: half were within p50, 99 of 100 within p99. "+
			"A write that failed is not among them. The histogram's buckets limit the precision.",
		Field{Unit: "s", Min: limit(0), NoValue: needsTwo, Custom: object{"fillOpacity": 0, "axisSoftMax": 0.01}},
		over(together(
			called("p50", quantile("0.5", metric, cluster, "instance")),
			called("p99", quantile("0.99", metric, cluster, "instance")),
		), "{{what}}")).size(12, 8)
	p.Interval = "30s"
	p.FieldConfig.Overrides = []Override{
		byName("p50", set("color", fixedColor("blue"))), byName("p99", set("color", fixedColor("purple"))),
	}
	return p
}
