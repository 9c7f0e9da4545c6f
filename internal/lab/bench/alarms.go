//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// countAlarms scrapes a healthy pair again and again, and counts the scrapes
// that say anything else of it.
func countAlarms(ctx context.Context, out io.Writer, dsns []string, scrapes int) error {
	exporter, err := startExporter(ctx, dsns)
	if err != nil {
		return err
	}
	defer exporter.stop()
	var text bytes.Buffer
	scrape, err := exporter.scraper(ctx, "/probe", http.Header{"Accept": {"text/plain"}}, &text)
	if err != nil {
		return err
	}
	alarms, longest := 0, 0.0
	for range scrapes {
		text.Reset()
		if err := scrape(ctx); err != nil {
			return err
		}
		healthy, lag, err := verdict(&text)
		if err != nil {
			return err
		}
		if !healthy {
			alarms++
		}
		longest = max(longest, lag)
	}
	_, err = fmt.Fprintf(out, "\nA healthy pair: %d of %d scrapes in a row said anything but synced (at most 0); longest lag %.1f ms\n",
		alarms, scrapes, longest*1e3)
	return err
}

// verdict reads the verdict on the only replica, and its lag in seconds.
func verdict(text io.Reader) (healthy bool, lag float64, err error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(text)
	if err != nil {
		return false, 0, err
	}
	synced, state, seconds := families["pg_canary_synced"], families["pg_canary_replica_state"], families["pg_canary_lag_seconds"]
	if state == nil {
		return false, 0, errors.New("the scrape has no state of the replica")
	}
	if synced == nil || seconds == nil {
		return false, 0, nil
	}
	healthy = synced.Metric[0].GetGauge().GetValue() == 1
	for _, metric := range state.Metric {
		for _, label := range metric.Label {
			if label.GetName() == "state" && (label.GetValue() == "synced") != (metric.GetGauge().GetValue() == 1) {
				healthy = false
			}
		}
	}
	return healthy, seconds.Metric[0].GetGauge().GetValue(), nil
}
