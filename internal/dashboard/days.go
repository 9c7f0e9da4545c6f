package dashboard

import "fmt"

// The outages of the chosen cluster: how many, and how long they were in all.
const (
	outages       = `pg_canary_write_outages_total{` + cluster + `}`
	outageSeconds = `pg_canary_write_outage_seconds_total{` + cluster + `}`
)

// These say of the last 30 days, or of as much of them as Prometheus has, what the rules of
// the group pg-canary-writes record, which explain the formulas. They do not need the rules.
const (
	// writable is the share of the time watched in which somebody could write. It is rounded
	// down, so that 100% means all of it.
	writable = `floor(1e5 * clamp_min(
  1 - sum(increase(` + outageSeconds + `[30d])) / (60 * sum(count_over_time(` + outageSeconds + `[30d:1m]))), 0
)) / 1e5`

	// meanOutage and lastOutage are NaN where there was none.
	meanOutage = `(sum(increase(` + outageSeconds + `[30d])) > 0) / clamp_min(sum(increase(` + outages + `[30d])), 1)
` + none

	lastOutage = `max(
  last_over_time((` + outageSeconds + ` > 0)[30d:1m])
  - (
    last_over_time((
      ` + outageSeconds + `
      and (` + outages + ` > 0) < last_over_time((` + outages + ` > 0)[30d:1m] @ end())
    )[30d:1m])
    or min_over_time(` + outageSeconds + `[30d])
  ) > 0
  and increase(` + outageSeconds + `[30d]) > 0
)
` + none

	// lastOutageSeen is the last minute of it, in milliseconds since 1970.
	lastOutageSeen = `1000 * max(max_over_time(timestamp(` + outageSeconds + ` > ` + outageSeconds + ` offset 1m)[30d:1m]))`

	none = `or max(pg_canary_up{` + cluster + `}) * NaN`
)

func daysPanels() []Panel {
	return []Panel{dayPanel(), monthPanel(), nodeTable()}
}

// A number of several, each with a name, a unit and a color of its own.
const (
	outagesOfDay = "Outages"
	unwritable   = "Nobody could write for"
	lost         = "Writes lost"
	backward     = "Reads that went back"
	available    = "Availability of writes"
	mean         = "Mean outage"
	last         = "Last outage"
	until        = "Last outage was over"
)

func dayPanel() Panel {
	sum := func(metric string) string { return "sum(increase(" + metric + "{" + cluster + "}[1d]))" }
	p := stat("The last 24 hours",
		"Times in which nobody could write, and how long they were in all; acknowledged canaries that a failover lost; reads of a replica that showed an older value than the one before.",
		"value", Field{Unit: "locale", Decimals: number(0), Color: object{"mode": "thresholds"}, Thresholds: thresholds("text")},
		now(together(
			called(outagesOfDay, "round("+sum("pg_canary_write_outages_total")+")"),
			called(unwritable, sum("pg_canary_write_outage_seconds_total")),
			called(lost, "round("+sum("pg_canary_lost_writes_total")+")"),
			called(backward, "round("+sum("pg_canary_backward_reads_total")+")"),
		), "{{what}}")).size(12, 4)
	p.FieldConfig.Overrides = []Override{
		byName(unwritable, set("unit", "s"), set("decimals", 1)),
		byName(lost, set("thresholds", thresholds("text", step{1, colorBad}))),
		byName(backward, set("thresholds", thresholds("text", step{1, colorWarning}))),
	}
	return p
}

func monthPanel() Panel {
	p := stat("The last 30 days",
		"The share of the time watched in which canary writes were acknowledged, rounded down: 100% means no outage. How long an outage was on average, how long the last one, "+
			"and when it was over, to the minute. Of as much of the 30 days as Prometheus keeps; time without samples counts neither way.",
		"value", Field{Unit: "s", Color: fixedColor("text"), Mappings: []object{notObserved("none")}},
		now(together(
			called(available, writable), called(mean, meanOutage), called(last, lastOutage), called(until, lastOutageSeen),
		), "{{what}}")).size(12, 4)
	p.Options["text"] = object{"titleSize": nameSize, "valueSize": 18} // One of them is "35 minutes ago".
	p.FieldConfig.Overrides = []Override{
		byName(available, set("unit", "percentunit"), set("decimals", 3)),
		byName(until, set("unit", "dateTimeFromNow")),
	}
	return p
}

