//go:build unix

package release

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestNotes runs the script that takes a version's section out of the changelog.
func TestNotes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "CHANGELOG.md")
	must(t, os.WriteFile(file, []byte("# Changelog\n\n## [Unreleased]\n\n- Later.\n\n## [1.2.3] - 2026-11-26\n\n### Added\n\n- It.\n\n## [1.2.2] - 2026-11-25\n\n## [1.2] - 2026-11-24\n\n- Old.\n"), 0o600))
	for version, want := range map[string]string{
		"v1.2.3": "### Added\n\n- It.\n",
		"1.2":    "- Old.\n",
		"1.2.2":  "", // It says nothing.
		"1.2.4":  "", // There is none.
	} {
		notes, err := exec.Command("../../../scripts/release-notes.sh", version, file).Output()
		if string(notes) != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", version, notes, err)
		}
	}
}
