package fleet

import (
	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/internal/config"
)

// NewNode returns a node of a cluster. It does not connect. The error says what is wrong with
// its connection string, and never quotes it.
func NewNode(c config.Cluster, n config.Node) (*pgnode.Node, error) {
	return pgnode.New(n.DSN, NodeOptions(c, n))
}

// NodeOptions are how a node of a cluster is talked to.
func NodeOptions(c config.Cluster, n config.Node) pgnode.Options {
	return pgnode.Options{
		Name: n.Name, Section: c.Section, Cluster: c.Name, SynchronousCommit: c.SynchronousCommit,
		StatementTimeout: c.Timeout, Fresh: n.FreshConnection, PasswordFile: n.PasswordFile,
	}
}

// ProbeConfig are the settings of a cluster's probes.
func ProbeConfig(s config.Settings) probe.Config {
	return probe.Config{Wait: s.Wait, SyncedWithin: s.SyncedWithin, Timeout: s.Timeout, MinInterval: s.MinInterval, Pulse: s.Pulse, ByPosition: s.Gate == config.GateLSN}
}

// FoundNode returns the node of a cluster that was found at a host and a port: its connection
// string is the cluster's for that host. A port of 0 is the one that string gives, or
// PostgreSQL's own. The error quotes neither.
func FoundNode(c config.Cluster, name, host string, port int) (config.Node, error) {
	if err := pgnode.CheckName(name, "node"); err != nil {
		return config.Node{}, err
	}
	dsn, err := pgnode.AtHost(c.DSN, host, port)
	if err != nil {
		return config.Node{}, err
	}
	return config.Node{Name: name, DSN: dsn, PasswordFile: c.PasswordFile}, nil
}
