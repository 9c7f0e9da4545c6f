package collector

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

// snapshot is what one scrape publishes: what its probe observed, and what all
// probes add up to.
type snapshot struct {
	result *probe.Result
	totals *totals
}

var _ prometheus.Collector = snapshot{}

// Describe sends the descriptions of all metrics.
func (s snapshot) Describe(descriptions chan<- *prometheus.Desc) {
	for _, m := range Metrics() {
		descriptions <- m.desc
	}
}

// Collect sends the metrics.
func (s snapshot) Collect(metrics chan<- prometheus.Metric) {
	samples{metrics}.result(s.result)
	s.totals.collect(metrics)
}

// samples is where the samples of a scrape go.
type samples struct{ metrics chan<- prometheus.Metric }

func (s samples) add(m *Metric, value float64, labels ...string) {
	s.metrics <- m.value(value, labels...)
}

// result adds what one probe observed.
func (s samples) result(r *probe.Result) {
	s.add(up, toFloat(r.Write != nil))
	s.add(probeDuration, r.Duration.Seconds())
	s.add(primaries, float64(r.Primaries()))
	if w := r.Write; w != nil {
		s.add(writeDuration, w.Acknowledged.Sub(w.Sent).Seconds())
		s.add(primaryCapacity, float64(w.Capacity))
		s.known(primaryLSN, uint64(w.LSN))
		s.known(primaryTimeline, uint64(w.Timeline))
	}
	for i := range r.Nodes {
		node := &r.Nodes[i]
		s.add(nodeUp, toFloat(node.Up), node.Name)
		if node.InRecovery != nil {
			s.add(nodeIsPrimary, toFloat(!*node.InRecovery), node.Name)
		}
		if node.Replica != nil {
			s.replica(node.Name, node.Replica)
		}
	}
}

func (s samples) replica(name string, replica *probe.ReplicaResult) {
	if replica.Synced != nil {
		s.add(synced, toFloat(*replica.Synced), name)
	}
	if replica.LagBytes != nil {
		s.add(lagBytes, float64(*replica.LagBytes), name)
	}
	if replica.Lag != nil {
		s.add(lagSeconds, replica.Lag.Seconds(), name)
	}
	if first := replica.First; first != nil {
		s.firstRead(name, first)
	}
	if replica.State != "" {
		for _, state := range probe.ReplicaStates() {
			s.add(replicaState, toFloat(state == replica.State), name, string(state))
		}
	}
}

// firstRead adds what the first read of a replica showed.
func (s samples) firstRead(name string, first *probe.Read) {
	s.add(readDuration, first.Received.Sub(first.Sent).Seconds(), name)
	s.known(replayLSN, uint64(first.ReplayLSN), name)
	s.known(receiveLSN, uint64(first.ReceiveLSN), name)
	s.known(replicaTimeline, uint64(first.Timeline), name)
	if first.Found {
		s.add(replicaCapacity, float64(first.Capacity), name)
	}
	if first.ApplyDelay != nil {
		s.add(applyDelay, first.ApplyDelay.Seconds(), name)
	}
}

// known adds a value that PostgreSQL never has at 0.
func (s samples) known(m *Metric, value uint64, labels ...string) {
	if value != 0 {
		s.add(m, float64(value), labels...)
	}
}

func toFloat(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
