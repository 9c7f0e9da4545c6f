package collector

import (
	"compress/gzip"
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/klauspost/compress/gzhttp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
)

// timeoutHeader is in which Prometheus says how long it waits for a scrape.
const timeoutHeader = "X-Prometheus-Scrape-Timeout-Seconds"

// grace is how long a probe that used up its timeout is waited for at least.
const grace = 50 * time.Millisecond

// compress compresses at the fastest level: the text shrinks to a third, the
// default level would shrink it by a further sixth for five times the work.
var compress = mustCompress(gzhttp.NewWrapper(gzhttp.CompressionLevel(gzip.BestSpeed)))

func mustCompress(wrap func(http.Handler) http.HandlerFunc, err error) func(http.Handler) http.HandlerFunc {
	if err != nil {
		panic(err) // The options are constants.
	}
	return wrap
}

// Handler answers a scrape with a probe of the collector's cluster.
type Handler struct {
	Collector *Collector
	// Own are the exporter's own metrics, gathered while the probe waits for
	// the servers; nil for none.
	Own prometheus.Gatherer
	// Timeout is for scrapers that do not say theirs.
	Timeout time.Duration
	// TimeoutOffset is taken off the scraper's timeout, for the way back.
	TimeoutOffset time.Duration
}

// ServeHTTP runs the probe and writes its metrics.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	timeout := h.timeout(r.Header.Get(timeoutHeader))
	ctx, cancel := context.WithTimeout(r.Context(), timeout+max(h.TimeoutOffset/2, grace))
	defer cancel()
	own := gatherAside(h.Own)
	result, err := h.Collector.Probe(ctx, timeout)
	if err != nil {
		<-own
		http.Error(w, "The probe that was running did not end within this scrape's timeout.", http.StatusServiceUnavailable)
		return
	}
	gather := gatherer(func() ([]*dto.MetricFamily, error) {
		aside := <-own
		families, err := h.Collector.families(result)
		return append(families, aside.families...), errors.Join(err, aside.err)
	})
	text := promhttp.HandlerFor(gather, promhttp.HandlerOpts{EnableOpenMetrics: true, DisableCompression: true})
	compress(text).ServeHTTP(w, r)
}

// timeout returns how long a probe may take, from the scraper's header.
func (h *Handler) timeout(header string) time.Duration {
	seconds, err := strconv.ParseFloat(header, 64)
	if err != nil || !(seconds > 0 && seconds <= time.Hour.Seconds()) { // NaN is neither.
		return h.Timeout
	}
	scrape := time.Duration(seconds * float64(time.Second))
	return max(scrape-h.TimeoutOffset, scrape/2)
}

type gathered struct {
	families []*dto.MetricFamily
	err      error
}

type gatherer func() ([]*dto.MetricFamily, error)

func (g gatherer) Gather() ([]*dto.MetricFamily, error) { return g() }

// gatherAside gathers on another goroutine: reading /proc takes as long as a probe.
func gatherAside(g prometheus.Gatherer) <-chan gathered {
	done := make(chan gathered, 1)
	if g == nil {
		done <- gathered{}
		return done
	}
	go func() {
		families, err := g.Gather()
		done <- gathered{families, err}
	}()
	return done
}
