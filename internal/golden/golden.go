// Package golden holds files that are made of something to what they are made of: tests compare them, and write them
// where UPDATE_GOLDEN=1 is set.
package golden

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Updates says whether the files are to be written.
func Updates() bool { return os.Getenv("UPDATE_GOLDEN") != "" }

// File fails the test where the file is not as it should be.
func File(t testing.TB, file, want string) {
	t.Helper()
	if Updates() {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil { //nolint:gosec // Everybody may read what is committed.
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file) //nolint:gosec // The test's own.
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), want); diff != "" || err != nil {
		t.Errorf("%s is not what it is made of; make golden writes it (-is +should be):\n%s", file, diff)
	}
}

// Parts fails the test where what stands between <!-- NAME --> and <!-- end of NAME --> in a page is not as it should be,
// for each name of parts.
func Parts(t testing.TB, file string, parts map[string]string) {
	t.Helper()
	content, err := os.ReadFile(file) //nolint:gosec // The test's own.
	if err != nil {
		t.Fatal(err)
	}
	page := string(content)
	for name, part := range parts {
		begin, end := "<!-- "+name+" -->\n", "<!-- end of "+name+" -->\n"
		before, rest, begins := strings.Cut(page, begin)
		_, after, ends := strings.Cut(rest, end)
		if !begins || !ends {
			t.Fatalf("%s has no part %q", file, name)
		}
		page = before + begin + part + end + after
	}
	File(t, file, page)
}
