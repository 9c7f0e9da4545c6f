package config

import (
	"regexp"
	"strings"
	"testing"
)

// lineEnd is what YAML takes for one.
var lineEnd = regexp.MustCompile(`\r\n|[\n\r\x{85}\x{2028}\x{2029}]`)

// FuzzLoad holds that no file ends the program, that every mistake has a place in the file, and
// that no fault and no digest has a secret in it, wherever it stands in the file.
func FuzzLoad(f *testing.F) {
	seeds := []string{example, digested, minimal}
	for _, test := range mistaken {
		seeds = append(seeds, test.content)
	}
	for _, seed := range seeds {
		f.Add(seed, "")
		if before, after, ok := strings.Cut(seed, marked); ok {
			f.Add(before, after)
		}
		if before, after, ok := strings.Cut(seed, "host=a"); ok {
			f.Add(before+"host=a password=", after)
			f.Add(before, after)
		}
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		if strings.Contains(before+after, marked) {
			return
		}
		content := before + marked + after
		l := parse([]byte(content), "/etc")
		lines := len(lineEnd.FindAllString(content, -1)) + 1
		for _, fault := range l.faults {
			if fault.Line < 1 || fault.Line > lines || fault.Column < 1 {
				t.Errorf("%+v is not within the %d lines of\n%s", fault, lines, content)
			}
			if strings.Contains(fault.Text, marked) || strings.ContainsAny(fault.Text, "\n\r") || fault.Text == "" {
				t.Errorf("%+v gives the secret away, or is no line, for\n%s", fault, content)
			}
		}
		c := &Config{Clusters: l.document.Clusters}
		if changes := Diff(c.Digest(), c.Digest()); len(l.faults) == 0 && (changes.Any() || len(c.Clusters) == 0) {
			t.Errorf("it differs from itself, or is nothing: %+v for\n%s", changes, content)
		}
	})
}
