package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/common/version"

	"github.com/pg-canary/pg_canary_exporter/internal/server"
)

// closeTimeout bounds how long the last good-bye to the servers may take.
const closeTimeout = 2 * time.Second

// serve answers scrapes until ctx is cancelled.
func serve(ctx context.Context, o *options, logger log.Logger) error {
	if err := server.CheckMetricsPath(o.telemetryPath); err != nil {
		return fmt.Errorf("--web.telemetry-path: %w", err)
	}
	_ = level.Info(logger).Log("msg", "Starting pg_canary_exporter", "version", version.Version)
	clusters, err := o.start(logger) //nolint:contextcheck // They run until they are closed.
	if err != nil {
		return err
	}
	background, end := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { clusters.followHangups(background, logger) })
	if o.configWatch {
		running.Go(func() { clusters.reloader.Watch(background) })
	}
	err = server.Run(ctx, server.Config{
		Clusters:      server.Running(clusters.Fleet),
		Single:        clusters.single,
		Own:           clusters.own(),
		Reload:        clusters.reload(o.enableLifecycle),
		Describe:      func() any { return clusters.Digest() },
		Stop:          clusters.Stop,
		ReadOnly:      o.readOnly,
		MetricsPath:   o.telemetryPath,
		TimeoutOffset: o.probeTimeoutOff,
		Web:           o.web,
		Logger:        logger,
	})
	if err != nil {
		err = &statusError{1, fmt.Errorf("serving on %s: %w", strings.Join(*o.web.WebListenAddresses, ", "), err)}
	}
	end()
	running.Wait()
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	if closeErr := clusters.Close(bounded); closeErr != nil {
		_ = level.Debug(logger).Log("msg", "Closing the connections", "err", closeErr)
	}
	return err
}

// reload returns what clients may ask for; nil for nothing.
func (r running) reload(allowed bool) func() error {
	if r.reloader == nil || !allowed {
		return nil
	}
	return r.reloader.Reload
}

// followHangups reads the configuration file again at every SIGHUP, until ctx ends. Where there is none, it says so, and
// lets the exporter go on.
func (r running) followHangups(ctx context.Context, logger log.Logger) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
		}
		if r.reloader == nil {
			_ = level.Info(logger).Log("msg", "SIGHUP: there is nothing to reload; restart the exporter to change its flags")
			continue
		}
		_ = r.reloader.Reload() //nolint:contextcheck // It is logged, and what it starts runs until it is closed.
	}
}
