package server

import (
	"fmt"
	"net/http"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"

	"github.com/pg-canary/pg_canary_exporter/collector"
)

// documentation is the address that the landing page links to.
const documentation = "https://github.com/pg-canary/pg_canary_exporter"

// routes returns the handler of all paths.
func routes(config Config, stopping *atomic.Bool) (http.Handler, error) {
	own, err := ownMetrics()
	if err != nil {
		return nil, err
	}
	if err := CheckMetricsPath(config.MetricsPath); err != nil {
		return nil, fmt.Errorf("the path of the metrics: %w", err)
	}
	landing, err := landingPage(config.MetricsPath)
	if err != nil {
		return nil, err
	}
	compress, err := newCompression()
	if err != nil {
		return nil, fmt.Errorf("compressing answers: %w", err)
	}
	mux := http.NewServeMux()
	scrape := limitInFlight(config.Limits.withDefaults().InFlight, config.scrapeHandler(own))
	mux.Handle("GET "+config.MetricsPath, promhttp.InstrumentMetricHandler(own, scrape))
	mux.Handle("GET "+ProbePath, requireTarget(config.Cluster, limitInFlight(config.Limits.withDefaults().InFlight, config.scrapeHandler(nil))))
	mux.HandleFunc("GET "+eventsPath, func(w http.ResponseWriter, _ *http.Request) {
		writeEvents(w, config.Cluster, config.Collector.Events())
	})
	mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) { writeText(w, "Healthy.\n") })
	mux.HandleFunc("GET /-/ready", func(w http.ResponseWriter, _ *http.Request) {
		if stopping.Load() {
			http.Error(w, "Stopping.", http.StatusServiceUnavailable)
			return
		}
		writeText(w, "Ready.\n")
	})
	mux.Handle("GET /{$}", landing)
	return compress(mux), nil
}

// scrapeHandler returns the handler of a scrape, with the exporter's own metrics.
func (c Config) scrapeHandler(own prometheus.Gatherer) *collector.Handler {
	return &collector.Handler{Collector: c.Collector, Own: own, Timeout: c.ProbeTimeout, TimeoutOffset: c.TimeoutOffset}
}

// requireTarget passes on the requests that name the target, and refuses the others.
func requireTarget(target string, handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked := r.URL.Query().Get("target"); asked != target {
			http.Error(w, fmt.Sprintf("There is no cluster %q; ask for target=%s.", asked, target), http.StatusNotFound)
			return
		}
		handler.ServeHTTP(w, r)
	})
}

// ownMetrics returns the exporter's own metrics, without those of a probe.
func ownMetrics() (*prometheus.Registry, error) {
	process, err := newProcessCollector()
	if err != nil {
		return nil, fmt.Errorf("reading the exporter's own process: %w", err)
	}
	own := prometheus.NewRegistry()
	own.MustRegister(process, collectors.NewGoCollector(), versioncollector.NewCollector(Name))
	return own, nil
}

func landingPage(metricsPath string) (http.Handler, error) {
	return web.NewLandingPage(web.LandingConfig{
		Name:        Name,
		Description: "Writes a canary value on the PostgreSQL primary at every scrape, and reads it back from every replica.",
		Version:     version.Info(),
		Profiling:   "false",
		Links: []web.LandingLinks{
			{Address: metricsPath, Text: "Metrics", Description: "a probe of the cluster, and the exporter's own metrics"},
			{Address: "/-/healthy", Text: "Health", Description: "the exporter runs"},
			{Address: "/-/ready", Text: "Readiness", Description: "the exporter takes scrapes"},
		},
		// Not one of the links, because exporter-toolkit puts a slash before those.
		ExtraHTML: `<p><a href="` + documentation + `">Documentation</a>: what each metric means, dashboards, alerts and runbooks</p>`,
	})
}

// writeText answers; the server ignores that a client is gone.
func writeText(w http.ResponseWriter, text string) { _, _ = w.Write([]byte(text)) }
