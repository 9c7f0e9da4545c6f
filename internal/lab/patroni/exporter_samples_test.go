//go:build unix && patroni

package patroni_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// samples are the series of one scrape.
type samples map[string]sample

type sample struct {
	value   float64
	counter bool // it never goes back
}

// scrape probes a cluster, and compares the counters with those of before.
func (p *probed) scrape(cluster string) samples {
	p.Helper()
	request, err := http.NewRequestWithContext(p.Context(), http.MethodGet, "http://"+p.exporter.Address+"/probe?target="+cluster, nil)
	must(p.T, err)
	request.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", "10")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	response, err := client.Do(request)
	must(p.T, err)
	defer response.Body.Close() //nolint:errcheck // It was read to its end.
	if response.StatusCode != http.StatusOK {
		p.Fatalf("a scrape of %s ended in %s", cluster, response.Status)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(response.Body)
	must(p.T, err)
	s := samples{}
	for name, family := range families {
		for _, metric := range family.GetMetric() {
			s.add(name, metric)
		}
	}
	p.compare(cluster, s)
	return s
}

// compare holds counters to those of the scrape before, as long as their node is one.
func (p *probed) compare(cluster string, now samples) {
	p.Helper()
	nodes := now.nodes()
	for series, before := range p.counters[cluster] {
		after, there := now[series]
		switch _, node, ofNode := nodeOf(series); {
		case !before.counter || ofNode && !slices.Contains(nodes, node):
		case !there:
			p.Errorf("%s: %s was %v and is gone", cluster, series, before.value)
		case after.value < before.value:
			p.Errorf("%s: %s was %v and is %v", cluster, series, before.value, after.value)
		}
	}
	p.counters[cluster] = now
}

func (s samples) add(name string, metric *dto.Metric) {
	series := seriesOf(name, metric)
	switch histogram := metric.GetHistogram(); {
	case metric.GetCounter() != nil:
		s[series] = sample{metric.GetCounter().GetValue(), true}
	case histogram != nil:
		s[series] = sample{float64(histogram.GetSampleCount()), true}
		for _, bucket := range histogram.GetBucket() {
			s[fmt.Sprintf("%s le %v", series, bucket.GetUpperBound())] = sample{float64(bucket.GetCumulativeCount()), true}
		}
	default:
		s[series] = sample{metric.GetGauge().GetValue(), false}
	}
}

// seriesOf returns a series as it is written: name{label="value"}.
func seriesOf(name string, metric *dto.Metric) string {
	var labels []string
	for _, pair := range metric.GetLabel() {
		labels = append(labels, fmt.Sprintf("%s=%q", pair.GetName(), pair.GetValue()))
	}
	slices.Sort(labels)
	if len(labels) == 0 {
		return name
	}
	return name + "{" + strings.Join(labels, ",") + "}"
}

// nodeOf returns which node a series is about, and whether it is about one.
func nodeOf(series string) (name, node string, ok bool) {
	name, labels, _ := strings.Cut(series, "{")
	for _, label := range []string{`node="`, `replica="`} {
		if _, rest, found := strings.Cut(labels, label); found {
			node, _, _ = strings.Cut(rest, `"`)
			return name, node, true
		}
	}
	return name, "", false
}

// value returns that of a series, with labels by their order; -1, which none has, where it is absent.
func (s samples) value(name string, labels ...string) float64 {
	metric := &dto.Metric{}
	for i := 0; i+1 < len(labels); i += 2 {
		metric.Label = append(metric.Label, &dto.LabelPair{Name: &labels[i], Value: &labels[i+1]})
	}
	if found, there := s[seriesOf(name, metric)]; there {
		return found.value
	}
	return -1
}

// state returns that of a replica; "" where it has none.
func (s samples) state(replica string) string {
	for series, sample := range s {
		if name, node, _ := nodeOf(series); name == "pg_canary_replica_state" && node == replica && sample.value == 1 {
			_, rest, _ := strings.Cut(series, `state="`)
			state, _, _ := strings.Cut(rest, `"`)
			return state
		}
	}
	return ""
}

// nodes returns the names of those that are probed.
func (s samples) nodes() []string {
	var names []string
	for series := range s {
		if name, node, _ := nodeOf(series); name == "pg_canary_node_up" {
			names = append(names, node)
		}
	}
	slices.Sort(names)
	return names
}

// String is the gauges, a line each.
func (s samples) String() string {
	var text strings.Builder
	for _, series := range slices.Sorted(maps.Keys(s)) {
		if sample := s[series]; !sample.counter && (!strings.Contains(series, "state=") || sample.value == 1) {
			fmt.Fprintf(&text, "%s %v\n", series, sample.value)
		}
	}
	return text.String()
}
