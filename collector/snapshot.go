package collector

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// snapshots publishes what scrapes observed, one after the other, in one registry, which has
// checked the metrics once and for all.
type snapshots struct {
	registry *prometheus.Registry

	mu    sync.Mutex
	shown snapshot
}

func newSnapshots(t *totals) *snapshots {
	s := &snapshots{registry: prometheus.NewRegistry(), shown: snapshot{totals: t}}
	s.registry.MustRegister(&s.shown)
	return s
}

// gather returns the metrics of a result, and the totals of all beats.
func (s *snapshots) gather(r *probe.Result) ([]*dto.MetricFamily, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shown.result = r
	return s.registry.Gather()
}

// snapshot is what one scrape publishes: what its probe observed, and the totals
// of all probes.
type snapshot struct {
	result *probe.Result
	totals *totals
}

var _ prometheus.Collector = (*snapshot)(nil)

// Describe sends the descriptions of all metrics.
func (s *snapshot) Describe(descriptions chan<- *prometheus.Desc) {
	for _, m := range Metrics() {
		m.Describe(descriptions)
	}
}

// Collect sends the metrics.
func (s *snapshot) Collect(metrics chan<- prometheus.Metric) {
	samples{metrics}.sendResult(s.result)
	s.totals.collect(metrics)
}

// samples is where the samples of a scrape go.
type samples struct{ metrics chan<- prometheus.Metric }

func (s samples) send(m *Metric, value float64, labels ...string) {
	s.metrics <- m.Value(value, labels...)
}

// sendResult adds what one probe observed.
func (s samples) sendResult(r *probe.Result) {
	s.send(up, ToFloat(r.Write != nil))
	s.send(probeDuration, r.Duration.Seconds())
	if count, known := r.Primaries(); known {
		s.send(primaries, float64(count))
	}
	if w := r.Write; w != nil {
		s.send(writeDuration, w.Acknowledged.Sub(w.Sent).Seconds())
		s.send(primaryCapacity, float64(w.Capacity))
		s.sendUnlessZero(primaryLSN, uint64(w.LSN))
		s.sendUnlessZero(primaryTimeline, uint64(w.Timeline))
	}
	if !r.Acknowledged.IsZero() {
		s.send(lastAcknowledged, float64(r.Acknowledged.UnixNano())/float64(time.Second))
	}
	for i := range r.Nodes {
		node := &r.Nodes[i]
		s.send(nodeUp, ToFloat(node.Up), node.Name)
		if node.Answered {
			s.send(nodeIsPrimary, ToFloat(!node.State.InRecovery), node.Name)
		}
		s.sendUnlessZero(nodeServers, uint64(node.Servers), node.Name) //nolint:gosec // A count.
		if node.Replica != nil {
			s.sendReplica(node.Name, node.Replica)
		}
	}
}

func (s samples) sendReplica(name string, replica *probe.ReplicaResult) {
	if replica.Synced != nil {
		s.send(synced, ToFloat(*replica.Synced), name)
	}
	if replica.LagBytes != nil {
		s.send(lagBytes, float64(*replica.LagBytes), name)
	}
	if replica.Lag != nil {
		s.send(lagSeconds, replica.Lag.Seconds(), name)
	}
	if replica.StalenessBound != nil {
		s.send(stalenessBound, replica.StalenessBound.Seconds(), name)
	}
	if replica.Unseen != nil {
		s.send(unseenBeats, float64(*replica.Unseen), name)
	}
	if first := replica.First; first != nil {
		s.sendFirstRead(name, first)
	}
	if replica.Last.Found {
		s.send(replicaCapacity, float64(replica.Last.Capacity), name)
	}
	if replica.State != "" {
		for _, state := range verdict.ReplicaStates() {
			s.send(replicaState, ToFloat(state == replica.State), name, string(state))
		}
	}
}

// sendFirstRead adds what the first read of a replica showed.
func (s samples) sendFirstRead(name string, first *probe.Read) {
	s.send(readDuration, first.Received.Sub(first.Sent).Seconds(), name)
	s.sendUnlessZero(replayLSN, uint64(first.ReplayLSN), name)
	s.sendUnlessZero(receiveLSN, uint64(first.ReceiveLSN), name)
	s.sendUnlessZero(replicaTimeline, uint64(first.Timeline), name)
	if first.ApplyDelay != nil {
		s.send(applyDelay, first.ApplyDelay.Seconds(), name)
	}
}

// sendUnlessZero adds a value that PostgreSQL never has at 0.
func (s samples) sendUnlessZero(m *Metric, value uint64, labels ...string) {
	if value != 0 {
		s.send(m, float64(value), labels...)
	}
}
