package collector

import (
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// families gathers the metrics of one scrape, one family for each definition.
// A prometheus.Registry would do the same with channels and goroutines, whose
// wake-ups cost as much as a round trip of the probe.
type families map[*Metric]*dto.MetricFamily

var types = map[string]dto.MetricType{
	gauge:     dto.MetricType_GAUGE,
	counter:   dto.MetricType_COUNTER,
	histogram: dto.MetricType_HISTOGRAM,
}

// family returns the family of a definition, empty at first.
func (f families) family(m *Metric) *dto.MetricFamily {
	family := f[m]
	if family == nil {
		family = &dto.MetricFamily{Name: &m.Name, Help: &m.Help, Type: types[m.Type].Enum()}
		f[m] = family
	}
	return family
}

// set adds a gauge with the values of its labels.
func (f families) set(m *Metric, value float64, labels ...string) {
	metric := &dto.Metric{Gauge: &dto.Gauge{Value: &value}, Label: make([]*dto.LabelPair, len(labels))}
	for i := range labels {
		metric.Label[i] = &dto.LabelPair{Name: &m.Labels[i], Value: &labels[i]}
	}
	family := f.family(m)
	family.Metric = append(family.Metric, metric)
}

// add adds a series that is kept between scrapes.
func (f families) add(m *Metric, series prometheus.Metric) error {
	metric := &dto.Metric{}
	if err := series.Write(metric); err != nil {
		return err
	}
	family := f.family(m)
	family.Metric = append(family.Metric, metric)
	return nil
}

// list returns the families in the order of their definitions.
func (f families) list() []*dto.MetricFamily {
	list := make([]*dto.MetricFamily, 0, len(f))
	for _, m := range metrics {
		if family := f[m]; family != nil {
			list = append(list, family)
		}
	}
	return list
}
