package config

import (
	"slices"
	"testing"

	"github.com/pg-canary/pg_canary_exporter/collector"
)

// TestLabelsOfMetricsAreReserved holds the list to the metrics.
func TestLabelsOfMetricsAreReserved(t *testing.T) {
	for _, metric := range collector.Metrics() {
		for _, label := range metric.Labels {
			if !slices.Contains(reservedLabels, label) {
				t.Errorf("a cluster may have the label %s, which %s has", label, metric.Name)
			}
		}
	}
}
