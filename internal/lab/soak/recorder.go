//go:build unix

package soak

import (
	"io"
	"sync"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/observer"
)

// recorder writes the history while it happens.
type recorder struct {
	clock history.Clock
	// watching is set when the servers are there.
	watching *observer.Observer

	mu     sync.Mutex
	writer *history.Writer
}

// newRecorder begins the clock of a history.
func newRecorder(w io.Writer) *recorder {
	return &recorder{clock: history.Clock{Began: time.Now()}, writer: history.NewWriter(w)}
}

func (r *recorder) write(line history.Line) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.writer.Write(line)
}

// add writes a probe, and what the observer has seen meanwhile.
func (r *recorder) add(probe *history.Probe) error {
	if err := r.write(history.Line{Probe: probe}); err != nil {
		return err
	}
	return r.observed()
}

// finish stops the observer and writes the rest of what it has seen.
func (r *recorder) finish() error {
	r.watching.Stop()
	return r.observed()
}

func (r *recorder) observed() error {
	for _, seen := range r.watching.Take() {
		if err := r.write(history.Line{Seen: &seen}); err != nil {
			return err
		}
	}
	return nil
}
