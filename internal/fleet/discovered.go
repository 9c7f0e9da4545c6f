package fleet

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// discovered publishes how the nodes of a cluster are found. It has nothing to say of one whose nodes are listed.
type discovered struct{ member *Member }

var _ prometheus.Collector = discovered{}

// kindPatroni is the only source that knows of a pause.
const kindPatroni = "patroni"

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
	discoveryUp.send(metrics, toFloat(status.Up), status.Kind)
	if status.LastSuccess.IsZero() {
		return
	}
	discoverySuccess.send(metrics, seconds(status.LastSuccess), status.Kind)
	discoveryNodes.send(metrics, float64(len(status.Found.Nodes)), status.Kind)
	if status.Kind == kindPatroni {
		discoveryPaused.send(metrics, toFloat(status.Found.Paused))
	}
	if s := status.Found.Switchover; s != nil {
		discoverySwitchover.send(metrics, seconds(s.At))
	}
	for _, n := range status.Found.Nodes {
		for tag, value := range n.Labels {
			discoveryTag.send(metrics, 1, n.Name, tag, value)
		}
	}
}

// seconds returns a moment as metrics have it.
func seconds(t time.Time) float64 { return float64(t.UnixNano()) / float64(time.Second) }
