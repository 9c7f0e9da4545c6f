//go:build unix

package release

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var filled = values{Version: "1.2.3", FullCommit: "abcdef", CommitDate: "2026-11-26T03:40:13Z"}

const small = `
builds:
- {main: ./cmd/p, binary: p, env: [A=b], flags: [-trimpath], ldflags: ["-X v={{ .Version }} -X r={{ .FullCommit }}"]}
nfpms:
- id: packages
  ids: [p]
  package_name: the-p
  formats: [deb, rpm]
  file_name_template: "{{ .ConventionalFileName }}"
  maintainer: M <m@example.com>
  mtime: "{{ .CommitDate }}"
  contents:
  - {src: a, dst: /a, packager: deb, file_info: {mode: 0644}}
  deb: {compression: xz}
`

func TestCommitValues(t *testing.T) {
	got, err := commitValues("abcdef 1795664413\n", "1.2.3")
	must(t, err)
	if got != filled {
		t.Errorf("%+v", got)
	}
	if _, err := commitValues("", "1.2.3"); err == nil {
		t.Error("no commit is no error")
	}
}

func TestParse(t *testing.T) {
	c, err := parse([]byte(small), filled)
	must(t, err)
	if diff := cmp.Diff([]string{"-X v=1.2.3 -X r=abcdef"}, c.Builds[0].LDFlags); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"deb", "rpm"}, c.formats()); diff != "" {
		t.Error(diff)
	}
	for name, test := range map[string]struct{ from, to, want string }{
		"a template that goreleaser alone knows": {"{{ .CommitDate }}", "{{ .Runtime.Goos }}", "Runtime"},
		"a template with a mistake":              {"{{ .Version }}", "{{ .Version", "template"},
		"a second kind of packages":              {"nfpms:\n", "nfpms:\n- {id: more}\n", "2 nfpms"},
		"no YAML":                                {"builds:", "\tbuilds:", "yaml"},
	} {
		if _, err := parse([]byte(strings.Replace(small, test.from, test.to, 1)), filled); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDescribe(t *testing.T) {
	c, err := parse([]byte(small), filled)
	must(t, err)
	want := map[string]any{
		"name": "the-p", "arch": "amd64", "platform": "linux", "version": "1.2.3", "maintainer": "M <m@example.com>", "mtime": "2026-11-26T03:40:13Z",
		"deb": map[string]any{"compression": "xz", "arch_variant": "v1"},
		"contents": []any{
			map[string]any{"src": "a", "dst": "/a", "packager": "deb", "file_info": map[string]any{"mode": 0o644}},
			map[string]any{"src": "out/p", "dst": "/usr/bin/p", "file_info": map[string]any{"mode": 0o755, "mtime": "2026-11-26T03:40:13Z"}},
		},
	}
	if diff := cmp.Diff(want, c.describe(filled, Options{Arch: "amd64", Program: "out/p"})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestRepositorysConfiguration reads the real one, and looks for the files that are not made first.
func TestRepositorysConfiguration(t *testing.T) {
	t.Chdir("../../..")
	c, err := read(filled)
	must(t, err)
	contents, _ := c.Packages[0]["contents"].([]any)
	for _, entry := range contents {
		said, _ := entry.(map[string]any)
		if source, is := said["src"].(string); is && !strings.HasPrefix(source, "bin/release/") && !strings.Contains(source, "*") {
			if _, err := os.Stat(source); err != nil {
				t.Error(err)
			}
		}
	}
	if len(contents) < 10 {
		t.Errorf("it has %d contents", len(contents))
	}
}
