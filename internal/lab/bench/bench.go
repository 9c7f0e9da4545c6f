//go:build unix

// Package bench compares a scrape with its floor, the same statements on bare
// connections, and the set-up of a connection with that of a bare one, on a pair
// of servers that it starts: all in one run and in turn, so that a noisy machine
// is noisy for all of them.
package bench

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/exporter"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
	"github.com/pg-canary/pg_canary_exporter/internal/server"
)

// Options are how much is measured.
type Options struct {
	// Rounds is how often each is measured.
	Rounds int
	// Replicas is how many there are in the second table.
	Replicas int
	// Scrapes is in how many of the healthy pair alarms are counted.
	Scrapes int
	// Rest is for how long what the pulse costs is measured.
	Rest time.Duration
}

// Run measures and prints the tables.
func Run(ctx context.Context, options Options, out io.Writer) error {
	return exporter.OnServers(ctx, rig.Options{}, func(program *exporter.Program, servers *rig.Rig) error {
		if err := options.onPair(ctx, program, servers, out); err != nil {
			return err
		}
		return options.onMany(ctx, servers, out)
	})
}

// onPair measures what an exporter on the pair is scraped for.
func (options Options) onPair(ctx context.Context, program *exporter.Program, servers *rig.Rig, out io.Writer) (err error) {
	e, err := program.Start(ctx, exporter.Config{DSNs: servers.DSNs()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Stop()) }()
	if err := comparePair(ctx, out, servers, e, options.Rounds); err != nil {
		return err
	}
	if err := countAlarms(ctx, out, e, options.Scrapes); err != nil {
		return err
	}
	if err := compareSetUps(ctx, out, servers, options.Rounds/4); err != nil {
		return err
	}
	return comparePulse(ctx, out, program, servers, options)
}

// onMany measures the first reads of one replica and of many.
func (options Options) onMany(ctx context.Context, servers *rig.Rig, out io.Writer) error {
	one, err := firstReads(ctx, servers.DSNs(), options.Rounds/4)
	if err != nil {
		return err
	}
	if err := servers.Grow(ctx, options.Replicas); err != nil {
		return err
	}
	many, err := firstReads(ctx, servers.DSNs(), options.Rounds/4)
	if err != nil {
		return err
	}
	return printReplicas(out, options.Replicas, one, many)
}

// alone is the path of a probe without the exporter's own metrics.
const alone = server.ProbePath + "?target=" + pgnode.DefaultCluster

// accept is what Prometheus 3 sends when it does not scrape native histograms.
const accept = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6," +
	"application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4," +
	"text/plain;version=0.0.4;q=0.3,*/*;q=0.2"

// asPrometheus are the headers of a scrape by Prometheus.
func asPrometheus(encoding string) http.Header {
	return http.Header{"Accept": {accept}, "Accept-Encoding": {encoding}}
}
