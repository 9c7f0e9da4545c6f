package collector

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

// prometheus3 is what Prometheus 3 accepts when it does not scrape native histograms.
const prometheus3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6," +
	"application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4," +
	"text/plain;version=0.0.4;q=0.3,*/*;q=0.2"

// nowhere is where an answer goes that nobody reads.
type nowhere struct{ header http.Header }

func (n nowhere) Header() http.Header          { return n.header }
func (nowhere) Write(text []byte) (int, error) { return len(text), nil }
func (nowhere) WriteHeader(int)                {}

// BenchmarkScrape is what a scrape of a healthy pair costs without the probe and without the
// network, uncompressed.
func BenchmarkScrape(b *testing.B) {
	own := prometheus.NewRegistry()
	own.MustRegister(collectors.NewGoCollector())
	for _, scrape := range []struct {
		name string
		own  prometheus.Gatherer
	}{{"the probe alone", nil}, {"all", own}} {
		b.Run(scrape.name, func(b *testing.B) {
			healthy := result()
			h := &Handler{
				Collector: New(&fakeProber{names: []string{"a:5432", "b:5432"}, probe: func(context.Context) *probe.Result { return healthy }}, log.NewNopLogger()),
				Own:       scrape.own, Timeout: time.Minute,
			}
			request := httptest.NewRequest(http.MethodGet, "/metrics", nil)
			request.Header.Set("Accept", prometheus3)
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(nowhere{http.Header{}}, request)
			}
		})
	}
}
