package prometheus_test

import "github.com/pg-canary/pg_canary_exporter/collector"

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
	return names
}
