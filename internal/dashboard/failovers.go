package dashboard

import "fmt"

func failoverPanels() []Panel {
	took := tookOver(cluster)
	leads := `pg_canary_node_is_primary{` + cluster + `} * pg_canary_node_up{` + cluster + `} == 1`
	to := fmt.Sprintf(`label_replace(
  topk by (%[1]s) (1, %[2]s unless on (%[1]s, node) label_replace(pg_canary_replica_state{%[3]s, state="diverged"} == 1, "node", "$1", "replica", "(.+)")),
  "to", "$1", "node", "(.+)"
)`, eachCluster, leads, cluster)
	from := fmt.Sprintf(`label_replace(
  topk by (%[1]s) (1, max_over_time(timestamp(%[2]s)[1h:10s] offset $__interval)),
  "from", "$1", "node", "(.+)"
)`, eachCluster, leads)
	since := func(metric string) string {
		series := metric + "{" + cluster + "}"
		return fmt.Sprintf("max(%s - min_over_time(%s[1h])\nand on (%s) %s)", series, series, eachCluster, took)
	}
	story := fmt.Sprintf(`max by (from, to) (
  %[2]s
  * on (%[1]s) group_left () pg_canary_primary_timeline{%[4]s}
  * on (%[1]s) group_left (from) (%[3]s * 0 + 1)
  and on (%[1]s) %[5]s
)`, eachCluster, indent(to), indent(from), cluster, took)

	events := func(expr string) Target { return Target{Expr: expr, Format: "table", Range: true} }
	p := table("Failovers in the range shown",
		"One line for each time another server took over: from which node to which, on which timeline, how long nobody could write in the hour up to then, "+
			"and how many acknowledged canaries turned out to be lost by then. Over a long range several within one step are one line.",
		Field{Unit: "none", NoValue: "No other server took over in the range shown", Custom: cells()},
		[]column{
			{"Time", "When", []object{set("custom.width", 190)}},
			{"from", "From", nil},
			{"to", "To", nil},
			{"Value #A", "Timeline", nil},
			{"Value #B", "Nobody could write for", []object{set("unit", "s"), set("decimals", 1)}},
			{"Value #C", "Writes lost", append(colored("color-text"), set("thresholds", thresholds("text", step{1, colorBad})))},
		},
		events(story), events(since("pg_canary_write_outage_seconds_total")), events(since("pg_canary_lost_writes_total")),
	).sortedBy("When").size(24, 6)
	p.Transformations[1]["options"].(object)["excludeByName"] = object{}
	return []Panel{p}
}
