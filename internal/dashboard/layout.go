package dashboard

const (
	gridWidth      = 24
	annotationStep = "10s"
	repository     = "https://github.com/pg-canary/pg_canary_exporter/blob/main/"
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

// labelVariable offers the values of a label; with all, several or all at once.
func labelVariable(name, label, description, query string, all bool) object {
	v := object{
		"type": "query", "name": name, "label": label, "description": description,
		"datasource": source, "definition": query, "query": object{"query": query, "refId": name},
		"current": object{}, "options": []any{}, "hide": 0, "includeAll": all, "multi": all,
		"refresh": 2, "regex": "", "sort": 1, "skipUrlSync": false,
	}
	if all {
		v["allValue"] = ".*"
		v["current"] = object{"selected": true, "text": []string{"All"}, "value": []string{"$__all"}}
	}
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
