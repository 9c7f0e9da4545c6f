package collector

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/gzip"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
)

// timeoutHeader is in which Prometheus says how long it waits for a scrape.
const timeoutHeader = "X-Prometheus-Scrape-Timeout-Seconds"

// leastBudget is what a probe gets at least: a scraper that says it waits for a
// millisecond would make the shared probe fail, and with it the connections.
const leastBudget = 500 * time.Millisecond

// grace is how long a probe that used up its timeout is waited for at least.
const grace = 50 * time.Millisecond

// formats are those that an answer may have, as promhttp offers them.
var formats = expfmt.DefaultOpenMetricsAcceptedFormats()

// compress compresses without state, which leaves the processor's cache to the
// probe: the text shrinks to a fifth. The default level would shrink that by a
// further tenth for several times the work.
var compress = mustCompress(gzhttp.NewWrapper(gzhttp.CompressionLevel(gzip.StatelessCompression)))

func mustCompress(wrap func(http.Handler) http.HandlerFunc, err error) func(http.Handler) http.HandlerFunc {
	if err != nil {
		panic(err) // The options are constants.
	}
	return wrap
}

// Handler answers a scrape with a probe of the collector's cluster.
type Handler struct {
	Collector *Collector
	// Own are the exporter's own metrics, gathered and encoded while the probe
	// waits for the servers; nil for none.
	Own prometheus.Gatherer
	// Timeout bounds every probe, and is for scrapers that do not say theirs.
	Timeout time.Duration
	// TimeoutOffset is taken off the scraper's timeout, for the way back.
	TimeoutOffset time.Duration
}

// LongestAnswer is how long a scrape may take, without the sending of its text.
func (h *Handler) LongestAnswer() time.Duration { return h.Timeout + h.grace() }

// ServeHTTP runs the probe, or shares one, and writes its metrics. HEAD gets
// what an answer would be like, without a probe: it must change nothing.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	format := expfmt.NegotiateAccept(r.Header, formats...)
	if r.Method == http.MethodHead {
		w.Header().Set("Content-Type", string(format))
		w.Header().Add("Vary", "Accept")
		return
	}
	timeout := h.timeout(r.Header.Get(timeoutHeader))
	ctx, cancel := context.WithTimeout(r.Context(), timeout+h.grace())
	defer cancel()
	own := gatherAside(h.Own, format)
	result, err := h.Collector.Probe(ctx, max(timeout, min(leastBudget, h.Timeout)))
	aside := <-own
	if err != nil {
		http.Error(w, "The probe did not end within this scrape's timeout.", http.StatusServiceUnavailable)
		return
	}
	text, err := h.Collector.encode(result, format)
	if err := errors.Join(err, aside.err); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", string(format))
	w.Header().Add("Vary", "Accept")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)+len(aside.text)))
	compress(parts{text, aside.text}).ServeHTTP(w, r)
}

// parts is an answer of several parts.
type parts [][]byte

// ServeHTTP sends them. A scraper that is gone needs no answer.
func (p parts) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	for _, part := range p {
		_, _ = w.Write(part)
	}
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

// grace is how long a scrape waits beyond its timeout for a probe that used it up.
func (h *Handler) grace() time.Duration { return max(h.TimeoutOffset/2, grace) }

// encoded is a part of an answer.
type encoded struct {
	text []byte
	err  error
}

// gatherAside gathers and encodes on another goroutine, up to the answer's end:
// it takes as long as a probe.
func gatherAside(g prometheus.Gatherer, format expfmt.Format) <-chan encoded {
	done := make(chan encoded, 1)
	go func() {
		var text bytes.Buffer
		err := encodeOwn(&text, g, format)
		done <- encoded{text.Bytes(), err}
	}()
	return done
}

// encodeOwn writes what g gathers, nil for nothing, and what ends an answer.
func encodeOwn(text io.Writer, g prometheus.Gatherer, format expfmt.Format) error {
	encoder := expfmt.NewEncoder(text, format)
	if g != nil {
		families, err := g.Gather()
		if err != nil {
			return err
		}
		for _, family := range families {
			if err := encoder.Encode(family); err != nil {
				return err
			}
		}
	}
	if closer, ok := encoder.(expfmt.Closer); ok {
		return closer.Close()
	}
	return nil
}
