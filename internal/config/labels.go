package config

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

var labelPattern = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// reservedLabels are the labels of the metrics and those that Prometheus, /targets and the rules
// set themselves: a target's label of such a name would be lost, or hide theirs.
var reservedLabels = []string{
	"cluster", "replica", "node", "state", "verdict", "reason", // Of the metrics, and the cluster's name.
	"job", "instance", "le", "quantile", // Prometheus's own.
	"alertname", "alertstate", "severity", // Of the rules.
}

// labels checks the labels of a cluster.
func (l *loader) labels(labels *map[string]string) {
	if !l.good(labels) {
		return
	}
	content := l.at[labels].Content
	for i := 0; i+1 < len(content); i += 2 {
		name, value := content[i], content[i+1]
		switch {
		case name.Value == "<<": // It was refused when it was read.
		case strings.HasPrefix(name.Value, "__"):
			l.fault(name, "labels that begin with __ are Prometheus's own: choose another name")
		case !labelPattern.MatchString(name.Value):
			l.fault(name, "this is not a name for a label: use letters, digits and _, beginning with no digit")
		case slices.Contains(reservedLabels, name.Value):
			l.fault(name, "the label %s is set by the exporter, Prometheus or the rules: choose another name", name.Value)
		case value.Tag == "!!str" && value.Value == "":
			l.fault(value, "this label is empty, which Prometheus takes for none: give it a value, or remove it")
		case value.Tag == "!!str" && strings.ContainsFunc(value.Value, unicode.IsControl):
			l.fault(value, "this label has a line break or another control character: write it without")
		}
	}
}
