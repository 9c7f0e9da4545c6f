//go:build unix

package main

import (
	"io"
	"sync"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/observer"
)

// recorder writes the history while it happens.
type recorder struct {
	clock    history.Clock
	watching *observer.Observer

	mu     sync.Mutex
	writer *history.Writer
}

func newRecorder(w io.Writer, clock history.Clock, watching *observer.Observer) *recorder {
	return &recorder{clock: clock, watching: watching, writer: history.NewWriter(w)}
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
