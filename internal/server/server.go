// Package server is the exporter's HTTP side: its routes, and how it starts and
// stops without losing a scrape.
package server

import (
	"bytes"
	"context"
	"errors"
	"log"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	kitlog "github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/exporter-toolkit/web"
	sloggokit "github.com/tjhop/slog-gokit"
)

// Name is the exporter's name, in its build information and on its page.
const Name = "pg_canary_exporter"

// DefaultAddress is where the exporter listens unless told otherwise.
const DefaultAddress = ":10187"

// Config is what a server serves, and how.
type Config struct {
	// Clusters are what can be probed.
	Clusters Clusters
	// Single is the name of the only one, of which the metrics have a probe; "" where they do not.
	Single string
	// ReadOnly keeps clients from probing from a page.
	ReadOnly bool
	// MetricsPath is the path of the metrics, such as /metrics.
	MetricsPath string
	// TimeoutOffset is subtracted from what scrapers say that they wait for.
	TimeoutOffset time.Duration
	// Own are published with the exporter's own metrics.
	Own []prometheus.Collector
	// Reload reads the configuration again; nil where clients may not ask for that.
	Reload func() error
	// Describe returns what tells the configuration apart from another one, as JSON.
	Describe func() any
	// Stop ends what runs in the background, so that the scrapes which still wait for it
	// are answered with what is known; nil for nothing.
	Stop   func()
	Limits Limits
	// Web says where to listen, and holds TLS and basic authentication.
	Web    *web.FlagConfig
	Logger kitlog.Logger
}

// lastProbes is how long running scrapes may go on as usual when the server stops.
const lastProbes = time.Second

// Run serves until ctx is cancelled. Then it accepts no new scrape, lets running
// ones end, soon with what is known of their probes, and returns nil.
func Run(ctx context.Context, config Config) error {
	stopping := new(atomic.Bool)
	handler, err := routes(config, stopping)
	if err != nil {
		return err
	}
	logger := slog.New(bridge{sloggokit.NewGoKitHandler(config.Logger, slog.LevelDebug)})
	server := newServer(handler, config.Limits.withDefaults())
	server.ErrorLog = log.New(connectionLog{logger}, "", 0)
	served := make(chan error, 1)
	go func() { served <- web.ListenAndServe(server, config.Web, logger) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	stopping.Store(true)
	logger.Info("Stopping: waiting for running probes to end; a second signal ends the exporter at once")
	longest := longestAnswer(config.Clusters, config.TimeoutOffset)
	if config.Stop != nil {
		defer time.AfterFunc(min(lastProbes, longest), config.Stop).Stop()
	}
	err = shutDown(context.WithoutCancel(ctx), server, longest)
	if served := <-served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// shutDown lets running requests end, and closes the connections of those that
// take too long: a client that does not read must not delay the shutdown.
func shutDown(ctx context.Context, server *http.Server, longest time.Duration) error {
	bounded, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	err := server.Shutdown(bounded)
	if errors.Is(err, context.DeadlineExceeded) {
		return server.Close()
	}
	return err
}

// bridge hands the records of exporter-toolkit to our logger without their time
// and source, because that one stamps its lines itself.
type bridge struct{ slog.Handler }

// Handle writes one record.
func (b bridge) Handle(ctx context.Context, record slog.Record) error {
	record.Time, record.PC = time.Time{}, 0
	return b.Handler.Handle(ctx, record)
}

// connectionLog receives the log lines of net/http. A broken TLS handshake is not
// worth a warning: a health check without a certificate causes one every time.
type connectionLog struct{ *slog.Logger }

// Write writes one line.
func (l connectionLog) Write(line []byte) (int, error) {
	level := slog.LevelWarn
	if bytes.Contains(line, []byte("TLS handshake error")) {
		level = slog.LevelDebug
	}
	l.Log(context.Background(), level, string(bytes.TrimSpace(line)))
	return len(line), nil
}
