//go:build unix

package guides

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster/pgtest"
)

const head = "<!-- scene: pair -->\n# Title\n```sh\nDB1=a\nCANARY_PASSWORD=b\nstop_db2() { true; }\nstart_db2() { true; }\n```\n"

// TestPlay plays pages on a real pair: one that is right, one whose commands fail, one that says something else than what is
// seen, and one that does not end. Nothing is left of any.
func TestPlay(t *testing.T) {
	t.Chdir(filepath.Join("..", "..", "..")) // Where the pages and the rules are.
	t.Setenv("TMPDIR", pgtest.SharedDir(t))
	var out lab.Log
	p := &player{Options: Options{Limit: 5 * time.Minute}, out: &out}
	var err error
	if p.tools, err = newToolbox(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.tools.close(); err != nil {
			t.Error(err)
		}
	}()
	for name, test := range map[string]struct {
		rest  string
		limit time.Duration
		want  string
	}{
		"right": {"```sh\nexport PG_CANARY_ROLE_PASSWORD=\"$CANARY_PASSWORD\"\n" +
			"pg_canary_exporter setup --primary.dsn=\"postgres://postgres@$DB1/postgres\" 2> setup.log\n" +
			// What is left behind: a server that is nobody's child, and a job of the shell.
			"stop_db2\nstart_db2 > start.log\nsleep 1000 &\necho one 10\n```\n<!-- seen -->\n```text\none 20\n```\n" +
			"<!-- not run: why -->\n```sh\nfalse\n```\n", p.Limit, "right: as it says"},
		"fails":   {"```sh\necho before\nfalse\necho after\n```\n", p.Limit, "fails.md:9: these commands end with exit status 1, after:\nbefore\n"},
		"differs": {"```sh\necho one\n```\n<!-- seen -->\n```text\ntwo\n```\n", p.Limit, "differs.md:13: not seen: two"},
		"hangs":   {"```sh\nsleep 1000\n```\n", time.Second, "hangs.md:9: these commands end with no end in time"},
	} {
		g, err := parse(name, head+test.rest)
		if err != nil {
			t.Fatal(err)
		}
		p.Limit = test.limit
		if err := p.play(t.Context(), g); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !strings.Contains(out.String(), test.want) {
			t.Errorf("%s: it does not say %q:\n%s", name, test.want, out.String())
		}
	}
	if err := p.conclude(); !errors.Is(err, lab.ErrUntrue) {
		t.Errorf("it ends with %v", err)
	}
	for _, want := range []string{"Ran:\nright.md on the scene pair", "Not run:\nright.md:22: why", "Failed:\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the list at the end does not have %q:\n%s", want, out.String())
		}
	}
	if left, err := filepath.Glob(filepath.Join(os.TempDir(), "guide-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}
