package fleet

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pg-canary/pg_canary_exporter/collector"
	"github.com/pg-canary/pg_canary_exporter/internal/discovery"
)

// discovered publishes how the nodes of a cluster are found. It has nothing to say of one whose nodes are listed.
type discovered struct{ member *Member }

var _ prometheus.Collector = discovered{}

// Describe sends the descriptions of all metrics.
func (d discovered) Describe(descriptions chan<- *prometheus.Desc) {
	described(descriptions, discoveryUp, discoverySuccess, discoveryNodes, discoveryPaused, discoverySwitchover, discoveryTag)
}

// Collect sends the metrics.
func (d discovered) Collect(metrics chan<- prometheus.Metric) {
	status, ok := d.member.status()
	if !ok || !status.Asked {
		return
	}
	metrics <- discoveryUp.Value(collector.ToFloat(status.Up), status.Kind)
	if status.LastSuccess.IsZero() {
		return
	}
	metrics <- discoverySuccess.Value(seconds(status.LastSuccess), status.Kind)
	metrics <- discoveryNodes.Value(float64(len(status.Found.Nodes)), status.Kind)
	if status.Kind == discovery.KindPatroni { // It alone knows of a pause.
		metrics <- discoveryPaused.Value(collector.ToFloat(status.Found.Paused))
	}
	if s := status.Found.Switchover; s != nil {
		metrics <- discoverySwitchover.Value(seconds(s.At))
	}
	for _, n := range status.Found.Nodes {
		for tag, value := range n.Labels {
			metrics <- discoveryTag.Value(1, n.Name, tag, value)
		}
	}
}

// seconds returns a moment as metrics have it.
func seconds(t time.Time) float64 { return float64(t.UnixNano()) / float64(time.Second) }
