//go:build unix

package pgtest

import (
	"os"
	"testing"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// Port returns a TCP port of this host that nobody has, nor gets from here until the test ends.
func Port(t testing.TB) int {
	t.Helper()
	port, claim, err := pgcluster.ClaimPort()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = claim.Close() })
	return port
}

// SharedDir returns a directory that any account may enter, which that of t.TempDir is not. It goes with the test.
func SharedDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "shared-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // It is for everybody.
		t.Fatal(err)
	}
	return dir
}
