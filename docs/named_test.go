package docs_test

import (
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pg-canary/pg_canary_exporter/internal/golden"
)

// generated are the pages that something else writes, and where the names have their places.
var generated = []string{"docs/metrics.md", "docs/flags.md", "docs/configuration.md", "docs/faults.md", "CHANGELOG.md"}

// mention is a name in a page, as code: a metric, perhaps with labels, a flag, perhaps with its value, an alert, a state,
// a reason, or a key, perhaps with its colon.
var mention = regexp.MustCompile("`(pg_canary_[a-z_]+|--[a-z][a-z.-]*[a-z]|PgCanary[A-Za-z]+|[a-z]+(?:_[a-z]+)*:?)([{=][^`\n]*)?`")

// ambiguous are states, reasons and keys whose names mean something else too.
var ambiguous = []string{"primary", "synced", "timeout", "connect", "other", "synchronous_commit"}

// places returns where each name is explained: the page, and the place in it.
func places(all map[string]*page) map[string]string {
	places := map[string]string{}
	for _, name := range []string{"docs/metrics.md", "docs/fleet.md", "docs/flags.md"} {
		for _, anchor := range all[name].anchors {
			switch {
			case strings.HasPrefix(anchor, "pg_canary_"):
				places[anchor] = name + "#" + anchor
			case strings.HasPrefix(anchor, "flag-"):
				places["--"+strings.TrimPrefix(anchor, "flag-")] = name + "#" + anchor
			}
		}
	}
	for _, kind := range []struct{ page, anchors, form string }{
		{"docs/configuration.md", `^key-[a-z]+-(.+)$`, "$1:"},
		{"docs/configuration.md", `^key-[a-z]+-(.+_.+)$`, "$1"}, // Others are common words.
		{"docs/metrics.md", `^reason-(.+)$`, "$1"},
		{"docs/metrics.md", `^state-(.+)$`, "$1"},
	} {
		pattern := regexp.MustCompile(kind.anchors)
		for _, anchor := range all[kind.page].anchors {
			if word := pattern.ReplaceAllString(anchor, kind.form); word != anchor && !slices.Contains(ambiguous, word) {
				places[word] = kind.page + "#" + anchor
			}
		}
	}
	for name := range all {
		if alert := strings.TrimSuffix(path.Base(name), ".md"); path.Dir(name) == "docs/runbooks" && strings.HasPrefix(alert, "PgCanary") {
			places[alert] = name
		}
	}
	return places
}

// linkNames returns a page with the first mention of each name linked, where it is not already.
func linkNames(name, text string, places map[string]string) string {
	var b strings.Builder
	done := map[string]bool{}
	inCode := false
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(strings.TrimSpace(line), "```"):
			inCode = !inCode
		case inCode, strings.HasPrefix(line, "#"), strings.HasPrefix(line, "<"):
		default:
			line = linkLine(name, line, places, done)
		}
		b.WriteString(line)
	}
	return b.String()
}

func linkLine(name, line string, places map[string]string, done map[string]bool) string {
	var b strings.Builder
	last := 0
	for _, at := range mention.FindAllStringSubmatchIndex(line, -1) {
		found, before := line[at[2]:at[3]], line[:at[0]]
		place, explained := places[found]
		page, _, _ := strings.Cut(place, "#")
		if !explained || done[found] || page == name {
			continue
		}
		done[found] = true
		if strings.Count(before, "[") > strings.Count(before, "](") || strings.HasSuffix(before, "</a>") {
			continue // It is within a link, or a place.
		}
		relative, err := filepath.Rel(path.Dir(name), place)
		if err != nil {
			continue
		}
		b.WriteString(line[last:at[0]] + "[" + line[at[0]:at[1]] + "](" + filepath.ToSlash(relative) + ")")
		last = at[1]
	}
	return b.String() + line[last:]
}

// TestNamesAreLinked: where a page first names a metric, a flag, an alert, a state, a reason or a key, it leads to where that is
// explained.
func TestNamesAreLinked(t *testing.T) {
	t.Parallel()
	all := pages(t)
	places := places(all)
	if len(places) < 120 {
		t.Fatalf("only %d names have a place", len(places))
	}
	for name := range all {
		if slices.Contains(generated, name) || !strings.HasPrefix(name, "docs/") && !strings.HasPrefix(name, "dashboards/") && name != "README.md" {
			continue
		}
		golden.File(t, filepath.Join("..", name), linkNames(name, read(t, name), places))
	}
}

func TestLinkNames(t *testing.T) {
	t.Parallel()
	places := map[string]string{
		"pg_canary_up": "docs/metrics.md#pg_canary_up", "--probe.wait": "docs/flags.md#flag-probe.wait", "PgCanaryX": "docs/runbooks/PgCanaryX.md",
		"sync_wait": "docs/metrics.md#reason-sync_wait", "dns:": "docs/configuration.md#key-discover-dns",
	}
	for text, want := range map[string]string{
		"see `pg_canary_up` and `pg_canary_up`\n":      "see [`pg_canary_up`](../metrics.md#pg_canary_up) and `pg_canary_up`\n",
		"with `--probe.wait=3s`, `--no-such=1`\n":      "with [`--probe.wait=3s`](../flags.md#flag-probe.wait), `--no-such=1`\n",
		"| `pg_canary_up{job=\"x\"}` |\n":              "| [`pg_canary_up{job=\"x\"}`](../metrics.md#pg_canary_up) |\n",
		"[the `pg_canary_up`](x) and `pg_canary_up`\n": "[the `pg_canary_up`](x) and `pg_canary_up`\n",
		"```\n`pg_canary_up`\n```\n# `pg_canary_up`\n": "```\n`pg_canary_up`\n```\n# `pg_canary_up`\n",
		"`PgCanaryX`\n":                     "[`PgCanaryX`](../runbooks/PgCanaryX.md)\n",
		"pg_canary_up, `pg_canary_other`\n": "pg_canary_up, `pg_canary_other`\n",
		"`sync_wait`, `dns`, `dns:`\n":      "[`sync_wait`](../metrics.md#reason-sync_wait), `dns`, [`dns:`](../configuration.md#key-discover-dns)\n",
	} {
		if got := linkNames("docs/guides/x.md", text, places); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}
