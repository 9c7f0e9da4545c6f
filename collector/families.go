package collector

import (
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// families are the samples of one scrape, by the index of their definition.
type families [][]sample

// sample is one series' value. It is comparable, so that a scrape can tell what
// changed since the one before.
type sample struct {
	labels [maxLabels]string // values, in the order of the definition's labels
	value  float64
	// histogram is set in place of a value.
	histogram prometheus.Histogram
}

const maxLabels = 2

func newFamilies() families { return make(families, len(metrics)) }

// expect makes room for n samples.
func (f families) expect(m *Metric, n int) { f[m.index] = make([]sample, 0, n) }

// set adds a sample with the values of its labels.
func (f families) set(m *Metric, value float64, labels ...string) {
	s := sample{value: value}
	copy(s.labels[:], labels)
	f[m.index] = append(f[m.index], s)
}

// setHistogram adds a histogram that is kept between scrapes.
func (f families) setHistogram(m *Metric, h prometheus.Histogram, labels ...string) {
	s := sample{histogram: h}
	copy(s.labels[:], labels)
	f[m.index] = append(f[m.index], s)
}

var types = map[string]dto.MetricType{
	gauge:     dto.MetricType_GAUGE,
	counter:   dto.MetricType_COUNTER,
	histogram: dto.MetricType_HISTOGRAM,
}

// family returns the samples of a definition as client_golang's encoders take them.
func (m *Metric) family(samples []sample) (*dto.MetricFamily, error) {
	family := &dto.MetricFamily{Name: &m.Name, Help: &m.Help, Type: types[m.Type].Enum()}
	for i := range samples {
		metric, err := m.metric(&samples[i])
		if err != nil {
			return nil, err
		}
		family.Metric = append(family.Metric, metric)
	}
	return family, nil
}

func (m *Metric) metric(s *sample) (*dto.Metric, error) {
	metric := &dto.Metric{}
	switch m.Type {
	case histogram:
		if err := s.histogram.Write(metric); err != nil {
			return nil, err
		}
		return metric, nil // It has its labels.
	case counter:
		metric.Counter = &dto.Counter{Value: &s.value}
	default:
		metric.Gauge = &dto.Gauge{Value: &s.value}
	}
	metric.Label = make([]*dto.LabelPair, len(m.Labels))
	for i := range m.Labels {
		metric.Label[i] = &dto.LabelPair{Name: &m.Labels[i], Value: &s.labels[i]}
	}
	return metric, nil
}
