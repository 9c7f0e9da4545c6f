package prometheus_test

import "github.com/pg-canary/pg_canary_exporter/collector"

// exported lists the metrics that the exporter exports.
func exported() []string {
	names := []string{"pg_canary_exporter_build_info"}
	for _, metric := range collector.Metrics() {
		names = append(names, metric.Name)
	}
	return names
}
