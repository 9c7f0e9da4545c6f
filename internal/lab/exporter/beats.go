//go:build unix

package exporter

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Beat is one that the exporter made, for a scrape or between them.
type Beat struct {
	// Attempted is when it was sent, or would have been, and Acknowledged when it was, zero
	// where it was not. Ended is when its reads had ended too.
	Attempted, Acknowledged, Ended time.Time
}

// Answered is when its write was: acknowledged, or given up by then.
func (b Beat) Answered() time.Time {
	if b.Acknowledged.IsZero() {
		return b.Ended
	}
	return b.Acknowledged
}

// keptBeats is how many are kept.
const keptBeats = 256

func (e *Exporter) keepBeat(beat Beat) {
	e.beats = append(e.beats[max(0, len(e.beats)-keptBeats+1):], beat)
}

// Beats returns the last ones that have ended, as the log at debug level has them.
func (e *Exporter) Beats() []Beat {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.beats)
}

// WaitBeat waits until one has ended that was acknowledged after a moment.
func (e *Exporter) WaitBeat(ctx context.Context, after time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		e.mu.Lock()
		acknowledged, news := slices.ContainsFunc(e.beats, func(b Beat) bool { return b.Acknowledged.After(after) }), e.news
		e.mu.Unlock()
		if acknowledged {
			return nil
		}
		select {
		case <-news:
		case <-e.ended:
			return fmt.Errorf("the exporter ended: %s", e.lastLine())
		case <-ctx.Done():
			return fmt.Errorf("no beat is acknowledged: %w", ctx.Err())
		}
	}
}
