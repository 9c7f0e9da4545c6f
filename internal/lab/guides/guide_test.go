//go:build unix

package guides

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// page writes a page with ' in the place of `, which Go does not allow in its strings.
func page(lines ...string) string {
	return strings.ReplaceAll(strings.Join(lines, "\n"), "'", "`")
}

func TestParse(t *testing.T) {
	t.Parallel()
	got, err := parse("name", page(
		"<!-- scene: pair -->", "# Title", "", "'''sh", "DB1=a", "'''", "", "'''yaml", "not: ours", "'''",
		"'''sh", "one", "", "'''", "<!-- seen -->", "'''text", "1", "'''",
		"- item", "  <!-- not run: no host -->", "  '''sh", "  two", "    three", "  '''", ""))
	want := guide{name: "name", scene: "pair", blocks: []block{
		{line: 4, kind: site, text: "DB1=a\n"},
		{line: 11, kind: commands, text: "one\n\n"},
		{line: 16, kind: seen, text: "1\n"},
		{line: 21, kind: commands, text: "two\n  three\n", notRun: "no host"},
	}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(guide{}, block{})); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestParseNothingRun(t *testing.T) {
	t.Parallel()
	got, err := parse("name", page("<!-- not run: no cloud -->", "# Title", "'''sh", "one", "'''"))
	want := guide{name: "name", notRun: "no cloud", blocks: []block{{line: 3, kind: commands, text: "one\n", notRun: "no cloud"}}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(guide{}, block{})); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestParseMistakes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		page string
		want string
	}{
		"commands without a scene":       {page("# Title", "'''sh", "one", "'''"), "name the page's scene"},
		"a scene too late":               {page("# Title", "<!-- scene: pair -->"), "before anything else"},
		"two scenes":                     {page("<!-- scene: pair -->", "<!-- scene: far -->"), "one scene"},
		"a scene and none":               {page("<!-- scene: pair -->", "<!-- not run: why -->"), "one scene"},
		"a scene without a name":         {page("<!-- scene -->"), "write <!-- scene"},
		"no reason":                      {page("# Title", "<!-- not run -->"), "write <!-- scene"},
		"a block without an end":         {page("<!-- scene: pair -->", "'''sh", "one"), "does not end"},
		"a comment about no block":       {page("# Title", "<!-- seen -->"), "about no block"},
		"a comment before text":          {page("# Title", "<!-- seen -->", "text"), "right before it"},
		"two comments":                   {page("# Title", "<!-- seen -->", "<!-- not run: why -->"), "two comments"},
		"seen commands":                  {page("<!-- scene: pair -->", "# Title", "<!-- seen -->", "'''sh", "'''"), "no block of commands"},
		"seen of what was not run":       {page("<!-- scene: pair -->", "# Title", "<!-- not run: why -->", "'''sh", "'''", "<!-- seen -->", "'''", "'''"), "follows the commands"},
		"seen of the first block":        {page("<!-- scene: pair -->", "'''sh", "'''", "<!-- seen -->", "'''", "'''"), "follows the commands"},
		"seen twice":                     {page("<!-- scene: pair -->", "'''sh", "'''", "'''sh", "'''", "<!-- seen -->", "'''", "'''", "<!-- seen -->", "'''", "'''"), "follows the commands"},
		"something else that is not run": {page("# Title", "<!-- not run: why -->", "'''yaml", "'''"), "only commands"},
	} {
		if _, err := parse("name", test.page); err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "name.md:") {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

func TestDefinitions(t *testing.T) {
	t.Parallel()
	g := guide{name: "name", blocks: []block{{line: 3, kind: site, text: "# why\nDB1=a  # the primary\n\nstop() { ssh db1 'stop it'; }\n"}}}
	got, err := g.definitions()
	if diff := cmp.Diff([]string{"DB1", "stop"}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	g.blocks[0].text += "psql\n"
	if _, err := g.definitions(); err == nil || !strings.HasPrefix(err.Error(), "name.md:8: ") {
		t.Errorf("a command among the definitions: %v", err)
	}
}

func TestScript(t *testing.T) {
	t.Parallel()
	g := guide{name: "name", scene: "pair", blocks: []block{
		{kind: site, text: "DB1=a\n"},
		{kind: commands, text: "echo $DB1\n"},
		{kind: commands, text: "ssh\n", notRun: "why"},
		{kind: commands, text: "true\n"},
	}}
	got, err := g.script(map[string]string{"DB1": "DB1='b'", "DB2": "DB2='c'"})
	want := "set -euo pipefail\nDB1='b'\nprintf '\\036%d\\n' 1\necho $DB1\nprintf '\\036%d\\n' 3\ntrue\n"
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := g.script(nil); err == nil || !strings.Contains(err.Error(), "DB1, which the scene pair does not know") {
		t.Errorf("a scene without the variable: %v", err)
	}
}

// TestRewritten: what was printed gets into its place, whatever was there and above it.
func TestRewritten(t *testing.T) {
	t.Parallel()
	text := page("<!-- scene: pair -->", "'''sh", "'''", "'''sh", "one", "'''", "<!-- seen -->", "'''text", "old", "older", "'''", "between",
		"'''sh", "two", "'''", "<!-- seen -->", "'''text", "'''", "end", "")
	g, err := parse("name", text)
	if err != nil {
		t.Fatal(err)
	}
	got := g.rewritten(text, "noise\x1e1\nnew\n\x1e3\nsecond\nthird\n")
	want := page("<!-- scene: pair -->", "'''sh", "'''", "'''sh", "one", "'''", "<!-- seen -->", "'''text", "new", "'''", "between",
		"'''sh", "two", "'''", "<!-- seen -->", "'''text", "second", "third", "'''", "end", "")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("another page (-want +got):\n%s", diff)
	}
}
