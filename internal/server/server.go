// Package server is the exporter's HTTP side: its routes, and a start and a
// stop that lose no scrape.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"
	sloggokit "github.com/tjhop/slog-gokit"

	"github.com/pg-canary/pg_canary_exporter/collector"
)

// Name is the exporter's name, in its build information and on its page.
const Name = "pg_canary_exporter"

// DefaultAddress is where the exporter listens unless told otherwise.
const DefaultAddress = ":10187"

// ProbePath answers with a probe of the cluster that its parameter target names,
// and nothing else.
const ProbePath = "/probe"

// Target is the name of the cluster that the flags describe.
const Target = "default"

// Config is what a server serves, and how.
type Config struct {
	// Collector is probed on every scrape.
	Collector *collector.Collector
	// MetricsPath is where, such as /metrics.
	MetricsPath string
	// ProbeTimeout is for scrapers that do not say theirs, and TimeoutOffset
	// is taken off the timeout of those that do.
	ProbeTimeout, TimeoutOffset time.Duration
	// Web says where to listen, and holds TLS and basic authentication.
	Web    *web.FlagConfig
	Logger log.Logger
}

// Run serves until ctx is cancelled. Then it takes no new scrape, lets those
// that are running end, and returns nil.
func Run(ctx context.Context, config Config) error {
	stopping := new(atomic.Bool)
	handler, err := routes(config, stopping)
	if err != nil {
		return err
	}
	logger := slog.New(bridge{sloggokit.NewGoKitHandler(config.Logger, slog.LevelDebug)})
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- web.ListenAndServe(server, config.Web, logger) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	stopping.Store(true)
	logger.Info("Stopping: letting running probes end")
	// A scrape lasts as long as its scraper waits; the default timeout is a fair bound.
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), config.ProbeTimeout+time.Second)
	defer cancel()
	err = server.Shutdown(bounded)
	if served := <-served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// routes returns the handler of all paths.
func routes(config Config, stopping *atomic.Bool) (http.Handler, error) {
	own, err := ownMetrics()
	if err != nil {
		return nil, err
	}
	probe := &collector.Handler{
		Collector:     config.Collector,
		Timeout:       config.ProbeTimeout,
		TimeoutOffset: config.TimeoutOffset,
	}
	scrape := *probe
	scrape.Own = own
	landing, err := landingPage(config.MetricsPath)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET "+config.MetricsPath, promhttp.InstrumentMetricHandler(own, &scrape))
	mux.Handle("GET "+ProbePath, ofTarget(Target, probe))
	mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) { say(w, "Healthy.\n") })
	mux.HandleFunc("GET /-/ready", func(w http.ResponseWriter, _ *http.Request) {
		if stopping.Load() {
			http.Error(w, "Stopping.", http.StatusServiceUnavailable)
			return
		}
		say(w, "Ready.\n")
	})
	mux.Handle("GET /{$}", landing)
	return mux, nil
}

// ofTarget passes on the requests that name a target, and refuses the others.
func ofTarget(target string, handler http.Handler) http.Handler {
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
			{
				Address: "https://github.com/pg-canary/pg_canary_exporter", Text: "Documentation",
				Description: "what each metric means, dashboards, alerts and runbooks",
			},
		},
	})
}

// say answers; a client that is gone is none of the server's troubles.
func say(w http.ResponseWriter, text string) { _, _ = w.Write([]byte(text)) }

// bridge hands the records of exporter-toolkit to our logger without their time
// and source, because that one stamps its lines itself.
type bridge struct{ slog.Handler }

// Handle writes one record.
func (b bridge) Handle(ctx context.Context, record slog.Record) error {
	record.Time, record.PC = time.Time{}, 0
	return b.Handler.Handle(ctx, record)
}
