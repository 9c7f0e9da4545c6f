//go:build unix

package pgcluster

import (
	"os/exec"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/reaper"
)

// TestEndOfAProcessThatHasJustEnded: its parent has waited for it, but the news
// has not got around.
func TestEndOfAProcessThatHasJustEnded(t *testing.T) {
	for name, end := range map[string]func(*Server, process) error{
		"stop": func(s *Server, _ process) error { return s.Stop(t.Context(), Immediate) },
		"kill": func(_ *Server, p process) error { return p.kill() },
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "true")
			if err := cmd.Run(); err != nil {
				t.Fatal(err)
			}
			p := process{&reaper.Process{Cmd: cmd, Done: make(chan struct{})}}
			time.AfterFunc(100*time.Millisecond, func() { close(p.Done) })
			if err := end(&Server{running: p}, p); err != nil {
				t.Error(err)
			}
			if p.Running() {
				t.Error("it did not wait for the end")
			}
		})
	}
}
