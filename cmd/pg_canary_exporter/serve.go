package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/common/version"

	"github.com/pg-canary/pg_canary_exporter/collector"
	"github.com/pg-canary/pg_canary_exporter/internal/server"
)

// closing bounds how long the last good-bye to the servers may take.
const closing = 2 * time.Second

// serve answers scrapes until ctx is cancelled.
func serve(ctx context.Context, o *options, logger log.Logger) error {
	if !strings.HasPrefix(o.telemetryPath, "/") || strings.ContainsAny(o.telemetryPath, " {}") || o.telemetryPath == "/" {
		return fmt.Errorf("--web.telemetry-path=%q: give a path such as /metrics", o.telemetryPath)
	}
	if o.telemetryPath == server.ProbePath || strings.HasPrefix(o.telemetryPath, "/-/") {
		return fmt.Errorf("--web.telemetry-path=%q has another use: give a path such as /metrics", o.telemetryPath)
	}
	cluster, err := o.cluster()
	if err != nil {
		return err
	}
	_ = level.Info(logger).Log("msg", "Starting pg_canary_exporter", "version", version.Version, "nodes", strings.Join(cluster.Names(), " "))
	defer server.LimitProcs(len(cluster.Names()) - 1)()
	probed := collector.New(cluster, logger)
	err = server.Run(ctx, server.Config{
		Collector:     probed,
		MetricsPath:   o.telemetryPath,
		ProbeTimeout:  o.probeTimeout,
		TimeoutOffset: o.probeTimeoutOff,
		Web:           o.web,
		Logger:        logger,
	})
	if err != nil {
		err = &statusError{1, fmt.Errorf("serving on %s: %w", strings.Join(*o.web.WebListenAddresses, ", "), err)}
	}
	probed.Wait()
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), closing)
	defer cancel()
	if closeErr := cluster.Close(bounded); closeErr != nil {
		_ = level.Debug(logger).Log("msg", "Closing the connections", "err", closeErr)
	}
	return errors.Join(err)
}
