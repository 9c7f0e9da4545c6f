//go:build unix

package exporter

import (
	"context"
	"fmt"
	"time"
)

// WaitBeat waits until a canary is acknowledged after a moment, of a scrape or of the pulse, and its
// reads have ended.
func (e *Exporter) WaitBeat(ctx context.Context, after time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		e.mu.Lock()
		last, news := e.acknowledged, e.news
		e.mu.Unlock()
		if last.After(after) {
			return nil
		}
		select {
		case <-news:
		case <-e.ended:
			return fmt.Errorf("the exporter ended: %s", e.lastLine())
		case <-ctx.Done():
			return fmt.Errorf("no canary is acknowledged: %w", ctx.Err())
		}
	}
}
