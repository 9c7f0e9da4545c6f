package collector

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

// answer scrapes a healthy pair with the headers, and with own as the exporter's own metrics.
func answer(own prometheus.Gatherer, path string, headers map[string]string) *httptest.ResponseRecorder {
	h := &Handler{
		Collector: New(&fakeProber{names: []string{"a:5432", "b:5432"}, probe: func(context.Context) *probe.Result { return result() }}, log.NewNopLogger()),
		Own:       own, Timeout: time.Minute,
	}
	request := httptest.NewRequest(http.MethodGet, path, nil)
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, request)
	return recorder
}

func TestOpenMetrics(t *testing.T) {
	recorder := answer(nil, "/metrics", map[string]string{"Accept": "application/openmetrics-text;version=1.0.0"})
	text := recorder.Body.String()
	for _, want := range []string{
		"pg_canary_up 1.0\n",
		"pg_canary_probes_total 1.0\n", "pg_canary_probes_created ",
		`pg_canary_failures_created{node="a:5432",reason="connect"} `,
		`pg_canary_visibility_delay_seconds_bucket{replica="b:5432",le="0.0025"} 1`, `pg_canary_visibility_delay_seconds_created{replica="b:5432"} `,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the text lacks %q:\n%s", want, text)
		}
	}
	if !strings.HasPrefix(recorder.Header().Get("Content-Type"), "application/openmetrics-text") || !strings.HasSuffix(text, "# EOF\n") {
		t.Errorf("%v, the text ends with %q", recorder.Header(), text[max(0, len(text)-20):])
	}
}

// TestProtobuf looks for what text cannot carry: the native histogram.
func TestProtobuf(t *testing.T) {
	recorder := answer(nil, "/metrics", map[string]string{
		"Accept": "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
	})
	decoder := expfmt.NewDecoder(recorder.Body, expfmt.ResponseFormat(recorder.Header()))
	families := map[string]*dto.MetricFamily{}
	for {
		family := &dto.MetricFamily{}
		err := decoder.Decode(family)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		families[family.GetName()] = family
	}
	if len(families) != len(Metrics()) {
		t.Errorf("%d families, want %d", len(families), len(Metrics()))
	}
	histogram := families["pg_canary_visibility_delay_seconds"].GetMetric()[0].GetHistogram()
	if len(histogram.GetPositiveSpan()) == 0 || len(histogram.GetBucket()) != len(buckets) || histogram.GetCreatedTimestamp() == nil {
		t.Errorf("the histogram is %v", histogram)
	}
	if created := families["pg_canary_probes_total"].GetMetric()[0].GetCounter().GetCreatedTimestamp(); created == nil {
		t.Error("a counter has no created timestamp")
	}
}

func TestChoice(t *testing.T) {
	text := answer(nil, "/metrics?name[]=pg_canary_up", nil).Body.String()
	if !strings.HasSuffix(text, "pg_canary_up 1\n") || strings.Count(text, "\n") != 3 {
		t.Errorf("the text is\n%s", text)
	}
}

func TestOwnMetrics(t *testing.T) {
	own := prometheus.NewRegistry()
	own.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: "own", Help: "One of the exporter's own."}))
	if text := answer(own, "/metrics", nil).Body.String(); !strings.Contains(text, "\nown 0\n") || !strings.Contains(text, "\npg_canary_up 1\n") {
		t.Errorf("the text is\n%s", text)
	}
	failing := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return nil, errors.New("no memory to speak of") })
	if recorder := answer(failing, "/metrics", nil); recorder.Code != http.StatusInternalServerError || !strings.Contains(recorder.Body.String(), "no memory to speak of") {
		t.Errorf("status %d: %s", recorder.Code, recorder.Body)
	}
}
