package collector

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// timeoutHeader is the header in which Prometheus says how long it waits for a scrape.
const timeoutHeader = "X-Prometheus-Scrape-Timeout-Seconds"

// grace is the least time that a scrape waits beyond its timeout.
const grace = 50 * time.Millisecond

// scrapeOptions is how promhttp serves a scrape. Created timestamps tell Prometheus
// that a counter started again even if it has already grown past its old value. Who serves the handler compresses.
var scrapeOptions = promhttp.HandlerOpts{EnableOpenMetrics: true, EnableOpenMetricsTextCreatedSamples: true, DisableCompression: true}

// Handler answers a scrape with a probe of the collector's cluster.
type Handler struct {
	Collector *Collector
	// Own are the exporter's own metrics, gathered while the probe waits for the
	// servers; nil for none.
	Own prometheus.Gatherer
	// Timeout is how long a scrape waits whose scraper does not say, or says longer.
	Timeout time.Duration
	// TimeoutOffset is subtracted from the scraper's timeout, to leave time for
	// sending the answer.
	TimeoutOffset time.Duration
}

// LongestAnswer is how long a scrape may take, without sending its text.
func (h *Handler) LongestAnswer() time.Duration { return h.Timeout + h.grace() }

// ServeHTTP runs a probe, or shares one, and writes its metrics: when the scraper's time is
// over before the probe is, what is known by then. HEAD gets
// the header of an answer without a probe: it must change nothing.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodHead {
		w.Header().Set("Content-Type", string(expfmt.NegotiateAccept(r.Header, expfmt.DefaultOpenMetricsAcceptedFormats()...)))
		return
	}
	timeout := h.timeout(r.Header.Get(timeoutHeader))
	ctx, cancel := context.WithTimeout(r.Context(), timeout+h.grace())
	defer cancel()
	own := gatherAside(h.Own)
	result := h.Collector.Probe(ctx)
	aside := <-own
	all := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		families, err := h.Collector.Gather(result)
		return byName(append(families, aside.families...)), errors.Join(err, aside.err)
	})
	text := texts.Get().(*bytes.Buffer)
	defer texts.Put(text)
	text.Reset()
	promhttp.HandlerFor(all, scrapeOptions).ServeHTTP(inOnePiece{w, text}, r)
	_, _ = w.Write(text.Bytes()) // The server ignores that a client is gone.
}

// timeout returns how long this scrape may wait, from the scraper's header.
func (h *Handler) timeout(header string) time.Duration {
	seconds, err := strconv.ParseFloat(header, 64)
	if err != nil || !(seconds > 0 && seconds <= time.Hour.Seconds()) { // NaN is neither.
		return h.Timeout
	}
	scrape := time.Duration(seconds * float64(time.Second))
	return min(max(scrape-h.TimeoutOffset, scrape/2), h.Timeout)
}

// grace is how long a scrape waits beyond its timeout for a probe that used up its own.
func (h *Handler) grace() time.Duration { return max(h.TimeoutOffset/2, grace) }

// inOnePiece collects the text of an answer: promhttp writes it a metric at a time, and what is sent, or compressed,
// at once is so for less.
type inOnePiece struct {
	http.ResponseWriter
	*bytes.Buffer
}

// Write adds to the text.
func (p inOnePiece) Write(text []byte) (int, error) { return p.Buffer.Write(text) }

// texts are those of earlier answers.
var texts = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// byName sorts families. Two registries have checked them already, and what they are called tells them apart: to
// merge them as if they were strangers would cost as much again.
func byName(families []*dto.MetricFamily) []*dto.MetricFamily {
	slices.SortFunc(families, func(a, b *dto.MetricFamily) int { return strings.Compare(a.GetName(), b.GetName()) })
	return families
}

// gathered are metrics that were gathered already, or why they were not.
type gathered struct {
	families []*dto.MetricFamily
	err      error
}

// gatherAside gathers the metrics of g, which may be nil, on another goroutine:
// that takes as long as a probe.
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
