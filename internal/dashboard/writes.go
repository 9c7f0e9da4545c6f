package dashboard

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

func writerPanels() []Panel {
	const days = " of the last 30 days, or of as much of them as Prometheus keeps"
	duration := Field{Unit: "s", Color: fixedColor("text"), Mappings: []object{notObserved("none")}}

	last := stat("Last outage",
		"How long nobody could write the last time, or cannot by now, and until when, to the minute. None: not within the last 30 days, or what Prometheus keeps of them. "+
			"Where the exporter was restarted in an outage, this is the part that the new one saw.",
		"value", duration, now(lastOutage, "lasted"), now(lastOutageSeen, "until")).size(4, 8)
	last.FieldConfig.Overrides = []Override{byQuery("B", set("unit", "dateTimeFromNow"))}

	latency := graph("Commit latency: p50 and p99",
		"From sending a canary write to the acknowledgement of its commit, as an application's commit takes: half were within p50, 99 of 100 within p99. "+
			"A write that failed is not among them. The histogram's buckets limit the precision.",
		Field{Unit: "s", Custom: logScale()},
		over(quantiles("pg_canary_commit_duration_seconds", cluster, "instance"), "{{quantile}}")).size(12, 8)
	latency.Interval = "30s"

	return []Panel{
		stat("Availability of writes",
			"The share"+days+", in which canary writes were acknowledged. Time without samples counts neither way. Rounded down: 100% means no outage.",
			"value", Field{Unit: "percentunit", Decimals: number(3), Color: fixedColor("text")},
			now(writable, "available")).size(4, 8),
		stat("Mean outage",
			"How long nobody could write, on average of the outages"+days+".",
			"value", duration, now(meanOutage, "mean")).size(4, 8),
		last,
		latency,
	}
}
