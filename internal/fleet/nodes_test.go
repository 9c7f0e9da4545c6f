//go:build unix

package fleet

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
	"github.com/pg-canary/pg_canary_exporter/internal/config"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster/pgtest"
)

// TestClustersOfAFile probes two clusters on one real pair, as a file describes them: one has
// its nodes listed, the other has them found.
func TestClustersOfAFile(t *testing.T) {
	_, primary, replica := pgtest.NewPair(t, pgcluster.Options{})
	const password = "pa55-MARKED"
	for _, section := range []string{"one", "two"} {
		must(t, pgnode.Setup{Role: "canary", Password: password, Section: section, Cluster: section}.Run(t.Context(), primary.SuperDSN()))
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "clusters.yml")
	must(t, os.WriteFile(filepath.Join(dir, "secret"), []byte(password+"\n"), 0o600))
	must(t, os.WriteFile(file, []byte(`defaults: {dsn: user=canary dbname=postgres sslmode=disable, password_file: secret, wait: 6s, synced_within: 5s}
clusters:
- {name: one, section: one, nodes: [{name: a, dsn: "host=`+primary.Host+` port=`+strconv.Itoa(primary.Port)+`"}, {name: b, dsn: "postgres://`+replica.Addr()+`"}]}
- {name: two, section: two, discover: {dns: pair.example}}
`), 0o600))
	c, err := config.Load(file)
	must(t, err)
	for _, server := range []*pgcluster.Server{primary, replica} {
		node, err := FoundNode(c.Clusters[1], server.Addr(), server.Host, server.Port)
		must(t, err)
		c.Clusters[1].Nodes = append(c.Clusters[1].Nodes, node)
	}
	for _, described := range c.Clusters {
		var nodes []probe.Node
		for _, n := range described.Nodes {
			node, err := NewNode(described, n)
			must(t, err)
			nodes = append(nodes, node)
		}
		cluster := probe.New(ProbeConfig(described.Settings), nodes...)
		for synced := false; !synced; { // The replica gets the role when it has replayed it.
			cluster.Connect(t.Context())
			for _, replica := range cluster.Probe(t.Context()).Replicas() {
				synced = replica.Replica.State == verdict.StateSynced
			}
		}
		must(t, cluster.Close(t.Context()))
	}
}

func TestNodeOptions(t *testing.T) {
	c := config.Cluster{Name: "orders", Settings: config.Settings{
		PasswordFile: "/of-the-cluster", Section: "s", SynchronousCommit: "local", Wait: 1, SyncedWithin: 2, Timeout: 3 * time.Second, MinInterval: 4, Pulse: 5,
	}}
	want := pgnode.Options{
		Name: "a", Section: "s", Cluster: "orders", SynchronousCommit: "local", StatementTimeout: 3 * time.Second, Fresh: true, PasswordFile: "/own",
	}
	if diff := cmp.Diff(want, NodeOptions(c, config.Node{Name: "a", FreshConnection: true, PasswordFile: "/own"})); diff != "" {
		t.Error(diff)
	}
	probes := probe.Config{Wait: 1, SyncedWithin: 2, Timeout: 3 * time.Second, MinInterval: 4, Pulse: 5}
	if diff := cmp.Diff(probes, ProbeConfig(c.Settings)); diff != "" {
		t.Error(diff)
	}
}

func TestFoundNode(t *testing.T) {
	c := config.Cluster{Settings: config.Settings{DSN: "user='canary' port='6432'", PasswordFile: "/x"}}
	node, err := FoundNode(c, "10.0.0.1:6432", "10.0.0.1", 0)
	must(t, err)
	if diff := cmp.Diff(config.Node{Name: "10.0.0.1:6432", DSN: "host='10.0.0.1' port='6432' user='canary'", PasswordFile: "/x"}, node); diff != "" {
		t.Error(diff)
	}
	for name, host := range map[string]string{"a b": "a", "a": "a b", "b": "x' password='y"} {
		if _, err := FoundNode(c, name, host, 1); err == nil {
			t.Errorf("%q at %q is taken", name, host)
		}
	}
}