// objective is the share of canaries that has to be visible in time, over 30 days: that of PgCanaryFreshnessBudgetBurn.
const objective = "0.99"

func nodeTable() Panel {
	perNodeRow := func(expr string) Target { return row(perNode(expr)) }
	verdictCount := func(verdict string) string {
		return fmt.Sprintf(`sum by (replica) (increase(pg_canary_verdicts_total{%s, verdict=~"%s"}[30d]))`, cluster, verdict)
	}
	// Scrapes in which the node was configured and no primary, and those of them in which it was synced.
	nodeUp := "pg_canary_node_up{" + cluster + "}"
	asReplica := fmt.Sprintf("(count_over_time(%[1]s[1d]) - (sum_over_time(pg_canary_node_is_primary{%[2]s}[1d]) or 0 * %[1]s))", nodeUp, cluster)
	inSync := fmt.Sprintf("(max by (node) (%s) or max by (node) (0 * %s))", asNode("sum_over_time(pg_canary_synced{"+cluster+"}[1d])"), nodeUp)
	notSynced := fmt.Sprintf(`clamp_min(%[1]s - on (node) %[2]s, 0)
/ on (node) count_over_time(%[3]s[1d]) * on (node) count_over_time(%[3]s[1d:1m])`, asReplica, inSync, nodeUp)
	return table("Nodes, and their last 24 hours",
		"What the last probe saw, and the last 24 hours, or as much of them as there is. Not synced counts the time in which the node was no primary and was not proved to be synced. "+
			"At first read: how often the very first read after a commit showed it. Error budget: what is left, over 30 days, of the 1% of canaries that may be late.",
		Field{Unit: "none", Custom: cells()},
		[]column{
			{"node", "Node", []object{set("custom.minWidth", 160)}},
			{"Value #A", "State", append(colored("color-background"), set("mappings", mappings(shortly)), set("custom.align", "left"))},
			{"Value #B", "Timeline", nil},
			{"Value #C", "Intended delay", []object{set("unit", "s")}},
			{"Value #D", "Worst lag beyond it", []object{set("unit", "s")}},
			{"Value #E", "Not synced", []object{set("unit", "m")}},
			{"Value #F", "At first read", []object{set("unit", "percentunit"), set("decimals", 1)}},
			{"Value #G", "Error budget left", append(colored("color-text"), set("unit", "percentunit"), set("decimals", 0), set("thresholds",
				thresholds(colorBad, step{0, colorWarning}, step{0.25, "text"})))},
		},
		row("max by (node) (\n  "+indent(chosen.nodeCode())+"\n)"),
		perNodeRow(asNode("pg_canary_replica_timeline{"+cluster+"}")+`
or (pg_canary_node_is_primary{`+cluster+`} == 1) * on (`+eachCluster+`) group_left () pg_canary_primary_timeline{`+cluster+`}`),
		perNodeRow(asNode("pg_canary_replica_apply_delay_seconds{"+cluster+"}")),
		perNodeRow(asNode(beyondDelay("max_over_time(pg_canary_lag_seconds{"+cluster+"}[1d])", cluster, ""))),
		perNodeRow(notSynced),
		perNodeRow(asNode("1 - increase(pg_canary_stale_reads_total{"+cluster+"}[1d]) / increase(pg_canary_reads_total{"+cluster+"}[1d])")),
		perNodeRow(asNode(`1 - (`+verdictCount("late")+` / (`+verdictCount("synced|late")+` > 0)) / (1 - `+objective+`)
unless on (replica) pg_canary_replica_apply_delay_seconds{`+cluster+`} > 0`)),
	).sortedBy("State", "Worst lag beyond it").size(24, 7)
}
