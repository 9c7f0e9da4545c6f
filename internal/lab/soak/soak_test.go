//go:build unix

package soak

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/soakcheck"
)

// TestShortSoak runs a short soak and has it judged as the long one is, as it is and with every kind of lie planted in it.
func TestShortSoak(t *testing.T) {
	file := filepath.Join(t.TempDir(), "history.jsonl")
	// A fault lasts longer than the wait, so that some probes give up.
	o := Options{Probes: 300, Failovers: 1, History: file, Wait: 120 * time.Millisecond, Quiet: 100 * time.Millisecond, Fault: 450 * time.Millisecond}
	must(t, Run(t.Context(), o, t.Output()))
	var found bytes.Buffer
	if err := soakcheck.Run(file, &found); err != nil {
		keep(t, file)
		t.Fatalf("the history is not sound: %v\n%s", err, &found)
	}
	all := maps.Clone(lies)
	maps.Copy(all, lineLies)
	for name, lie := range all {
		t.Run(name, func(t *testing.T) {
			h := readHistory(t, file)
			lie.plant(h)
			var found bytes.Buffer
			err := soakcheck.Judge(h, &found)
			if !errors.Is(err, lab.ErrUntrue) || !strings.Contains(found.String(), lie.found) {
				t.Errorf("%v, want %q in:\n%s", err, lie.found, &found)
			}
		})
	}
}

// keep copies a history that was found wrong, so that it can be looked into.
func keep(t *testing.T, file string) {
	t.Helper()
	content, err := os.ReadFile(file)
	must(t, err)
	kept := filepath.Join(os.TempDir(), "soak-violations.jsonl")
	must(t, os.WriteFile(kept, content, 0o600))
	t.Logf("the history is kept in %s", kept)
}

func readHistory(t *testing.T, file string) *history.History {
	t.Helper()
	content, err := os.ReadFile(file)
	must(t, err)
	h, err := history.Load(bytes.NewReader(content))
	must(t, err)
	return h
}

func TestHistoryThatCannotBeWritten(t *testing.T) {
	if err := Run(t.Context(), Options{History: t.TempDir()}, io.Discard); err == nil {
		t.Error("a directory was taken for the history")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
