//go:build unix

package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// samples are the values of the series of one scrape; of a metric with several
// the last one counts, which on a pair is the only one of those that are looked at.
type samples struct {
	values map[string]*float64
	state  string
}

// get scrapes once.
func (e *exporter) get(ctx context.Context) (samples, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, e.url, nil)
	if err != nil {
		return samples{}, err
	}
	request.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", strconv.Itoa(int(scrapeTimeout.Seconds())))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return samples{}, err
	}
	defer response.Body.Close() //nolint:errcheck // It was read to its end.
	if response.StatusCode != http.StatusOK {
		return samples{}, fmt.Errorf("a scrape ended in %s", response.Status)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(response.Body)
	if err != nil {
		return samples{}, err
	}
	return read(families), nil
}

func read(families map[string]*dto.MetricFamily) samples {
	s := samples{values: map[string]*float64{}}
	for name, family := range families {
		for _, metric := range family.GetMetric() {
			if gauge := metric.GetGauge(); gauge != nil {
				s.values[name] = gauge.Value
			}
			if name == "pg_canary_replica_state" && metric.GetGauge().GetValue() == 1 {
				s.state = label(metric, "state")
			}
		}
	}
	return s
}

func label(metric *dto.Metric, name string) string {
	for _, pair := range metric.GetLabel() {
		if pair.GetName() == name {
			return pair.GetValue()
		}
	}
	return ""
}

// value returns a sample, and -1, which none of them has, when it is absent.
func (s samples) value(name string) float64 {
	if value := s.values[name]; value != nil {
		return *value
	}
	return -1
}

// integer returns a sample as a whole number, nil when it is absent.
func (s samples) integer(name string) *int64 {
	value := s.values[name]
	if value == nil {
		return nil
	}
	whole := int64(*value)
	return &whole
}
