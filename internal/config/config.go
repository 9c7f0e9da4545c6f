// Package config is what a user says about the clusters that the exporter watches, and the file
// that says it. It reads that file, and no other: what a connection string names, such as a
// certificate, is read when a connection is made.
//
// The comments of the fields are the documentation of the file's keys: a test makes
// docs/configuration.md and docs/configuration.schema.json of them.
package config

import (
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
)

// Config are the clusters that the exporter watches.
type Config struct {
	// Clusters have different names.
	Clusters []Cluster

	directory string // of the file, "" for none
}

// document is a configuration file.
type document struct {
	// Defaults are the settings of all clusters that do not give their own.
	Defaults Settings `yaml:"defaults"`
	// Clusters are the clusters that the exporter watches, at least one.
	Clusters []Cluster `yaml:"clusters,required"`
}

// Cluster is one primary and its replicas.
type Cluster struct {
	// Name is the cluster's name, as in `/probe?target=NAME`, and different from all others: 1 to 63 letters,
	// digits, `_`, `.`, `:` or `-`, beginning with a letter or digit. A section that `setup --cluster.name` made
	// for another name is not written.
	Name string `yaml:"name,required"`
	// Labels are labels of the cluster in `/targets`, and so of all its series in Prometheus. Their values are
	// strings. Their names are those of Prometheus (letters, digits and `_`, beginning with no digit), but none that
	// the metrics, Prometheus or the rules use themselves.
	Labels map[string]string `yaml:"labels"`
	// Settings are those in effect: the cluster's own, else the defaults.
	Settings `yaml:",inline"`
	// Nodes are the addresses of the cluster's servers, the usual primary first. A cluster has these or `discover`.
	Nodes []Node `yaml:"nodes"`
	// Discover is where the cluster's nodes are found, again and again.
	Discover *Discover `yaml:"discover"`
}

// Settings are what a cluster can have of its own, and what the defaults say for all.
type Settings struct {
	// DSN is what the connection string of each node begins with: a URL or keyword=value pairs. A cluster's completes
	// that of `defaults`, a node's that of its cluster, keyword by keyword.
	DSN string `yaml:"dsn"`
	// PasswordFile is a file that holds the role's password alone. It is read again for each connection. A relative
	// path begins at the configuration file; `""` is no file.
	PasswordFile string `yaml:"password_file"`
	// Section is the name of the row in `canary.section` that `setup --canary.section` creates and the exporter
	// writes.
	Section string `yaml:"section"`
	// Wait is how long a replica that does not show the canary is read again. It exceeds `synced_within`.
	Wait time.Duration `yaml:"wait"`
	// SyncedWithin is how soon a replica must show the canary to count as synced.
	SyncedWithin time.Duration `yaml:"synced_within"`
	// Timeout is the longest time that a probe may take. A scraper with a shorter timeout gets what is known by
	// then.
	Timeout time.Duration `yaml:"timeout"`
	// MinInterval is how long after its start a probe serves further scrapes, so that more scrapers do not mean more
	// commits. `0s`: scrapes share a probe only until it has sent its canary.
	MinInterval time.Duration `yaml:"min_interval"`
	// Pulse is the interval of the canaries between the scrapes, 100ms or longer; `0s` is none. See
	// [pulse.md](pulse.md) for what it costs.
	Pulse time.Duration `yaml:"pulse"`
	// SynchronousCommit is `synchronous_commit` of the canary write: `off`, `local`, `remote_write`, `on` or
	// `remote_apply`; `""` is the server's own.
	SynchronousCommit string `yaml:"synchronous_commit"`
}

// Node is an address of a server.
type Node struct {
	// Name is the node's name in labels and logs, made as a cluster's, and different from those of the cluster's
	// other nodes.
	Name string `yaml:"name,required"`
	// DSN is the connection string; what it does not say, those of the cluster and of `defaults` do.
	DSN string `yaml:"dsn"`
	// FreshConnection is `true` for a node that is connected anew for each probe, as a client without a pool is:
	// behind a balancer it may be another server each time.
	FreshConnection bool `yaml:"fresh_connection"`
	// PasswordFile is the cluster's, or "" where the node's connection string gives another user
	// or a password.
	PasswordFile string `yaml:"-"`
}

// Discover is where a cluster's nodes are found: one of Patroni, DNS and SRV.
type Discover struct {
	// Patroni are the URLs of Patroni's REST API on any members of the cluster; those that are asked after one another
	// until one answers.
	Patroni []string `yaml:"patroni"`
	// CAFile is a file with the certificate authorities, in PEM, that signed for Patroni's `https://` URLs; without it the
	// system's count. This file and the next two are read again each time that Patroni is asked; a relative path begins at
	// the configuration file.
	CAFile string `yaml:"ca_file"`
	// CertFile is a file with the exporter's own certificate, for a Patroni with `verify_client`.
	CertFile string `yaml:"cert_file"`
	// KeyFile is a file with the private key of that certificate.
	KeyFile string `yaml:"key_file"`
	// DNS is a name each of whose addresses is a node.
	DNS string `yaml:"dns"`
	// SRV is a name whose SRV records are the nodes, with their ports.
	SRV string `yaml:"srv"`
	// Port is the port of the nodes that `dns` finds. Without it, it is the one of the connection string.
	Port int `yaml:"port"`
}

// Defaults are the settings of a cluster for which nobody gives any.
func Defaults() Settings {
	return Settings{
		Section: pgnode.DefaultSection, Wait: time.Second, SyncedWithin: 100 * time.Millisecond,
		Timeout: 5 * time.Second, MinInterval: 200 * time.Millisecond,
	}
}
