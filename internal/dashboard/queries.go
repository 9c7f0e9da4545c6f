package dashboard

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// Query is one query of a dashboard's file.
type Query struct {
	// File is the base name of the dashboard's file.
	File string
	// Where names the panel and the target, the variable or the annotation.
	Where string
	// Panel is the panel's id; 0: it is no panel's.
	Panel int
	// Legend makes a name of a series' labels.
	Legend string
	// Expr is PromQL with Grafana's variables still in it.
	Expr string
	// Instant is true for a query at one time, false for one over a range.
	Instant bool
	// Width is that of the panel on a grid of 24; 0: it is no panel's.
	Width int
	// MaxDataPoints and MinInterval are the panel's, 0 where it has none.
	MaxDataPoints int
	MinInterval   time.Duration
}

// variableQuery is what Grafana asks for a variable's values: those of a label, or what an expression has.
var variableQuery = regexp.MustCompile(`(?s)^(?:label_values\((.+), *\w+\)|query_result\((.+)\))$`)

// Queries lists every query of the dashboards in dir: those of panels, of
// annotations and of variables.
func Queries(dir string) ([]Query, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no dashboards in %s", dir)
	}
	var all []Query
	for _, file := range files {
		queries, err := queriesOf(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, queries...)
	}
	return all, nil
}

func queriesOf(file string) ([]Query, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var d struct {
		Panels      []Panel
		Annotations struct{ List []struct{ Name, Expr string } }
		Templating  struct {
			List []struct{ Type, Name, Definition string }
		}
	}
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, err
	}
	var found []Query
	add := func(where, expr string, instant bool) {
		found = append(found, Query{File: filepath.Base(file), Where: where, Expr: expr, Instant: instant})
	}
	for _, p := range d.Panels {
		shortest, err := minInterval(p.Interval)
		if err != nil {
			return nil, fmt.Errorf("panel %q: %w", p.Title, err)
		}
		for _, t := range p.Targets {
			found = append(found, Query{
				File: filepath.Base(file), Where: fmt.Sprintf("panel %q, query %s", p.Title, t.RefID), Panel: p.ID, Legend: t.LegendFormat, Expr: t.Expr, Instant: t.Instant,
				Width: p.GridPos.W, MaxDataPoints: p.MaxDataPoints, MinInterval: shortest,
			})
		}
	}
	for _, a := range d.Annotations.List {
		add(fmt.Sprintf("annotation %q", a.Name), a.Expr, false)
	}
	for _, v := range d.Templating.List {
		if v.Type != "query" {
			continue
		}
		inner := variableQuery.FindStringSubmatch(v.Definition)
		if inner == nil {
			return nil, fmt.Errorf("variable %q: cannot read %q", v.Name, v.Definition)
		}
		add(fmt.Sprintf("variable %q", v.Name), inner[1]+inner[2], true)
	}
	return found, nil
}

func minInterval(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	return time.ParseDuration(text)
}

// Expand returns the query as Grafana sends it when variables have the values
// given. Grafana's own variables stand for a minute where no value is given.
func (q Query) Expand(values map[string]string) string {
	pairs := []string{}
	for name, value := range values {
		pairs = append(pairs, "${"+name+"}", value, "$"+name, value)
	}
	pairs = append(pairs, "$__rate_interval", "1m", "$__interval", "1m", "$__range", "1m")
	return strings.NewReplacer(pairs...).Replace(q.Expr)
}
