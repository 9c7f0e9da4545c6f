//go:build unix

package demo

import (
	"regexp"
	"strings"
)

// exporterLog passes on what the exporter's log says of the cluster.
type exporterLog struct {
	say func(format string, args ...any)
}

// Write takes a line.
func (l exporterLog) Write(line []byte) (int, error) {
	if told, ok := worthTelling(strings.TrimSpace(string(line))); ok {
		l.say("exporter: %s", told)
	}
	return len(line), nil
}

var (
	timeField  = regexp.MustCompile(`(^| )ts=\S+`)
	errorField = regexp.MustCompile(` err=("(\\.|[^"\\])*"|\S+)`)
)

// worthTelling returns a line of the log without its time, and without an error
// whose reason it has: check says the rest. Not worth telling is that the exporter
// starts, listens or ends, and in which condition a node is: the tables show that.
func worthTelling(line string) (told string, ok bool) {
	has := func(text string) bool { return strings.Contains(line, text) }
	told = strings.TrimSpace(timeField.ReplaceAllString(line, ""))
	if has(" reason=") {
		told = errorField.ReplaceAllString(told, "")
	}
	return told, !has(" condition=") && (!has("level=info ") || has(" primary="))
}
