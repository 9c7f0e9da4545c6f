//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
)

// TestShortSoak runs a short soak and has it judged by the program that judges
// the long one, as it is and with every kind of lie planted in it.
func TestShortSoak(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "history.jsonl")
	// A fault lasts longer than the wait, so that some probes give up.
	o := options{probes: 300, history: file, wait: 120 * time.Millisecond, quiet: 100 * time.Millisecond, fault: 450 * time.Millisecond}
	must(t, run(t.Context(), t.Output(), o))
	checker := filepath.Join(dir, "soakcheck")
	if output, err := exec.CommandContext(t.Context(), "go", "build", "-o", checker, "../soakcheck").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	if status, output := check(t.Context(), t, checker, file); status != 0 {
		keep(t, file)
		t.Fatalf("the history is not sound (%d):\n%s", status, output)
	}
	for name, lie := range lies {
		t.Run(name, func(t *testing.T) {
			h := load(t, file)
			lie.plant(h)
			told := filepath.Join(t.TempDir(), "history.jsonl")
			save(t, told, h)
			status, output := check(t.Context(), t, checker, told)
			if status != 1 || !strings.Contains(output, lie.found) {
				t.Errorf("exit status %d, want 1 and %q in:\n%s", status, lie.found, output)
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

func check(ctx context.Context, t *testing.T, checker, file string) (status int, output string) {
	t.Helper()
	text, err := exec.CommandContext(ctx, checker, file).CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), string(text)
	}
	must(t, err)
	return 0, string(text)
}

func load(t *testing.T, file string) *history.History {
	t.Helper()
	content, err := os.ReadFile(file)
	must(t, err)
	h, err := history.Load(bytes.NewReader(content))
	must(t, err)
	return h
}

func save(t *testing.T, file string, h *history.History) {
	t.Helper()
	var buffer bytes.Buffer
	w := history.NewWriter(&buffer)
	must(t, w.Write(history.Line{Settings: &h.Settings}))
	for i := range h.Probes {
		must(t, w.Write(history.Line{Probe: &h.Probes[i]}))
	}
	for i := range h.Seen {
		must(t, w.Write(history.Line{Seen: &h.Seen[i]}))
	}
	for i := range h.Faults {
		must(t, w.Write(history.Line{Fault: &h.Faults[i]}))
	}
	must(t, os.WriteFile(file, buffer.Bytes(), 0o600))
}

// TestWritersWithoutPgbench is for machines that have no pgbench.
func TestWritersWithoutPgbench(t *testing.T) {
	pair := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- writeWithSessions(ctx, pair) }()
	for rows := 0; rows < 10; {
		select {
		case err := <-done:
			t.Fatalf("the writers ended: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
		var there bool
		must(t, pair.Primary.QueryRow(t.Context(), "SELECT to_regclass('load') IS NOT NULL", &there))
		if there {
			must(t, pair.Primary.QueryRow(t.Context(), "SELECT count(*) FROM load", &rows))
		}
	}
	cancel()
	must(t, ended(ctx, <-done))
}

func TestHistoryThatCannotBeWritten(t *testing.T) {
	if err := run(t.Context(), io.Discard, options{history: t.TempDir()}); err == nil {
		t.Error("a directory was taken for the history")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
