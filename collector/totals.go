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
	mu       sync.Mutex
	series   []series
	probes   prometheus.Counter
	lost     prometheus.Counter
	changes  prometheus.Counter
	failures map[failureKey]prometheus.Counter
	replicas map[string]*replicaTotals
}

// series is one series and the definition that it belongs to.
type series struct {
	metric *Metric
	prometheus.Metric
}

type failureKey struct {
	node   string
	reason probe.Reason
}

type replicaTotals struct {
	visibility             prometheus.Histogram
	reads, stale, backward prometheus.Counter
}

// newTotals returns the totals of a cluster. The first node is the primary as
// far as known; its series as a replica begin when it is read as one.
func newTotals(nodes []string) *totals {
	t := &totals{failures: map[failureKey]prometheus.Counter{}, replicas: map[string]*replicaTotals{}}
	t.probes, t.lost, t.changes = t.counter(probes), t.counter(lostWrites), t.counter(primaryChanges)
	for i, node := range nodes {
		for _, reason := range probe.Reasons() {
			t.failures[failureKey{node, reason}] = t.counter(failures, node, string(reason))
		}
		if i > 0 {
			t.replica(node)
		}
	}
	return t
}

// counter begins a series.
func (t *totals) counter(m *Metric, labels ...string) prometheus.Counter {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: m.Name, Help: m.Help}, m.Labels).WithLabelValues(labels...)
	t.series = append(t.series, series{m, c})
	return c
}

// replica returns a replica's totals, and begins them when it has none.
func (t *totals) replica(name string) *replicaTotals {
	if known := t.replicas[name]; known != nil {
		return known
	}
	visibility := prometheus.NewHistogramVec(histogramOpts(), visibilityDelay.Labels).WithLabelValues(name).(prometheus.Histogram)
	t.series = append(t.series, series{visibilityDelay, visibility})
	begun := &replicaTotals{
		visibility: visibility,
		reads:      t.counter(reads, name),
		stale:      t.counter(staleReads, name),
		backward:   t.counter(backwardReads, name),
	}
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
	t.probes.Inc()
	if r.Loss != nil {
		t.lost.Add(float64(r.Loss.Commits))
	}
	if r.Takeover != nil {
		t.changes.Inc()
	}
	for i := range r.Nodes {
		node := &r.Nodes[i]
		for _, err := range node.Failures {
			t.failures[failureKey{node.Name, probe.ReasonOf(err)}].Inc()
		}
		if node.Replica != nil {
			t.replica(node.Name).add(node.Replica, r.Write != nil)
		}
	}
}

func (t *replicaTotals) add(replica *probe.ReplicaResult, written bool) {
	if written && replica.First != nil {
		t.reads.Inc()
	}
	if replica.Stale {
		t.stale.Inc()
	}
	if replica.Backward {
		t.backward.Inc()
	}
	if replica.Visibility != nil {
		t.visibility.Observe(replica.Visibility.Seconds())
	}
}

// writeTo adds all series to a scrape's families.
func (t *totals) writeTo(f families) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.series {
		if err := f.add(s.metric, s.Metric); err != nil {
			return err
		}
	}
	return nil
}
