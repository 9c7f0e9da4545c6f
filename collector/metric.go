package collector

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// namespace begins the name of every metric of a probe.
const namespace = "pg_canary"

// Metric describes one metric that the exporter publishes. Its name, type,
// labels and help are defined only here.
type Metric struct {
	// Name is the full name, with the namespace.
	Name string
	// Type is "gauge", "counter" or "histogram".
	Type   string
	Labels []string
	Help   string

	desc *prometheus.Desc
}

// The types of metrics.
const (
	Gauge     = "gauge"
	Counter   = "counter"
	Histogram = "histogram"
)

// Define returns the definition of a metric; the namespace comes before its name.
func Define(kind, name, help string, labels ...string) *Metric {
	full := prometheus.BuildFQName(namespace, "", name)
	return &Metric{Name: full, Type: kind, Labels: labels, Help: help, desc: prometheus.NewDesc(full, help, labels, nil)}
}

// Describe sends the metric's description.
func (m *Metric) Describe(descriptions chan<- *prometheus.Desc) { descriptions <- m.desc }

// Value returns the value of a gauge or a counter for one scrape. One that cannot be, such as a label that is no UTF-8, makes the
// scrape fail.
func (m *Metric) Value(value float64, labels ...string) prometheus.Metric {
	kind := prometheus.GaugeValue
	if m.Type == Counter {
		kind = prometheus.CounterValue
	}
	metric, err := prometheus.NewConstMetric(m.desc, kind, value, labels...)
	if err != nil {
		return prometheus.NewInvalidMetric(m.desc, err)
	}
	return metric
}

// newCounterVec returns the counters of the metric's series.
func (m *Metric) newCounterVec() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: m.Name, Help: m.Help}, m.Labels)
}

// newHistogramVec returns the classic histograms of the metric's series.
func (m *Metric) newHistogramVec() *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(m.histogram(), m.Labels)
}

// newNativeHistogramVec returns histograms that are native beside classic. That takes 1.5 kB more of each series in time.
func (m *Metric) newNativeHistogramVec() *prometheus.HistogramVec {
	opts := m.histogram()
	// Resolution and bounds as the documentation of native histograms recommends.
	opts.NativeHistogramBucketFactor = 1.1
	opts.NativeHistogramMaxBucketNumber = 100
	opts.NativeHistogramMinResetDuration = time.Hour
	return prometheus.NewHistogramVec(opts, m.Labels)
}

func (m *Metric) histogram() prometheus.HistogramOpts {
	return prometheus.HistogramOpts{Name: m.Name, Help: m.Help, Buckets: buckets}
}

// ToFloat returns the value of a metric that says whether something is so.
func ToFloat(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
