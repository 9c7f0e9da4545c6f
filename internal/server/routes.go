package server

import (
	"fmt"
	"net/http"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// documentation is the address that the pages link to.
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
	pages, err := newPages(config)
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
	mux.HandleFunc("GET "+clustersPath, serveClusters(config.Clusters))
	mux.HandleFunc("GET "+clustersPath+"/{name}", serveClusterJSON(config.Clusters))
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
	mux.HandleFunc("GET /{$}", pages.serveRoot)
	mux.HandleFunc("GET /clusters/{name}", pages.serveCluster)
	mux.Handle("POST /clusters/{name}/probe", pages.serveProbeNow(scrapes))
	mux.HandleFunc("GET /assets/{file}", serveAsset)
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

// writeText answers; the server ignores that a client is gone.
func writeText(w http.ResponseWriter, text string) { _, _ = w.Write([]byte(text)) }
