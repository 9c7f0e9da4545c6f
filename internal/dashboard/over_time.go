package dashboard

import "fmt"

func overTimePanels() []Panel {
	lag := graph("Lag over time",
		"How long the oldest committed canary that the replica does not show yet has been waiting, without the delay that is intended: the highest since the point before. "+
			"The lines are the limits of the alerts. A gap is a replica that gave no answer.",
		Field{Unit: "s", Min: limit(0), Thresholds: lagLines(), Custom: object{
			"fillOpacity": 0, "axisSoftMax": 35, "thresholdsStyle": object{"mode": "line"},
		}},
		over(perReplica(beyondDelay(worst(ofReplicas("pg_canary_lag_seconds")), replicas, "")), "{{replica}}"),
	).size(12, 8)

	states := timeline("State of each node",
		"The verdict on every node over time: the worst since the point before. A gap is a time without a probe.",
		over(fmt.Sprintf("max by (node) (\n  %s\n  or %s\n)",
			indent(worst("node:pg_canary_verdict:code{"+cluster+"}")),
			indent(formula{selector: cluster, window: "$__rate_interval"}.nodeCode())), "{{node}}")).size(24, 6)
	states.MaxDataPoints = 300
	return []Panel{states, lag, positions(), wal(), catchUp(), stackedLag()}
}

// lagLines are lagLimits as lines: nothing is drawn at zero.
func lagLines() object {
	return thresholds("transparent", step{30, colorWarning}, step{120, colorBad})
}

// thePrimary is the name of the primary's line. Its label sorts after that of the replicas, so that they come first
// in every panel, and each has the same colour in all of them.
const thePrimary = "the primary"

func positions() Panel {
	since := ` - scalar(min(min_over_time(pg_canary_primary_lsn{` + cluster + `}[$__range] @ end())))`
	p := graph("WAL position since the start of the range",
		"How far the WAL was written and, on each replica, replayed, from the first position of the range shown. "+
			"A replica whose line is flat replays nothing.",
		Field{Unit: "bytes", Custom: object{"fillOpacity": 0, "axisSoftMax": smallWAL}},
		over(together(
			perReplica(ofReplicas("pg_canary_replica_replay_lsn"))+since,
			called(thePrimary, `max(pg_canary_primary_lsn{`+cluster+`})`+since),
		), "{{replica}}{{what}}"),
	).size(12, 8)
	p.FieldConfig.Overrides = []Override{byName(thePrimary, set("color", fixedColor("text")), dashed())}
	return p
}

// rateOfWAL is how fast a position moves; one that jumps back, as after a failover, counts as standing still.
func rateOfWAL(metric string) string { return "clamp_min(deriv(" + metric + "[$__rate_interval]), 0)" }

func wal() Panel {
	p := graph("WAL written and replayed per second",
		"A replica whose line stays below the primary's falls behind; one that is behind wins while its line is above.",
		Field{Unit: "Bps", Min: limit(0), NoValue: needsTwo, Custom: object{"fillOpacity": 0, "axisSoftMax": smallWAL}},
		over(together(
			perReplica(rateOfWAL(ofReplicas("pg_canary_replica_replay_lsn"))),
			called(thePrimary, "max("+rateOfWAL("pg_canary_primary_lsn{"+cluster+"}")+")"),
		), "{{replica}}{{what}}"),
	).size(12, 8)
	p.FieldConfig.Overrides = []Override{byName(thePrimary, set("color", fixedColor("text")), dashed())}
	return p
}

// catchUp needs no more than a replica that gains on the primary.
func catchUp() Panel {
	bytes := ofReplicas("pg_canary_lag_bytes")
	return graph("Time to catch up",
		"How long each replica takes to show everything, at its pace of the last two minutes. A gap is a replica that does not win: "+
			"it stands still, or the primary writes faster than it replays.",
		Field{Unit: "s", Min: limit(0), NoValue: needsTwo, Custom: object{"fillOpacity": 0, "axisSoftMax": 1}},
		over(perReplica(`(`+bytes+` and pg_canary_synced{`+replicas+`} == 0)
/ (0 - (deriv(`+bytes+`[2m]) < 0))
or 0 * (pg_canary_synced{`+replicas+`} == 1)`), "{{replica}}"),
	).size(12, 8)
}

func stackedLag() Panel {
	lag := "max by (replica) (pg_canary_lag_bytes{" + replicas + "})"
	missing := "max by (replica) (" + transport(cluster, replicas) + ")"
	p := graph("Lag Bytes of $replica: transport and replay",
		"Where the missing WAL is: transport has not reached the replica's disk yet, replay is there but not applied yet. "+
			"The dashed line is the whole lag, the highest since the point before; it is known even where the parts are not.",
		Field{Unit: "bytes", Min: limit(0), NoValue: "No lag was observed", Custom: object{"fillOpacity": 40, "axisSoftMax": smallWAL, "stacking": object{"mode": "normal", "group": "A"}}},
		over(together(
			called("transport", worstOf(missing)),
			called("replay", worstOf("clamp_min("+lag+"\n- on (replica) "+missing+", 0)")),
			called("lag", "max by (replica) (\n  "+indent(worst("pg_canary_lag_bytes{"+replicas+"}"))+"\n)"),
		), "{{what}}"),
	).size(24, 8)
	p.FieldConfig.Overrides = []Override{
		byName("transport", set("color", fixedColor(colorTransport))),
		byName("replay", set("color", fixedColor(colorReplay))),
		byName("lag", set("color", fixedColor("text")), set("custom.fillOpacity", 0), set("custom.stacking", object{"mode": "none", "group": "B"}), dashed()),
	}
	p.Repeat, p.RepeatDirection, p.MaxPerRow = "replica", "h", 2
	return p
}
