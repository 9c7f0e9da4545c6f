// Package dashboard is the source of the Grafana dashboards in dashboards/. It
// builds them from a few kinds of panels, so that a query, a colour or the
// meaning of a state stands in one place, and it lists the queries of finished
// dashboards for the tests that run them.
package dashboard

import (
	"bytes"
	"encoding/json"
)

// object is a part of a dashboard that Grafana's panels define for themselves.
type object = map[string]any

// schemaVersion is that of Grafana 9.4, the oldest that is supported. Newer ones
// bring a dashboard to their own version when they read it.
const schemaVersion = 37

// Dashboard is what Grafana reads from a dashboard's file, its "classic" model.
type Dashboard struct {
	UID           string     `json:"uid"`
	Title         string     `json:"title"`
	Description   string     `json:"description"`
	Tags          []string   `json:"tags"`
	SchemaVersion int        `json:"schemaVersion"`
	Editable      bool       `json:"editable"`
	GraphTooltip  int        `json:"graphTooltip"`
	Refresh       string     `json:"refresh"`
	Time          TimeRange  `json:"time"`
	Links         []object   `json:"links"`
	Annotations   objectList `json:"annotations"`
	Templating    objectList `json:"templating"`
	Panels        []Panel    `json:"panels"`
}

// TimeRange is the range that a dashboard opens with.
type TimeRange struct {
	From string `json:"from"`
	To   string `json:"to"`
}

type objectList struct {
	List []object `json:"list"`
}

// Panel is one panel, or the heading of a section when its type is "row".
type Panel struct {
	ID              int         `json:"id"`
	Type            string      `json:"type"`
	Title           string      `json:"title"`
	Description     string      `json:"description,omitempty"`
	Transparent     bool        `json:"transparent,omitempty"`
	GridPos         GridPos     `json:"gridPos"`
	Collapsed       *bool       `json:"collapsed,omitempty"`
	Panels          []Panel     `json:"panels,omitzero"`
	Datasource      *Datasource `json:"datasource,omitempty"`
	Interval        string      `json:"interval,omitempty"`
	MaxDataPoints   int         `json:"maxDataPoints,omitempty"`
	Repeat          string      `json:"repeat,omitempty"`
	RepeatDirection string      `json:"repeatDirection,omitempty"`
	MaxPerRow       int         `json:"maxPerRow,omitempty"`
	Targets         []Target    `json:"targets,omitempty"`
	Transformations []object    `json:"transformations,omitempty"`
	FieldConfig     *Fields     `json:"fieldConfig,omitempty"`
	Options         object      `json:"options,omitempty"`
}

// GridPos is a panel's place on the grid, which is 24 wide.
type GridPos struct {
	X int `json:"x"`
	Y int `json:"y"`
	W int `json:"w"`
	H int `json:"h"`
}

// Datasource refers to a data source.
type Datasource struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

// Target is one query of a panel.
type Target struct {
	RefID        string      `json:"refId"`
	Datasource   *Datasource `json:"datasource"`
	Expr         string      `json:"expr"`
	LegendFormat string      `json:"legendFormat,omitempty"`
	Format       string      `json:"format,omitempty"`
	Instant      bool        `json:"instant"`
	Range        bool        `json:"range"`
}

// Fields says how a panel's values are shown.
type Fields struct {
	Defaults  Field      `json:"defaults"`
	Overrides []Override `json:"overrides"`
}

// Field says how a value is shown.
type Field struct {
	Unit        string   `json:"unit"`
	Decimals    *int     `json:"decimals,omitempty"`
	Min         *float64 `json:"min,omitempty"`
	Max         *float64 `json:"max,omitempty"`
	NoValue     string   `json:"noValue,omitempty"`
	DisplayName string   `json:"displayName,omitempty"`
	Color       object   `json:"color,omitempty"`
	Thresholds  object   `json:"thresholds,omitempty"`
	Mappings    []object `json:"mappings,omitempty"`
	Custom      object   `json:"custom,omitempty"`
}

// Override changes how one field or series is shown.
type Override struct {
	Matcher    object   `json:"matcher"`
	Properties []object `json:"properties"`
}

// Files returns the dashboards' files by name.
func Files() (map[string][]byte, error) {
	files := map[string][]byte{}
	for name, dashboard := range map[string]Dashboard{
		"replication-ha.json":    replicationHA(),
		"replication-fleet.json": replicationFleet(),
	} {
		var text bytes.Buffer
		enc := json.NewEncoder(&text)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(dashboard); err != nil {
			return nil, err
		}
		files[name] = text.Bytes()
	}
	return files, nil
}
