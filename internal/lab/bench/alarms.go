//go:build unix

package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/exporter"
)

// countAlarms scrapes a healthy pair again and again, and counts the scrapes
// that say anything else of it.
func countAlarms(ctx context.Context, out io.Writer, e *exporter.Exporter, scrapes int) error {
	var text bytes.Buffer
	scrape, connection, err := e.Scraper(ctx, alone, http.Header{"Accept": {"text/plain"}}, &text)
	if err != nil {
		return err
	}
	defer connection.Close() //nolint:errcheck // It was only read from.
	alarms, longest := 0, 0.0
	for range scrapes {
		text.Reset()
		if err := scrape(ctx); err != nil {
			return err
		}
		samples, err := exporter.Parse(&text)
		if err != nil {
			return err
		}
		if samples.State != "synced" || samples.Value("pg_canary_synced") != 1 {
			alarms++
		}
		longest = max(longest, samples.Value("pg_canary_lag_seconds"))
	}
	_, err = fmt.Fprintf(out, "\nA healthy pair: %d of %d scrapes in a row said anything but synced (at most 0); longest lag %.1f ms\n",
		alarms, scrapes, longest*1e3)
	return err
}
