package dashboard

import "strings"

// alertTable lists what Prometheus itself says of its alerts, so that it works
// for rules that Grafana does not manage and cannot list.
func alertTable(selector string, labels ...string) Panel {
	states := []object{{"type": "value", "options": object{
		"firing":  object{"color": colorBad, "index": 0},
		"pending": object{"color": "semi-dark-yellow", "index": 1},
	}}}
	severities := []object{{"type": "value", "options": object{
		"critical": object{"color": colorBad, "index": 0},
		"warning":  object{"color": colorWarning, "index": 1},
	}}}
	runbook := object{
		"title": "Runbook of ${__value.text}", "targetBlank": true,
		"url": repository + "docs/runbooks/${__value.text}.md",
	}
	columns := []column{
		{"alertname", "Alert", []object{set("links", []object{runbook}), set("custom.width", 230)}},
		{"alertstate", "State", append(colored("color-text"), set("mappings", states), set("custom.width", 85))},
		{"severity", "Severity", append(colored("color-text"), set("mappings", severities), set("custom.width", 90))},
	}
	for _, label := range labels {
		columns = append(columns, column{label, strings.ToUpper(label[:1]) + label[1:], []object{set("noValue", "–")}})
	}
	columns = append(columns, column{"Value", "Active for", []object{set("unit", "s")}})
	return table("Firing and pending alerts", "Alerts that are firing, or will if their cause lasts. A click on a name opens its runbook.",
		Field{Unit: "none", NoValue: "No alert is firing or pending", Custom: cells()},
		columns, row(alerts(selector, strings.Join(labels, ", "))),
	).sortedBy("Active for")
}
