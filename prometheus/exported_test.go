package prometheus_test

import (
	"github.com/pg-canary/pg_canary_exporter/collector"
	"github.com/pg-canary/pg_canary_exporter/internal/fleet"
)

// exported lists the metrics that the exporter exports, with the series of
// classic histograms.
func exported() []string {
	names := []string{"pg_canary_exporter_build_info"}
	for _, metric := range collector.Metrics() {
		names = append(names, metric.Name)
		if metric.Type == "histogram" {
			names = append(names, metric.Name+"_bucket", metric.Name+"_sum", metric.Name+"_count")
		}
	}
	for _, metric := range fleet.Metrics() {
		names = append(names, metric.Name)
	}
	return names
}
