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

// TestShortSoak runs a short soak, without the pulse and with it at the same time, for most of either is waiting for servers. It
// has both judged as the long one is, as they are and with every kind of lie planted in them.
func TestShortSoak(t *testing.T) {
	all := map[string]lie{}
	for _, some := range []map[string]lie{lies, lineLies, totalLies, outageLies} {
		maps.Copy(all, some)
	}
	// A fault lasts longer than the wait, so that some probes give up.
	quick := Options{Probes: 300, Failovers: 1, Wait: 120 * time.Millisecond, Quiet: 100 * time.Millisecond, Fault: 450 * time.Millisecond}
	t.Run("without the pulse", func(t *testing.T) { soakShortly(t, quick, all) })
	beating, more := quick, maps.Clone(pulseLies)
	maps.Copy(more, all)
	// Each probe is followed by a rest, in which there are beats.
	beating.Probes, beating.Pulse = 60, 100*time.Millisecond
	t.Run("with the pulse", func(t *testing.T) { soakShortly(t, beating, more) })
}

func soakShortly(t *testing.T, o Options, lies map[string]lie) {
	t.Parallel()
	o.History = filepath.Join(t.TempDir(), "history.jsonl")
	must(t, Run(t.Context(), o, t.Output()))
	var found bytes.Buffer
	if err := soakcheck.Run(o.History, &found); err != nil {
		keep(t, o.History)
		t.Fatalf("the history is not sound: %v\n%s", err, &found)
	}
	for name, lie := range lies {
		t.Run(name, func(t *testing.T) {
			h := readHistory(t, o.History)
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
	kept := filepath.Join(os.TempDir(), "soak-violations-"+filepath.Base(t.Name())+".jsonl")
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
