package fleet

import "github.com/prometheus/client_golang/prometheus"

// Metric describes one of the metrics that are published beside those of the probes.
type Metric struct {
	// Name is the full name, with the namespace.
	Name string
	// Type is "gauge" or "counter".
	Type   string
	Labels []string
	Help   string

	desc *prometheus.Desc
}

var (
	all []*Metric

	clustersCount = define("gauge", "pg_canary_clusters", "Clusters that the exporter probes.")
	dialsTotal    = define("counter", "pg_canary_dials_total", "Attempts to connect to a node that were begun.")
	dialsUnderWay = define("gauge", "pg_canary_dials_in_flight", "Attempts to connect that are under way.")
	dialsWaiting  = define("gauge", "pg_canary_dials_waiting", "Attempts to connect that wait until fewer are under way.")

	reloadSuccessful = define("gauge", "pg_canary_config_last_reload_successful",
		"1 if the configuration file could be used when it was last read, 0 if not: then what was in force before stays.")
	reloadTimestamp = define("gauge", "pg_canary_config_last_reload_success_timestamp_seconds",
		"When the configuration file was last put into force, in seconds since 1970.")

	discoveryUp = define("gauge", "pg_canary_discovery_up",
		"1 if the cluster's nodes could be looked up the last time, 0 if not: then those of before stay.", "source")
	discoverySuccess = define("gauge", "pg_canary_discovery_last_success_timestamp_seconds",
		"When the cluster's nodes were last looked up, in seconds since 1970.", "source")
	discoveryNodes  = define("gauge", "pg_canary_discovery_nodes", "Nodes that were found when they were last looked up.", "source")
	discoveryPaused = define("gauge", "pg_canary_discovery_paused",
		"1 while Patroni is paused, so that nobody fails over by itself, 0 while it is not.")
	discoverySwitchover = define("gauge", "pg_canary_discovery_switchover_timestamp_seconds",
		"When Patroni is to switch over, in seconds since 1970, while that is scheduled.")
	discoveryTag = define("gauge", "pg_canary_discovery_node_tag",
		"1 for each thing that Patroni says of a node, such as the tag nofailover.", "node", "tag", "value")
)

// Metrics returns the definitions of all metrics of this package.
func Metrics() []*Metric { return all }

func define(kind, name, help string, labels ...string) *Metric {
	m := &Metric{Name: name, Type: kind, Labels: labels, Help: help, desc: prometheus.NewDesc(name, help, labels, nil)}
	all = append(all, m)
	return m
}

// send sends a value of the metric.
func (m *Metric) send(metrics chan<- prometheus.Metric, value float64, labels ...string) {
	kind := prometheus.GaugeValue
	if m.Type == "counter" {
		kind = prometheus.CounterValue
	}
	metric, err := prometheus.NewConstMetric(m.desc, kind, value, labels...)
	if err != nil {
		metric = prometheus.NewInvalidMetric(m.desc, err)
	}
	metrics <- metric
}

// described sends the descriptions of some metrics.
func described(descriptions chan<- *prometheus.Desc, metrics ...*Metric) {
	for _, m := range metrics {
		descriptions <- m.desc
	}
}

func toFloat(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
