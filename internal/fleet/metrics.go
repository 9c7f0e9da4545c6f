package fleet

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/pg-canary/pg_canary_exporter/collector"
)

var (
	all []*collector.Metric

	clustersCount = define(collector.Gauge, "clusters", "Clusters that the exporter probes.")
	dialsTotal    = define(collector.Counter, "dials_total", "Attempts to connect to a node that were begun.")
	dialsUnderWay = define(collector.Gauge, "dials_in_flight", "Attempts to connect that are under way.")
	dialsWaiting  = define(collector.Gauge, "dials_waiting", "Attempts to connect that wait until fewer are under way.")

	reloadSuccessful = define(collector.Gauge, "config_last_reload_successful",
		"1 if the configuration file could be used when it was last read, 0 if not: then what was in force before stays.")
	reloadTimestamp = define(collector.Gauge, "config_last_reload_success_timestamp_seconds",
		"When the configuration file was last put into force, in seconds since 1970.")

	discoveryUp = define(collector.Gauge, "discovery_up",
		"1 if the cluster's nodes could be looked up the last time, 0 if not: then those of before stay.", "source")
	discoverySuccess = define(collector.Gauge, "discovery_last_success_timestamp_seconds",
		"When the cluster's nodes were last looked up, in seconds since 1970.", "source")
	discoveryNodes  = define(collector.Gauge, "discovery_nodes", "Nodes that were found when they were last looked up.", "source")
	discoveryPaused = define(collector.Gauge, "discovery_paused",
		"1 while Patroni is paused, so that nobody fails over by itself, 0 while it is not.")
	discoverySwitchover = define(collector.Gauge, "discovery_switchover_timestamp_seconds",
		"When Patroni is to switch over, in seconds since 1970, while that is scheduled.")
	discoveryTag = define(collector.Gauge, "discovery_node_tag",
		"1 for each thing that Patroni says of a node, such as the tag nofailover.", "node", "tag", "value")
)

// Metrics returns the definitions of all metrics of this package, which are published beside those of the probes.
func Metrics() []*collector.Metric { return all }

func define(kind, name, help string, labels ...string) *collector.Metric {
	m := collector.Define(kind, name, help, labels...)
	all = append(all, m)
	return m
}

// described sends the descriptions of some metrics.
func described(descriptions chan<- *prometheus.Desc, metrics ...*collector.Metric) {
	for _, m := range metrics {
		m.Describe(descriptions)
	}
}
