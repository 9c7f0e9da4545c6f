//go:build unix

package demo

import (
	"regexp"
	"strings"
	"testing"
)

// TestTablesArePrintedAtOnce: others print while a table comes line by line.
func TestTablesArePrintedAtOnce(t *testing.T) {
	var out strings.Builder
	d := &demo{out: &printer{out: &out, table: true}, dsns: []string{"db1", "db2"}}
	d.out.say("Killing %s …", "db1")
	d.passOn(t.Context(), strings.NewReader("NODE\ndb1\ndb2\ndb1: gone\n"))
	d.out.say("Promoting %s …", "db2")
	d.out.say("Done")
	got := regexp.MustCompile(`\d\d:\d\d:\d\d(\.\d+)?`).ReplaceAllString(out.String(), "T")
	const want = "\nT Killing db1 …\n\nT\nNODE\ndb1\ndb2\ndb1: gone\n\nT Promoting db2 …\nT Done\n"
	if got != want {
		t.Errorf("printed\n%q, want\n%q", got, want)
	}
}
