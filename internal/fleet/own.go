package fleet

import "github.com/prometheus/client_golang/prometheus"

var _ prometheus.Collector = (*Fleet)(nil)

// Describe sends the descriptions of the metrics of the fleet as a whole.
func (f *Fleet) Describe(descriptions chan<- *prometheus.Desc) {
	described(descriptions, clustersCount, dialsTotal, dialsUnderWay, dialsWaiting)
}

// Collect sends those metrics.
func (f *Fleet) Collect(metrics chan<- prometheus.Metric) {
	f.mu.RLock()
	count := len(f.members)
	f.mu.RUnlock()
	metrics <- clustersCount.Value(float64(count))
	dials := f.dials.Counts()
	metrics <- dialsTotal.Value(float64(dials.Begun))
	metrics <- dialsUnderWay.Value(float64(dials.UnderWay))
	metrics <- dialsWaiting.Value(float64(dials.Waiting))
}
