package dashboard

import "fmt"

func number(n int) *int          { return &n }
func limit(f float64) *float64   { return &f }
func fixedColor(c string) object { return object{"mode": "fixed", "fixedColor": c} }

// now asks for the value at the end of the range only: what is absent there is
// shown as absent, never as the last value that was seen.
func now(expr, legend string) Target {
	return Target{Expr: expr, LegendFormat: legend, Instant: true}
}

func over(expr, legend string) Target {
	return Target{Expr: expr, LegendFormat: legend, Range: true}
}

func row(expr string) Target {
	return Target{Expr: expr, Format: "table", Instant: true}
}

// smallWAL keeps an axis from magnifying the few hundred bytes that a probe
// itself writes.
const smallWAL = 64 << 10

// needsTwo is what a rate says in the first minute, and of a cluster without data.
const needsTwo = "Needs two probes"

// dashed lets a line below show through.
func dashed() object { return set("custom.lineStyle", object{"fill": "dash", "dash": []int{6, 6}}) }

func panel(kind, title, description string, field Field, targets []Target) Panel {
	for i := range targets {
		targets[i].RefID = string(rune('A' + i))
		targets[i].Datasource = source
	}
	return Panel{
		Type: kind, Title: title, Description: description, Datasource: source, Targets: targets,
		FieldConfig: &Fields{Defaults: field, Overrides: []Override{}},
	}
}

// Sizes of a number and of the name above it, in pixels. Left to itself Grafana makes a long name too small to read, and
// every panel's numbers of another size.
const (
	nameSize  = 12
	valueSize = 26
)

// stat shows one value for each series of its targets.
func stat(title, description, colorMode string, field Field, targets ...Target) Panel {
	if field.NoValue == "" {
		field.NoValue = "no data"
	}
	p := panel("stat", title, description, field, targets)
	p.Transformations = shortNames(8)
	p.Options = object{
		"text":      object{"titleSize": nameSize, "valueSize": valueSize},
		"colorMode": colorMode, "graphMode": "none", "justifyMode": "center", "orientation": "auto", "textMode": "auto",
		"reduceOptions": object{"calcs": []string{"lastNotNull"}, "fields": "", "values": false},
	}
	return p
}

// graph shows lines over time. Its gaps are times for which nothing was seen.
func graph(title, description string, field Field, targets ...Target) Panel {
	if field.Color == nil {
		field.Color = object{"mode": "palette-classic"}
	}
	custom := object{
		"drawStyle": "line", "lineInterpolation": "linear", "lineWidth": 1, "fillOpacity": 8, "gradientMode": "none",
		"showPoints": "never", "spanNulls": false, "stacking": object{"mode": "none", "group": "A"},
	}
	for name, value := range field.Custom {
		custom[name] = value
	}
	field.Custom = custom
	p := panel("timeseries", title, description, field, targets)
	p.Transformations = shortNames(20)
	p.Options = object{
		"legend":  object{"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []string{}},
		"tooltip": object{"mode": "multi", "sort": "desc"},
	}
	return p
}

// shortNames cut names in their middle that would not fit beside a bar, and leave one of two that are the same, as
// where a cluster's label is its instance too. Of a longer one, the first 20 letters and so many from its end stay.
func shortNames(end int) []object {
	rename := func(regex, pattern string) object {
		return object{"id": "renameByRegex", "options": object{"regex": regex, "renamePattern": pattern}}
	}
	return []object{
		rename(`^ +| +$`, ""),
		rename(`^(.+) \1$`, "$1"),
		rename(fmt.Sprintf(`^(.{20}).{5,}(.{%d})$`, end), "$1…$2"),
	}
}

// timeline shows the verdicts over time, one bar for each series.
func timeline(title, description string, targets ...Target) Panel {
	p := panel("state-timeline", title, description, Field{
		Unit: "none", Color: fixedColor(colorMissing), Mappings: mappings(shortly),
		Custom: object{"lineWidth": 0, "fillOpacity": 85},
	}, targets)
	p.Transformations = shortNames(20)
	p.Options = object{
		"alignValue": "center", "mergeValues": true, "rowHeight": 0.8, "showValue": "never",
		"legend":  object{"displayMode": "list", "placement": "bottom", "showLegend": true},
		"tooltip": object{"mode": "single", "sort": "none"},
	}
	return p
}

// column is one column of a table: the field that it shows, its heading and
// what is special about it.
type column struct {
	field, title string
	properties   []object
}

// cells are narrow enough for a table to fit on a small screen.
func cells() object { return object{"align": "auto", "filterable": false, "minWidth": 90} }

// table joins its targets on the labels that they share and shows the columns
// in the order given.
func table(title, description string, field Field, columns []column, targets ...Target) Panel {
	p := panel("table", title, description, field, targets)
	order, names := object{}, object{}
	for i, c := range columns {
		order[c.field], names[c.field] = i, c.title
		if len(c.properties) > 0 {
			p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, byName(c.title, c.properties...))
		}
	}
	p.Transformations = []object{
		{"id": "merge", "options": object{}},
		{"id": "organize", "options": object{"excludeByName": object{"Time": true}, "indexByName": order, "renameByName": names}},
	}
	// Grafana 9.4 takes every text for not a number: only values are mapped.
	p.FieldConfig.Overrides = append([]Override{
		{Matcher: object{"id": "byType", "options": "number"}, Properties: []object{set("mappings", []object{notObserved("–")})}},
	}, p.FieldConfig.Overrides...)
	p.Options = object{"showHeader": true, "cellHeight": "sm"}
	return p
}

// sortedBy puts the rows with the highest values first: by the first column for every Grafana, which sorts by one before it draws the
// table, and by the others where the table does.
func (p Panel) sortedBy(columns ...string) Panel {
	p.Transformations = append(p.Transformations, object{
		"id": "sortBy", "options": object{"sort": []object{{"field": columns[0], "desc": true}}},
	})
	var by []object
	for _, name := range columns {
		by = append(by, object{"displayName": name, "desc": true})
	}
	p.Options["sortBy"] = by
	return p
}

func byName(name string, properties ...object) Override {
	return Override{Matcher: object{"id": "byName", "options": name}, Properties: properties}
}

func byRegexp(pattern string, properties ...object) Override {
	return Override{Matcher: object{"id": "byRegexp", "options": pattern}, Properties: properties}
}

func byQuery(refID string, properties ...object) Override {
	return Override{Matcher: object{"id": "byFrameRefID", "options": refID}, Properties: properties}
}

func set(id string, value any) object { return object{"id": id, "value": value} }

// colored paints a table's cells in their own colour. Newer Grafanas than 9.4
// make custom.cellOptions of it, going by the dashboard's schemaVersion.
func colored(how string) []object {
	return []object{set("custom.displayMode", how)}
}

// step is a colour that holds from a value on.
type step struct {
	from  float64
	color string
}

func thresholds(base string, steps ...step) object {
	list := []object{{"color": base, "value": nil}}
	for _, s := range steps {
		list = append(list, object{"color": s.color, "value": s.from})
	}
	return object{"mode": "absolute", "steps": list}
}
