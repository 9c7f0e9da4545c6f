package dashboard

const (
	gridWidth      = 24
	annotationStep = "10s"
	repository     = "https://github.com/pg-canary/pg_canary_exporter/blob/main/"
	alertRules     = "/alerting/list?search=rule%3APgCanary"
	runbooks       = repository + "docs/runbooks/README.md"
	fleetUID       = "pg-canary-fleet"
	haUID          = "pg-canary-replication-ha"
)

// source is the data source that the reader chose.
var source = &Datasource{Type: "prometheus", UID: "${datasource}"}

// section is a heading and the panels below it.
type section struct {
	title  string
	panels []Panel
}

// arrange numbers the panels and places them from left to right, a new line
// beginning where the next one does not fit.
func arrange(sections []section) []Panel {
	var placed []Panel
	x, y, lineHeight := 0, 0, 0
	place := func(p Panel) {
		if x+p.GridPos.W > gridWidth {
			x, y, lineHeight = 0, y+lineHeight, 0
		}
		p.ID = len(placed) + 1
		p.GridPos.X, p.GridPos.Y = x, y
		placed = append(placed, p)
		x += p.GridPos.W
		lineHeight = max(lineHeight, p.GridPos.H)
	}
	for _, s := range sections {
		place(Panel{Type: "row", Title: s.title, Collapsed: new(bool), Panels: []Panel{}, GridPos: GridPos{W: gridWidth, H: 1}})
		for _, p := range s.panels {
			place(p)
		}
		x, y, lineHeight = 0, y+lineHeight, 0
	}
	return placed
}

func (p Panel) size(w, h int) Panel {
	p.GridPos = GridPos{W: w, H: h}
	return p
}

// link is a button at the top of a dashboard.
func link(title, icon, url string, newTab bool) object {
	return object{
		"type": "link", "title": title, "tooltip": title, "icon": icon, "url": url,
		"targetBlank": newTab, "keepTime": !newTab, "includeVars": false, "asDropdown": false, "tags": []string{},
	}
}

func datasourceVariable() object {
	return object{
		"type": "datasource", "name": "datasource", "label": "Data source", "query": "prometheus",
		"description": "The Prometheus that scrapes pg_canary_exporter",
		"current":     object{"selected": false, "text": "default", "value": "default"},
		"options":     []any{}, "hide": 0, "includeAll": false, "multi": false,
		"refresh": 1, "regex": "", "skipUrlSync": false,
	}
}

// jobs are the scrape jobs whose targets are clusters: their name begins as the rules have it, or they have a cluster's
// metrics. An exporter that is dead is found by its target, which Prometheus always has a series of.
const jobs = `group by (job) (
  up{job=~"pg_canary.*"} unless on (job) pg_canary_clusters
  or pg_canary_up
)`

// labelVariable offers the values of a label within the range shown.
func labelVariable(name, label, description, query string) object {
	return object{
		"type": "query", "name": name, "label": label, "description": description,
		"datasource": source, "definition": query, "query": object{"query": query, "refId": name},
		"current": object{}, "options": []any{}, "hide": 0, "includeAll": false, "multi": false,
		"refresh": 2, "regex": "", "sort": 1, "skipUrlSync": false,
	}
}

// queryVariable offers what a regular expression finds in the series that a query has at the end of the range shown.
func queryVariable(name, label, description, query, regex string) object {
	v := labelVariable(name, label, description, "query_result("+query+")")
	v["regex"] = regex
	return v
}

// several lets the reader choose several values of a variable, or all at once, which is all where that is not empty.
func several(v object, all string) object {
	v["includeAll"], v["multi"] = true, true
	v["current"] = object{"selected": true, "text": []string{"All"}, "value": []string{"$__all"}}
	if all != "" {
		v["allValue"] = all
	}
	return v
}

// hidden takes a variable out of the reader's sight.
func hidden(v object) object {
	v["hide"], v["skipUrlSync"] = 2, true
	return v
}

// annotation marks the times at which expr is above zero. Grafana 9.4 reads the
// query from the annotation itself, newer ones from its target.
func annotation(name, color, expr, title, text string) object {
	return object{
		"name": name, "datasource": source, "enable": true, "hide": false, "iconColor": color,
		"expr": expr, "step": annotationStep, "target": object{"refId": "Anno", "expr": expr, "interval": annotationStep},
		"titleFormat": title, "textFormat": text, "tagKeys": "severity", "useValueForTime": false,
	}
}

// annotationAt marks the times, in milliseconds since 1970, that expr has for values.
func annotationAt(name, color, expr, title, text string) object {
	a := annotation(name, color, expr, title, text)
	a["useValueForTime"] = true
	return a
}

// tagged are links to the dashboards that have a tag: none where there is none.
func tagged(title, tag string) object {
	l := link(title, "external link", "", false)
	l["type"], l["tags"], l["includeVars"] = "dashboards", []string{tag}, true
	return l
}
