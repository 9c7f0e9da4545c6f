package main

import (
	"cmp"
	"strings"
	"text/template"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"
)

// kingpin's own template puts the version's six lines into the page's title, escapes nothing, and knows no variables;
// its --help-man takes the template from here.
func init() { kingpin.ManPageTemplate = manPage }

// manPage is the page of --help-man, in the macros of man(7).
const manPage = `{{define "Flags"}}{{range .Flags}}{{if not .Hidden -}}
.TP
{{if .Short}}\fB\-{{.Short|Char}}\fR, {{end}}\fB\-\-{{.Name|Roff}}\fR{{if not .IsBoolFlag}}=\fI{{.FormatPlaceHolder|Roff}}\fR{{end}}
{{.Help|Roff}}
{{- if .Envar}}
Variable: {{.Envar|Roff}}.
{{- end}}
{{end}}{{end}}{{end -}}

.TH {{.App.Name|ToUpper|Roff}} 1 "{{BuildDay|Roff}}" "{{.App.Name|Roff}} {{Version|Roff}}" "User Commands"
.nh
.ad l
.SH NAME
{{.App.Name|Roff}} \- Prometheus exporter for PostgreSQL replication
.SH SYNOPSIS
.B {{.App.Name|Roff}}
[\fIflags\fR] [\fIcommand\fR] [\fIarguments\fR]
.SH DESCRIPTION
{{.App.Help|Roff}}
.SH COMMANDS
{{range .App.FlattenedCommands}}{{if not .Hidden -}}
.SS {{.FullCommand|Roff}}{{range .Args}} \fI{{.Name|ToUpper|Roff}}\fR{{end}}
{{.Help|Roff}}
{{template "Flags" .}}{{end}}{{end -}}
.SH FLAGS
They go with every command.
{{template "Flags" .App -}}
.SH EXIT STATUS
0 is success and 2 that the command could not be carried out. What 1 says, each command above tells;
of
.B serve
it says that the address cannot be listened on.
.SH FILES
Of the packages for Linux:
.TP
.I /etc/pg_canary_exporter/clusters.yml
The configuration file of the service.
.TP
.I /etc/pg_canary_exporter/environment
Flags of the service, as variables.
.TP
.I /etc/pg_canary_exporter/password
The password of the exporter's role, which systemd hands to the service.
.TP
.I /usr/share/pg_canary_exporter
Dashboards for Grafana and rules for Prometheus.
.SH SEE ALSO
.BR psql (1),
.BR systemctl (1),
https://github.com/pg\-canary/pg_canary_exporter
`

// manFuncs are what the template calls.
func manFuncs() template.FuncMap {
	return template.FuncMap{
		"Roff": roff, "ToUpper": strings.ToUpper,
		"Version":  func() string { return version.Version },
		"BuildDay": func() string { return buildDay(version.BuildDate) },
	}
}

// buildDay is the day of a time as in RFC 3339; a build that was not stamped has none.
func buildDay(date string) string {
	day, _, _ := strings.Cut(date, "T")
	return cmp.Or(day, "undated")
}

// roff escapes what is a control in a page's source. A line that begins with a dot or a quote would be a request, and a
// hyphen that is not escaped may be shown as a dash, which nobody can paste into a shell. An empty line begins a paragraph,
// and a path may be broken at its slashes.
func roff(text string) string {
	lines := strings.Split(strings.NewReplacer(`\`, `\e`, `-`, `\-`, `/`, `/\:`).Replace(text), "\n")
	for i, line := range lines {
		switch {
		case line == "" && i < len(lines)-1:
			lines[i] = ".PP"
		case strings.HasPrefix(line, "."), strings.HasPrefix(line, "'"):
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
