package faults_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
	"github.com/pg-canary/pg_canary_exporter/internal/golden"
)

const faultsPage = "../../../docs/faults.md"

// TestFaultsPage compares docs/faults.md with the rows of TestFaults.
func TestFaultsPage(t *testing.T) {
	all := faults()
	rows := "| fault | what is published | seen after | alert |\n| --- | --- | --- | --- |\n"
	for _, f := range all {
		rows += f.documentRow()
	}
	reasons := "| reason | produced by |\n| --- | --- |\n"
	for _, reason := range probe.Reasons() {
		reasons += fmt.Sprintf("| `%s` | %s |\n", reason, strings.Join(producers(all, reason), ", "))
	}
	golden.Parts(t, faultsPage, map[string]string{"faults": rows, "reasons": reasons})
}

// TestEveryReasonIsProduced looks for a row for each reason: a reason that
// nothing real produces is one that nobody can trust.
func TestEveryReasonIsProduced(t *testing.T) {
	all := faults()
	for _, reason := range probe.Reasons() {
		if len(producers(all, reason)) == 0 {
			t.Errorf("no row of TestFaults publishes the reason %q", reason)
		}
	}
	for _, state := range verdict.ReplicaStates() {
		if !slices.ContainsFunc(all, func(f fault) bool {
			return regexp.MustCompile(` ` + string(state) + `\b`).MatchString(f.publishes + " " + f.then)
		}) {
			t.Errorf("no row of TestFaults publishes the state %q", state)
		}
	}
}

func TestFaultNamesAreUnique(t *testing.T) {
	names := map[string]bool{}
	for _, f := range faults() {
		if names[f.name] {
			t.Errorf("two faults are called %q", f.name)
		}
		names[f.name] = true
		if (f.within > 1 || f.then != "") != (f.because != "") {
			t.Errorf("%q is not seen at once and does not say why, or the other way round", f.name)
		}
	}
}

// producers are the faults that publish a reason, and no other in its place.
func producers(all []fault, reason probe.Reason) []string {
	var names []string
	for _, f := range all {
		if strings.Contains(f.publishes, "("+string(reason)+")") {
			names = append(names, f.name)
		}
	}
	return names
}

func (f fault) documentRow() string {
	code := func(text string) string { return "`" + strings.ReplaceAll(text, ", ", "`, `") + "`" }
	published := code(f.publishes)
	seen := fmt.Sprint(max(f.within, 1))
	if f.then != "" {
		published += "; then " + code(f.then)
	}
	if f.because != "" {
		seen += ", " + f.because
	}
	alerts := "none"
	if names := f.alertNames(); len(names) > 0 {
		for i, name := range names {
			names[i] = fmt.Sprintf("[%s](runbooks/%s.md)", name, name)
		}
		alerts = strings.Join(names, ", ")
	}
	return fmt.Sprintf("| %s | %s | %s | %s |\n", f.name, published, seen, alerts)
}
