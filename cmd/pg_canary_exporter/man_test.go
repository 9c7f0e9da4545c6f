package main

import (
	"strings"
	"testing"

	"github.com/alecthomas/kingpin/v2"
	"github.com/google/go-cmp/cmp"
)

func TestRoff(t *testing.T) {
	for text, want := range map[string]string{
		"a flag --web.config.file": `a flag \-\-web.config.file`,
		`C:\data`:                  `C:\edata`,
		"one\n\ntwo":               "one\n.PP\ntwo",
		".so passwd\n'br":          "\\&.so passwd\n\\&'br",
		"https://a/b":              `https:/\:/\:a/\:b`,
		"":                         "",
		"last\n":                   "last\n",
	} {
		if diff := cmp.Diff(want, roff(text)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func TestBuildDay(t *testing.T) {
	for date, want := range map[string]string{"2026-11-26T03:40:13Z": "2026-11-26", "2026-11-26": "2026-11-26", "": "undated"} {
		if day := buildDay(date); day != want {
			t.Errorf("%q: %q", date, day)
		}
	}
}

// rendered is what kingpin makes of one of its templates.
func rendered(t *testing.T, page string) string {
	t.Helper()
	o := newOptions()
	var out strings.Builder
	o.app.UsageWriter(&out)
	parsed, err := o.app.ParseContext(nil)
	must(t, err)
	must(t, o.app.UsageForContextWithTemplate(parsed, 2, page))
	return out.String()
}

// TestManPage looks for everything that the page has to name, and for lines that are no requests of man(7).
func TestManPage(t *testing.T) {
	page := rendered(t, kingpin.ManPageTemplate)
	o := newOptions()
	flags := o.app.Model().Flags
	for _, command := range o.app.Model().FlattenedCommands() {
		if strings.Contains(page, ".SS "+command.FullCommand) == command.Hidden {
			t.Errorf("the command %q: hidden %v", command.FullCommand, command.Hidden)
		}
		if !command.Hidden {
			flags = append(flags, command.Flags...)
		}
	}
	for _, flag := range flags {
		if strings.Contains(page, `\fB\-\-`+roff(flag.Name)+`\fR`) == flag.Hidden {
			t.Errorf("the flag %q: hidden %v", flag.Name, flag.Hidden)
		}
		if !flag.Hidden && flag.Envar != "" && !strings.Contains(page, "\nVariable: "+flag.Envar+".\n") {
			t.Errorf("the flag %q has no variable", flag.Name)
		}
	}
	if !strings.HasPrefix(page, ".TH PG_CANARY_EXPORTER 1 ") {
		t.Errorf("it begins with %.40q", page)
	}
	requests := map[string]bool{".TH": true, ".nh": true, ".ad": true, ".SH": true, ".SS": true, ".TP": true, ".PP": true, ".B": true, ".I": true, ".BR": true}
	for i, line := range strings.Split(page, "\n") {
		if word, _, _ := strings.Cut(line, " "); strings.HasPrefix(line, ".") && !requests[word] {
			t.Errorf("line %d is an unknown request: %s", i+1, line)
		}
	}
	if strings.Contains(page, "\n\n") {
		t.Error("it has an empty line, which is a vertical space")
	}
}
