//go:build unix

package account

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestCopyThatIsInterrupted: a clone may be of gigabytes, and is not waited for.
func TestCopyThatIsInterrupted(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	ctx, interrupt := context.WithCancel(t.Context())
	for _, name := range []string{"first", "second"} {
		if err := os.WriteFile(filepath.Join(from, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	err := Account{}.CopyTree(ctx, from, to, func(path string, _ os.DirEntry) bool {
		if path == "first" {
			interrupt()
		}
		return false
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
	if _, err := os.Stat(filepath.Join(to, "second")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it went on: %v", err)
	}
}
