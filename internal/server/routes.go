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
)

// documentation is the address that the landing page links to.
const documentation = "https://github.com/pg-canary/pg_canary_exporter"

// routes returns the handler of all paths.
func routes(config Config, stopping *atomic.Bool) (http.Handler, error) {
	own, err := ownMetrics(config.Own)
	if err != nil {
		return nil, err
	}
	if err := CheckMetricsPath(config.MetricsPath); err != nil {
		return nil, fmt.Errorf("the path of the metrics: %w", err)
	}
	landing, err := landingPage(config)
	if err != nil {
		return nil, err
	}
	compress, err := newCompression()
	if err != nil {
		return nil, fmt.Errorf("compressing answers: %w", err)
	}
	mux := http.NewServeMux()
	scrapes := newScraper(config)
	mux.Handle("GET "+config.MetricsPath, promhttp.InstrumentMetricHandler(own, scrapes.metrics(config.Single, own)))
	mux.HandleFunc("GET "+ProbePath, scrapes.probe)
	mux.HandleFunc("GET "+TargetsPath, serveTargets(config.Clusters))
	mux.HandleFunc("GET "+eventsPath, serveEvents(config.Clusters))
	mux.HandleFunc("GET "+ConfigPath, serveJSON(config.Describe))
	mux.HandleFunc("POST "+reloadPath, serveReload(config.Reload))
	mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) { writeText(w, "Healthy.\n") })
	mux.HandleFunc("GET /-/ready", func(w http.ResponseWriter, _ *http.Request) {
		if stopping.Load() {
			http.Error(w, "Stopping.", http.StatusServiceUnavailable)
			return
		}
		writeText(w, "Ready.\n")
	})
	mux.Handle("GET /{$}", landing)
	return compress(newGatekeeper(config).before(mux)), nil
}

// ownMetrics returns the exporter's own metrics, without those of a probe.
func ownMetrics(more []prometheus.Collector) (*prometheus.Registry, error) {
	process, err := newProcessCollector()
	if err != nil {
		return nil, fmt.Errorf("reading the exporter's own process: %w", err)
	}
	own := prometheus.NewRegistry()
	own.MustRegister(process, collectors.NewGoCollector(), versioncollector.NewCollector(Name))
	own.MustRegister(more...)
	return own, nil
}

func landingPage(config Config) (http.Handler, error) {
	metrics, clusters := "a probe of the cluster, and the exporter's own metrics", "where Prometheus finds the cluster's probe"
	if config.Single == "" {
		metrics, clusters = "the exporter's own metrics", "the clusters, each of which Prometheus finds the probe of"
	}
	return web.NewLandingPage(web.LandingConfig{
		Name:        Name,
		Description: "Writes a canary value on the PostgreSQL primary at every scrape, and reads it back from every replica.",
		Version:     version.Info(),
		Profiling:   "false",
		Links: []web.LandingLinks{
			{Address: config.MetricsPath, Text: "Metrics", Description: metrics},
			{Address: TargetsPath, Text: "Targets", Description: clusters},
			{Address: "/-/healthy", Text: "Health", Description: "the exporter runs"},
			{Address: "/-/ready", Text: "Readiness", Description: "the exporter takes scrapes"},
		},
		// Not one of the links, because exporter-toolkit puts a slash before those.
		ExtraHTML: `<p><a href="` + documentation + `">Documentation</a>: what each metric means, dashboards, alerts and runbooks</p>`,
	})
}

// writeText answers; the server ignores that a client is gone.
func writeText(w http.ResponseWriter, text string) { _, _ = w.Write([]byte(text)) }
