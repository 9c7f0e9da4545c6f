package collector

import (
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

// totals are the metrics that accumulate over beats. Every series exists from
// the start, at 0, so that its first increase is visible.
type totals struct {
	probes, lost, changes  prometheus.Counter
	outages, outageSeconds prometheus.Counter
	commits                prometheus.Observer
	commitDuration         *prometheus.HistogramVec
	failures               *prometheus.CounterVec
	reads, stale, backward *prometheus.CounterVec
	verdicts               *prometheus.CounterVec
	visibility             *prometheus.HistogramVec

	mu         sync.Mutex
	outageTime time.Duration // that outageSeconds has

	nodes []string
}

// newTotals returns the totals of a cluster. The first node is the primary as
// far as known; its series as a replica start when it is read as one.
func newTotals(nodes []string) *totals {
	t := &totals{
		probes:     probes.newCounterVec().WithLabelValues(),
		lost:       lostWrites.newCounterVec().WithLabelValues(),
		changes:    primaryChanges.newCounterVec().WithLabelValues(),
		outages:    writeOutages.newCounterVec().WithLabelValues(),
		failures:   failures.newCounterVec(),
		reads:      reads.newCounterVec(),
		stale:      staleReads.newCounterVec(),
		backward:   backwardReads.newCounterVec(),
		verdicts:   verdicts.newCounterVec(),
		visibility: visibilityDelay.newNativeHistogramVec(),

		outageSeconds:  writeOutageSeconds.newCounterVec().WithLabelValues(),
		commitDuration: commitDuration.newHistogramVec(),
	}
	t.commits = t.commitDuration.WithLabelValues()
	t.setNodes(nodes)
	for _, replica := range nodes[min(1, len(nodes)):] {
		t.createReplicaSeries(replica)
	}
	return t
}

// setNodes creates the series of nodes, and deletes those of the ones that are none any more.
func (t *totals) setNodes(nodes []string) {
	for _, gone := range t.nodes {
		if slices.Contains(nodes, gone) {
			continue
		}
		t.failures.DeletePartialMatch(prometheus.Labels{"node": gone})
		for _, series := range []*prometheus.MetricVec{
			t.reads.MetricVec, t.stale.MetricVec, t.backward.MetricVec, t.verdicts.MetricVec, t.visibility.MetricVec,
		} {
			series.DeletePartialMatch(prometheus.Labels{"replica": gone})
		}
	}
	for _, node := range nodes {
		for _, reason := range probe.Reasons() {
			t.failures.WithLabelValues(node, string(reason))
		}
	}
	t.nodes = slices.Clone(nodes)
}

// createReplicaSeries creates the series of a replica, if it has none.
func (t *totals) createReplicaSeries(replica string) {
	for _, series := range []*prometheus.CounterVec{t.reads, t.stale, t.backward} {
		series.WithLabelValues(replica)
	}
	for _, outcome := range []string{outcomeSynced, outcomeLate, outcomeUnknown} {
		t.verdicts.WithLabelValues(replica, outcome)
	}
	t.visibility.WithLabelValues(replica)
}

// countBeat counts what a beat and its reads showed.
func (t *totals) countBeat(r *probe.Result) {
	if r.Scraped {
		t.probes.Inc()
	}
	if r.Lost != nil {
		t.lost.Add(float64(r.Lost.Commits))
	}
	t.changes.Add(float64(len(r.Takeovers)))
	if !r.Outage.Began.IsZero() {
		t.outages.Inc()
	}
	t.countOutageTime(r.Outage.All)
	if w := r.Write; w != nil {
		t.commits.Observe(w.Acknowledged.Sub(w.Sent).Seconds())
	}
	for i := range r.Nodes {
		node := &r.Nodes[i]
		for _, err := range node.Failures {
			t.failures.WithLabelValues(node.Name, string(probe.ReasonOf(err))).Inc()
		}
		if node.Replica != nil {
			t.countReplica(r, node)
		}
	}
}

// countOutageTime lets the time of outages grow as it goes by.
func (t *totals) countOutageTime(all time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if all > t.outageTime {
		t.outageSeconds.Add((all - t.outageTime).Seconds())
		t.outageTime = all
	}
}

func (t *totals) countReplica(r *probe.Result, node *probe.NodeResult) {
	name, replica, written := node.Name, node.Replica, r.Write != nil
	t.createReplicaSeries(name)
	if written && r.Scraped && replica.First != nil {
		t.reads.WithLabelValues(name).Inc()
	}
	if written && replica.IsOne() {
		t.verdicts.WithLabelValues(name, outcomeOf(replica.Synced)).Inc()
	}
	if r.Scraped && replica.Stale {
		t.stale.WithLabelValues(name).Inc()
	}
	t.backward.WithLabelValues(name).Add(float64(replica.StepsBack))
}

// countShown counts that a replica shows a beat.
func (t *totals) countShown(name string, delay time.Duration) {
	t.createReplicaSeries(name)
	t.visibility.WithLabelValues(name).Observe(delay.Seconds())
}

// The values of the label verdict.
const (
	outcomeSynced  = "synced"
	outcomeLate    = "late"
	outcomeUnknown = "unknown"
)

// outcomeOf returns the one that goes with what a probe says of a canary.
func outcomeOf(synced *bool) string {
	switch {
	case synced == nil:
		return outcomeUnknown
	case *synced:
		return outcomeSynced
	default:
		return outcomeLate
	}
}

// collect sends all series.
func (t *totals) collect(metrics chan<- prometheus.Metric) {
	for _, series := range []prometheus.Collector{
		t.probes, t.lost, t.changes, t.outages, t.outageSeconds, t.commitDuration, t.failures, t.reads, t.stale, t.backward, t.verdicts, t.visibility,
	} {
		series.Collect(metrics)
	}
}
