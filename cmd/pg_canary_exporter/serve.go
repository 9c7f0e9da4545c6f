package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/common/version"

	"github.com/pg-canary/pg_canary_exporter/collector"
	"github.com/pg-canary/pg_canary_exporter/internal/server"
)

// closeTimeout bounds how long the last good-bye to the servers may take.
const closeTimeout = 2 * time.Second

// serve answers scrapes until ctx is cancelled.
func serve(ctx context.Context, o *options, logger log.Logger) error {
	if err := server.CheckMetricsPath(o.telemetryPath); err != nil {
		return fmt.Errorf("--web.telemetry-path: %w", err)
	}
	cluster, err := o.cluster()
	if err != nil {
		return err
	}
	_ = level.Info(logger).Log("msg", "Starting pg_canary_exporter", "version", version.Version, "nodes", strings.Join(cluster.Names(), " "))
	o.logDropped(logger)
	defer logHangups(logger)()
	cluster.Prepare() // So that the first scrape finds the connections ready.
	probed := collector.New(cluster, logger)
	cluster.Start()
	err = server.Run(ctx, server.Config{
		Collector:     probed,
		Cluster:       o.ownCluster(),
		Stop:          cluster.Stop,
		MetricsPath:   o.telemetryPath,
		ProbeTimeout:  o.settings.Timeout,
		TimeoutOffset: o.probeTimeoutOff,
		Web:           o.web,
		Logger:        logger,
	})
	if err != nil {
		err = &statusError{1, fmt.Errorf("serving on %s: %w", strings.Join(*o.web.WebListenAddresses, ", "), err)}
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	if closeErr := cluster.Close(bounded); closeErr != nil {
		_ = level.Debug(logger).Log("msg", "Closing the connections", "err", closeErr)
	}
	return err
}

// logHangups says at every SIGHUP that there is nothing to reload, and lets the
// exporter go on. It returns what ends that.
func logHangups(logger log.Logger) (stop func()) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for range hangups {
			_ = level.Info(logger).Log("msg", "SIGHUP: there is nothing to reload; restart the exporter to change its flags")
		}
	}()
	return func() {
		signal.Stop(hangups)
		close(hangups)
		<-ended
	}
}
