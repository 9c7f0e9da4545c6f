//go:build unix

package guides

import (
	"strings"
	"testing"
)

func TestStable(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"db1   primary  8      0/24FF0618  -          -      written in 1.61ms":  "db1 primary written in",
		"db2   replica  8      0/24FF0618  0          464µs  synced":             "db2 replica synced",
		"127.0.0.1:42147: paused: replay is paused":                              ": paused: replay is paused",
		`pg_canary_synced{replica="db2"} 1`:                                      `pg_canary_synced{replica="db2"} is yes`,
		`pg_canary_synced{replica="db2"} 0`:                                      `pg_canary_synced{replica="db2"} is no`,
		`pg_canary_probes_total 0`:                                               "pg_canary_probes_total is no",
		`pg_canary_probes_total 1`:                                               "pg_canary_probes_total",
		`pg_canary_probes_total 2`:                                               "pg_canary_probes_total",
		`pg_canary_lag_seconds{replica="db2"} 0.152226744`:                       `pg_canary_lag_seconds{replica="db2"}`,
		`pg_canary_lag_seconds{replica="db2"} 5.0545464e+07`:                     `pg_canary_lag_seconds{replica="db2"}`,
		"Nobody could write for 1.601 s (between 1.568 s and 1.625 s): refused.": "Nobody could write for s (between s and s): refused.",
		"level=info ts=2026-11-26T04:23:08.906884813Z msg=x":                     "level=info ts= msg=x",
		"t":        "t",
		"  | - 12": "",
	} {
		// Punctuation that stands alone says nothing.
		if got := stable(line); strings.TrimPrefix(got, ": ") != strings.TrimPrefix(want, ": ") {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

func TestMissing(t *testing.T) {
	t.Parallel()
	const output = "up 12\nnoise\nsynced 3ms\nup 14\n"
	for name, test := range map[string]struct{ page, want string }{
		"all, with other numbers":     {"up 1.5\n\nsynced 4µs\n", ""},
		"nothing":                     {"", ""},
		"a line that is not there":    {"up 10\nlost 2\n", "lost 2"},
		"another order":               {"synced 1ms\nup 3\nsynced 2ms\n", "synced 2ms"},
		"a line twice, printed twice": {"up 10\nup 11\n", ""},
		"three times":                 {"up 10\nup 20\nup 30\n", "up 30"},
	} {
		if got := missing(test.page, output); got != test.want {
			t.Errorf("%s: %q is missing, want %q", name, got, test.want)
		}
	}
}

// TestJudge: a page is held to the output of the commands right before.
func TestJudge(t *testing.T) {
	t.Parallel()
	g := guide{name: "name", blocks: []block{{kind: site}, {kind: commands}, {line: 7, kind: seen, text: "synced\n"}, {kind: commands}}}
	if got := g.judge("\x1e1\nsynced\n\x1e3\n"); got != "" {
		t.Errorf("it is wrong: %s", got)
	}
	if got := g.judge("\x1e1\n\x1e3\nsynced\n"); !strings.HasPrefix(got, "name.md:7: not seen: synced") {
		t.Errorf("it says %q of what other commands printed", got)
	}
}
