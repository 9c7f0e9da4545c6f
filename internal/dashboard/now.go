package dashboard

import (
	"fmt"
	"strings"
)

// chosen is the verdict on the chosen cluster.
var chosen = formula{selector: cluster, targets: cluster}

// bannerQuery is the worst verdict on the chosen cluster: that on one of its nodes, or on the whole cluster. Of two
// primaries it names each.
func bannerQuery() string {
	return fmt.Sprintf(`label_replace(
  (
    topk(1, max by (node) (
      (
        %[3]s
      ) > %[4]d
      or %[5]s
      or %[6]s
      or pg_canary_up{%[1]s} * 0 + %[2]d
    ))
    unless on () pg_canary_primaries{%[1]s} > 1
  )
  or max by (node) (
    (pg_canary_node_is_primary{%[1]s} == 1) * %[7]d
    and on (%[8]s) pg_canary_primaries{%[1]s} > 1
  ),
  "node", "the whole cluster", "node", ""
)`, cluster, codeSynced, chosen.nodeCode(), codeCalm, chosen.primaryCode(), chosen.noData(), codeTwoPrimaries, eachCluster)
}

// cardQuery is the verdict on each replica, or the one on the primary where that is why nothing is known of a replica.
func cardQuery() string {
	codes := fmt.Sprintf("max by (node) (\n  (\n    %s\n  ) != %d\n)", strings.ReplaceAll(chosen.nodeCode(), "\n", "\n    "), codePrimary)
	because := fmt.Sprintf("((%s) == %d) * 0 + on () group_left () max(\n%s\n)", codes, codeUnknown, chosen.primaryCode())
	return fmt.Sprintf("max by (node) (\n  %s\n  or %s\n)", indent(codes), indent(called("because", because)))
}

func nowPanels() []Panel {
	banner := stat("$cluster $instance",
		"The worst that can be said of the cluster now, and of which node. Below it are the alerts.",
		"background", Field{
			Unit: "none", Color: object{"mode": "thresholds"}, Thresholds: thresholds(colorMissing), Mappings: mappings(inWords),
			NoValue: "Prometheus has no target with this job, instance and cluster",
		},
		now(bannerQuery(), "{{node}}"),
		now(`1000 * max(max_over_time(timestamp(up{`+cluster+`} == 1)[30d:5m])) and on () max(up{`+cluster+`}) == 0`, "last data"),
	).size(24, 4)
	banner.Options["textMode"] = "value_and_name"
	banner.Options["text"] = object{}
	banner.Transformations = shortNames(20)
	banner.FieldConfig.Overrides = []Override{
		byQuery("B", set("unit", "dateTimeFromNow"), set("mappings", []object{}), set("color", fixedColor(colorBad))),
	}
	return append([]Panel{banner, alertTable(cluster, "replica", "node").size(24, 5)}, card()...)
}

// card has the fields that everybody asks for first.
func card() []Panel {
	neutral := Field{Unit: "locale", Decimals: number(0), Color: fixedColor("text"), Mappings: []object{notObserved("unknown")}}
	primaryLSN := `max(pg_canary_primary_lsn{` + cluster + `})`
	replicaLSN := perReplica(ofReplicas("pg_canary_replica_replay_lsn"))
	synced := stat("Synced or lagging",
		"Synced: the canary that was just committed could be read from the replica in time (--probe.synced-within, 100 ms by default). "+
			"Otherwise what holds the replica back, or what is wrong with it or the primary.",
		"background", Field{Unit: "none", Color: object{"mode": "thresholds"}, Thresholds: thresholds(colorMissing), Mappings: mappings(onACard)},
		now(cardQuery(), "{{node}}")).size(9, 4)
	synced.Options["text"] = object{"titleSize": nameSize, "valueSize": 20}
	panels := []Panel{
		synced,
		stat("Primary value", "The value that the last probe committed on the primary. It only ever grows.",
			"value", neutral, now(`max(pg_canary_primary_capacity{`+cluster+`})`, "primary")).size(5, 4),
		stat("Replica value",
			"The value that the deciding read showed: the first that showed the new value, or the last that did not. "+
				"On a synced replica it is at least the primary value.",
			"value", neutral, now(perReplica(ofReplicas("pg_canary_replica_capacity")), "{{replica}}")).size(5, 4),
		stat("Lag",
			"How long the oldest committed canary that the replica does not show yet has been waiting; "+
				"on a synced replica, the time until the newest one was visible. Without the delay that is intended (recovery_min_apply_delay). "+
				"Orange from 30 s and red from 120 s, like the alerts.",
			"value", Field{
				Unit: "s", Color: object{"mode": "thresholds"}, Mappings: []object{notObserved("unknown")}, Thresholds: lagLimits(),
			},
			now(perReplica(beyondDelay(ofReplicas("pg_canary_lag_seconds"), replicas, "")), "{{replica}}")).size(5, 4),
	}
	panels = append(panels, lsn("Primary LSN", "The primary's WAL position right after the canary commit.", now(primaryLSN, ""), 7)...)
	panels = append(panels, lsn("Replica LSN", "The last WAL position that the replica had replayed at the first read.", now(replicaLSN, "{{replica}}"), 10)...)
	return append(panels, stat("Lag Bytes",
		"Primary LSN minus replica LSN at the first read. A few hundred bytes are the canary's own commit, still on its way. "+
			"Orange from 1 GiB, like the alert.",
		"value", Field{
			Unit: "bytes", Color: object{"mode": "thresholds"}, Mappings: []object{notObserved("unknown")},
			Thresholds: thresholds("text", step{1 << 30, colorWarning}),
		},
		now(perReplica(ofReplicas("pg_canary_lag_bytes")), "{{replica}}")).size(7, 4))
}

// lsn are two panels, side by side and without a frame: a position as PostgreSQL writes it, the part before the slash and
// the one after it. No unit of Grafana has the slash.
func lsn(title, description string, position Target, width int) []Panel {
	const note = " As PostgreSQL writes it: 2A and, beside it, 3000148 is 2A/3000148."
	field := Field{Unit: "hex", Decimals: number(0), Color: fixedColor("text"), Mappings: []object{notObserved("–")}}
	high := stat(title, description+note, "value", field, now("floor(("+position.Expr+") / 2^32)", position.LegendFormat)).size(3, 4)
	low := stat("/", description+note, "value", field, now("("+position.Expr+") % 2^32", position.LegendFormat)).size(width-3, 4)
	for _, p := range []*Panel{&high, &low} {
		p.Transparent = true
		p.Options["text"] = object{"titleSize": nameSize, "valueSize": 18} // Eight digits for each of three replicas.
	}
	return []Panel{high, low}
}

// lagLimits are those of the alerts on lag.
func lagLimits() object {
	return thresholds("text", step{30, colorWarning}, step{120, colorBad})
}
