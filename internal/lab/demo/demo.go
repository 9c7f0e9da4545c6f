//go:build unix

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/exporter-toolkit/web"
	"golang.org/x/sync/errgroup"

	"github.com/pg-canary/pg_canary_exporter/collector"
	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/report"
	"github.com/pg-canary/pg_canary_exporter/internal/server"
)

const (
	role         = "canary"
	probeTimeout = 5 * time.Second
	wait         = time.Second
	syncedWithin = 100 * time.Millisecond
)

// demo is one run.
type demo struct {
	*options
	out          io.Writer
	installation pgcluster.Installation
	servers      *pgcluster.Cluster
}

// run starts the servers and the exporter, and ends with ctx.
func (d *demo) run(ctx context.Context) (err error) {
	began := time.Now()
	say(d.out, "Starting a primary and %d replica(s) …", d.replicas)
	d.servers, err = pgcluster.New(ctx, pgcluster.Options{Installation: d.installation})
	if err != nil {
		return ended(ctx, err)
	}
	defer func() {
		err = errors.Join(err, d.servers.Close())
		say(d.out, "The servers are stopped and their files removed.")
	}()
	cluster, err := d.prepare(ctx)
	if err != nil {
		return ended(ctx, err)
	}
	defer func() {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = cluster.Close(bounded) // The servers go too.
	}()
	d.introduce(time.Since(began))
	return d.serve(ctx, cluster)
}

// prepare starts the replicas, sets the primary up, and returns the cluster to probe.
func (d *demo) prepare(ctx context.Context) (*probe.Cluster, error) {
	password := rand.Text()
	if err := (pgnode.Setup{Role: role, Password: password}).Run(ctx, d.servers.Primary().SuperDSN()); err != nil {
		return nil, err
	}
	for i := range d.replicas {
		if _, err := d.servers.AddReplica(ctx, pgcluster.ReplicaOptions{Name: fmt.Sprintf("replica%d", i+1)}); err != nil {
			return nil, err
		}
	}
	settings := pgnode.Options{Section: "default", SynchronousCommit: "local", StatementTimeout: probeTimeout}
	var nodes []probe.Node
	for _, s := range append([]*pgcluster.Server{d.servers.Primary()}, d.servers.Replicas()...) {
		node, err := pgnode.New(s.DSN(role, password, "postgres"), settings)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, node)
	}
	return probe.New(probe.Config{Wait: wait, SyncedWithin: syncedWithin}, nodes...), nil
}

func (d *demo) introduce(took time.Duration) {
	say(d.out, "Ready in %v. Metrics: http://localhost%s/metrics", report.Duration(took), d.listen)
	for _, server := range d.servers.Servers() {
		say(d.out, "psql on %s: PGPASSFILE=%s psql -h %s -p %d -U postgres", server.Name, d.servers.Passfile(), server.Host, server.Port)
	}
	if !d.load && !d.pause {
		say(d.out, `To see lag: make run ARGS="--load", make run ARGS="--pause", or`+
			"\n  SELECT pg_wal_replay_pause();   -- on the replica, and pg_wal_replay_resume()")
	}
	say(d.out, "Ctrl-C stops everything.\n")
}

// serve runs the exporter, the printing, and what makes the replicas lag.
func (d *demo) serve(ctx context.Context, cluster *probe.Cluster) error {
	logger := level.NewFilter(log.NewLogfmtLogger(log.NewSyncWriter(d.out)), level.AllowWarn())
	probed := collector.New(cluster, logger)
	defer probed.Wait()
	everything, ctx := errgroup.WithContext(ctx)
	everything.Go(func() error {
		disabled, noFile := false, ""
		return server.Run(ctx, server.Config{
			Collector:    probed,
			MetricsPath:  "/metrics",
			ProbeTimeout: probeTimeout,
			Web:          &web.FlagConfig{WebListenAddresses: &[]string{d.listen}, WebSystemdSocket: &disabled, WebConfigFile: &noFile},
			Logger:       logger,
		})
	})
	everything.Go(func() error { return d.print(ctx, probed) })
	if d.load {
		everything.Go(func() error { return ended(ctx, d.writeHeavily(ctx)) })
	}
	if d.pause {
		everything.Go(func() error { return ended(ctx, d.pauseNowAndThen(ctx)) })
	}
	return everything.Wait()
}

// print shows a probe every interval, as `check --watch` does.
func (d *demo) print(ctx context.Context, probed *collector.Collector) error {
	for ctx.Err() == nil {
		result, err := probed.Probe(ctx, probeTimeout)
		if err != nil {
			return ended(ctx, err)
		}
		say(d.out, "%s", time.Now().Format(time.TimeOnly))
		if err := errors.Join(report.Table(d.out, result), report.Reasons(d.out, result)); err != nil {
			return err
		}
		say(d.out, "")
		sleep(ctx, d.interval)
	}
	return nil
}

// ended drops the error of something that was interrupted.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
