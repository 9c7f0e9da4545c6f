//go:build unix

package rig

import (
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

// ProbeTimeout is the exporter's default of that name. A test of its command
// holds all that is here equal to its flags.
const ProbeTimeout = 5 * time.Second

// Config is the exporter's own default.
func Config() probe.Config {
	return probe.Config{Wait: time.Second, SyncedWithin: 100 * time.Millisecond, Timeout: ProbeTimeout}
}

// NodeOptions are the exporter's own default.
func NodeOptions() pgnode.Options {
	return pgnode.Options{Section: section, Cluster: pgnode.DefaultCluster, StatementTimeout: ProbeTimeout}
}

// Probe returns the probe of nodes by the exporter's defaults, without the
// exporter around it.
func Probe(dsns []string) (*probe.Cluster, error) {
	nodes := make([]probe.Node, len(dsns))
	for i, dsn := range dsns {
		node, err := pgnode.New(dsn, NodeOptions())
		if err != nil {
			return nil, err
		}
		nodes[i] = node
	}
	return probe.New(Config(), nodes...), nil
}
