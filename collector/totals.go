package collector

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

// totals are the metrics that add up over probes. Every series exists from the
// start, at 0, so that its first increase is seen.
type totals struct {
	mu                    sync.Mutex
	nodes                 []string
	probes, lost, changes float64
	failures              map[failureKey]float64
	replicas              map[string]*replicaTotals
}

type failureKey struct {
	node   string
	reason probe.Reason
}

type replicaTotals struct {
	visibility             prometheus.Histogram
	reads, stale, backward float64
}

// newTotals returns the totals of a cluster. The first node is the primary as
// far as known; its series as a replica begin when it is read as one.
func newTotals(nodes []string) *totals {
	t := &totals{nodes: nodes, failures: map[failureKey]float64{}, replicas: map[string]*replicaTotals{}}
	for _, node := range nodes[1:] {
		t.replica(node)
	}
	return t
}

// replica returns a replica's totals, and begins them when it has none.
func (t *totals) replica(name string) *replicaTotals {
	if known := t.replicas[name]; known != nil {
		return known
	}
	visibility := prometheus.NewHistogramVec(histogramOpts(), visibilityDelay.Labels).WithLabelValues(name)
	begun := &replicaTotals{visibility: visibility.(prometheus.Histogram)}
	t.replicas[name] = begun
	return begun
}

func histogramOpts() prometheus.HistogramOpts {
	return prometheus.HistogramOpts{
		Name:    visibilityDelay.Name,
		Help:    visibilityDelay.Help,
		Buckets: buckets,
		// Resolution and bounds of the native histogram, as its documentation
		// recommends them.
		NativeHistogramBucketFactor:     1.1,
		NativeHistogramMaxBucketNumber:  100,
		NativeHistogramMinResetDuration: time.Hour,
	}
}

// add counts what one probe saw.
func (t *totals) add(r *probe.Result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.probes++
	if r.Loss != nil {
		t.lost += float64(r.Loss.Commits)
	}
	if r.Takeover != nil {
		t.changes++
	}
	for i := range r.Nodes {
		node := &r.Nodes[i]
		for _, err := range node.Failures {
			t.failures[failureKey{node.Name, probe.ReasonOf(err)}]++
		}
		if node.Replica != nil {
			t.replica(node.Name).add(node.Replica, r.Write != nil)
		}
	}
}

func (t *replicaTotals) add(replica *probe.ReplicaResult, written bool) {
	if written && replica.First != nil {
		t.reads++
	}
	if replica.Stale {
		t.stale++
	}
	if replica.Backward {
		t.backward++
	}
	if replica.Visibility != nil {
		t.visibility.Observe(replica.Visibility.Seconds())
	}
}

// addTo adds all series to a scrape's families.
func (t *totals) addTo(f families) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f.set(probes, t.probes)
	f.set(lostWrites, t.lost)
	f.set(primaryChanges, t.changes)
	f.expect(failures, len(t.nodes)*len(probe.Reasons()))
	for _, node := range t.nodes {
		for _, reason := range probe.Reasons() {
			f.set(failures, t.failures[failureKey{node, reason}], node, string(reason))
		}
		if replica := t.replicas[node]; replica != nil {
			f.setHistogram(visibilityDelay, replica.visibility, node)
			f.set(reads, replica.reads, node)
			f.set(staleReads, replica.stale, node)
			f.set(backwardReads, replica.backward, node)
		}
	}
}
