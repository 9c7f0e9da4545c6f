package golden_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/pg-canary/pg_canary_exporter/internal/golden"
)

// recorder is a test that may fail.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Helper()               {}
func (r *recorder) Errorf(string, ...any) { r.failed = true }

func failsOf(t *testing.T, file, want string) bool {
	t.Helper()
	r := &recorder{TB: t}
	golden.File(r, file, want)
	return r.failed
}

func TestFile(t *testing.T) {
	t.Setenv("UPDATE_GOLDEN", "")
	file := filepath.Join(t.TempDir(), "file")
	if !failsOf(t, file, "one\n") {
		t.Error("a file that is not there is as it should be")
	}
	t.Setenv("UPDATE_GOLDEN", "1")
	if failsOf(t, file, "one\n") {
		t.Error("it is not written")
	}
	t.Setenv("UPDATE_GOLDEN", "")
	if failsOf(t, file, "one\n") || !failsOf(t, file, "two\n") {
		t.Error("a difference is none, or none is one")
	}
}

func TestParts(t *testing.T) {
	t.Setenv("UPDATE_GOLDEN", "")
	file := filepath.Join(t.TempDir(), "page.md")
	page := "Title\n<!-- a -->\nold\n<!-- end of a -->\nbetween\n<!-- b -->\n<!-- end of b -->\nafter\n"
	if err := os.WriteFile(file, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	parts := map[string]string{"a": "new\n", "b": "more\n"}
	r := &recorder{TB: t}
	golden.Parts(r, file, parts)
	if !r.failed {
		t.Error("other parts are as they should be")
	}
	t.Setenv("UPDATE_GOLDEN", "1")
	golden.Parts(t, file, parts)
	got, err := os.ReadFile(file)
	if want := "Title\n<!-- a -->\nnew\n<!-- end of a -->\nbetween\n<!-- b -->\nmore\n<!-- end of b -->\nafter\n"; err != nil || string(got) != want {
		t.Errorf("%q, %v", got, err)
	}
}
