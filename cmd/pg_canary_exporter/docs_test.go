package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/alecthomas/kingpin/v2"

	"github.com/pg-canary/pg_canary_exporter/internal/golden"
)

const flagsPage = "../../docs/flags.md"

// TestFlagsPage holds the page of the flags to the program's own.
func TestFlagsPage(t *testing.T) {
	t.Parallel()
	model := newOptions().app.Model()
	var b strings.Builder
	b.WriteString(`# Flags

Every flag can also be set by an environment variable; a flag wins. Those that can be repeated have one value in each line of
the variable. A flag that is on or off is turned off by ` + "`--no-…`" + `. ` + "`pg_canary_exporter --help`" + ` says the same.

## Of every command

`)
	writeFlags(&b, "", model.Flags)
	writeCommands(&b, "", model.Commands)
	golden.File(t, flagsPage, b.String())
}

// writeCommands writes a section for each command, and for those below it.
func writeCommands(b *strings.Builder, above string, commands []*kingpin.CmdModel) {
	for _, c := range commands {
		if c.Hidden || c.Name == "help" {
			continue
		}
		name := strings.TrimSpace(above + " " + c.Name)
		fmt.Fprintf(b, "\n## %s\n\n%s\n", name, c.Help)
		if c.CmdGroupModel != nil {
			writeCommands(b, name, c.Commands)
		}
		if shown(c.Flags) {
			b.WriteString("\n")
			writeFlags(b, name+" ", c.Flags)
		}
	}
}

func shown(flags []*kingpin.FlagModel) bool {
	for _, f := range flags {
		if !f.Hidden {
			return true
		}
	}
	return false
}

// writeFlags writes a table, each of whose rows can be linked to.
func writeFlags(b *strings.Builder, command string, flags []*kingpin.FlagModel) {
	b.WriteString("| flag | default | variable | meaning |\n| --- | --- | --- | --- |\n")
	for _, f := range flags {
		if f.Hidden {
			continue
		}
		value := ""
		if f.PlaceHolder != "" && !f.IsBoolFlag() {
			value = "=" + f.PlaceHolder
		}
		more := ""
		if repeatable, ok := f.Value.(interface{ IsCumulative() bool }); ok && repeatable.IsCumulative() {
			more = " …"
		}
		standard := ""
		if text := strings.Join(f.Default, ", "); text != "" && !f.IsBoolFlag() {
			standard = "`" + text + "`"
		}
		variable := ""
		if f.Envar != "" {
			variable = "`" + f.Envar + "`"
		}
		fmt.Fprintf(b, "| <a id=%q></a>`--%s%s`%s | %s | %s | %s |\n",
			"flag-"+strings.ReplaceAll(command, " ", "-")+f.Name, f.Name, value, more, standard, variable, strings.ReplaceAll(f.Help, "|", "\\|"))
	}
}
