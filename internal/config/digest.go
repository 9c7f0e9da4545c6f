package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"path/filepath"

	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
)

// Digest tells whether two configurations differ, and where, without telling what they say:
// but for the names of clusters and nodes, it consists of SHA-256 sums.
type Digest struct {
	// Clusters are in their order.
	Clusters []ClusterDigest `json:"clusters"`
}

// ClusterDigest is that of a cluster.
type ClusterDigest struct {
	Name string `json:"name"`
	// Settings, Labels and Discover are sums of what the cluster has of each; Discover is "" for
	// a cluster whose nodes are listed.
	Settings string `json:"settings"`
	Labels   string `json:"labels"`
	Discover string `json:"discover,omitempty"`
	// Nodes are in their order.
	Nodes []NodeDigest `json:"nodes,omitempty"`
}

// NodeDigest is that of a node.
type NodeDigest struct {
	Name   string `json:"name"`
	Digest string `json:"digest"`
}

// Digest returns a digest for everybody. No password is in it, nor anything that was made of one:
// whoever guesses passwords could compare. That there is one, it holds; another one is no change.
func (c *Config) Digest() Digest { return c.digest(withoutPasswords) }

// PrivateDigest returns a digest that another password changes too. It is not to leave the process.
func (c *Config) PrivateDigest() Digest { return c.digest(func(dsn string) string { return dsn }) }

func (c *Config) digest(told func(dsn string) string) Digest {
	d := Digest{Clusters: make([]ClusterDigest, len(c.Clusters))}
	for i, cluster := range c.Clusters {
		settings := cluster.Settings
		settings.DSN, settings.PasswordFile = told(settings.DSN), c.beside(settings.PasswordFile)
		of := ClusterDigest{Name: cluster.Name, Settings: sum(settings), Labels: sum(cluster.Labels)}
		if cluster.Discover != nil {
			discover := *cluster.Discover
			for _, file := range []*string{&discover.CAFile, &discover.CertFile, &discover.KeyFile} {
				*file = c.beside(*file)
			}
			of.Discover = sum(discover)
		}
		for _, node := range cluster.Nodes {
			node.DSN, node.PasswordFile = told(node.DSN), c.beside(node.PasswordFile)
			of.Nodes = append(of.Nodes, NodeDigest{node.Name, sum(node)})
		}
		d.Clusters[i] = of
	}
	return d
}

// beside returns the path of a file below the configuration's directory as it is there: a copy
// of the configuration elsewhere says the same.
func (c *Config) beside(path string) string {
	if relative, err := filepath.Rel(c.directory, path); c.directory != "" && err == nil && filepath.IsLocal(relative) {
		return relative
	}
	return path
}

// withoutPasswords returns a connection string without its passwords, with a word where they were.
func withoutPasswords(dsn string) string {
	split, err := pgnode.SplitDSN(dsn)
	if err != nil {
		return "" // Such a string is in no configuration.
	}
	passwords := []string{"password", "sslpassword"}
	told := split.Without(passwords...).Text()
	for _, name := range passwords {
		if split.Gives(name) {
			told += " " + name
		}
	}
	return told
}

// sum returns the SHA-256 sum of a value, whose maps are written in the order of their keys.
func sum(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // Plain structures of strings and numbers have a form in JSON.
	}
	of := sha256.Sum256(text)
	return hex.EncodeToString(of[:])
}
