//go:build unix

package fleet

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/internal/config"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/simulate"
)

// simulated starts clusters of a simulated primary and a replica.
func simulated(t *testing.T, clusters int) []*simulate.Cluster {
	t.Helper()
	servers, err := simulate.Start(simulate.Options{Clusters: clusters, Replicas: 1})
	must(t, err)
	t.Cleanup(func() { must(t, servers.Close()) })
	return servers.Clusters
}

// finds has Patroni say that a cluster's servers are its members.
func finds(p *patroni, members map[string]*simulate.Server) {
	var all []map[string]any
	for name, server := range members {
		host, text, _ := net.SplitHostPort(server.Address())
		port, _ := strconv.Atoi(text)
		all = append(all, map[string]any{"name": name, "role": "replica", "state": "running", "host": host, "port": port, "timeline": 1})
	}
	p.say(map[string]any{"members": all})
}

// TestCertificatesAreHandedOn: the files that the configuration names are those that Patroni is asked with.
func TestCertificatesAreHandedOn(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	broken := filepath.Join(directory, "broken.pem")
	must(t, os.WriteFile(broken, []byte("no certificate"), 0o600))
	for _, d := range []config.Discover{
		{CAFile: broken},
		{CertFile: broken, KeyFile: filepath.Join(directory, "missing.key")},
		{CertFile: filepath.Join(directory, "missing.pem"), KeyFile: broken},
	} {
		d.Patroni = []string{"https://127.0.0.1:1"}
		source, err := newSource(d)
		must(t, err)
		if _, _, err := source.Find(t.Context()); err == nil || !strings.Contains(err.Error(), directory) {
			t.Errorf("with %+v: %v", d, err)
		}
	}
}

// TestManagerNamesTheLeader where two servers take writes: it is asked again at once, and heeded.
func TestManagerNamesTheLeader(t *testing.T) {
	t.Parallel()
	pair, manager := servers(t), newPatroni(t)
	first, second := member("pg-1", "leader", pair.Primary), member("pg-2", "replica", pair.Replica)
	manager.say(map[string]any{"members": []any{first, second}})
	r := run(t, "defaults: {dsn: "+strconv.Quote(common(t, pair.DSN(pair.Primary)))+"}\nclusters:\n  - name: found\n    discover: {patroni: [\""+manager.URL+"\"]}\n")
	writes := func(name string) func(*probe.Result) bool {
		return func(p *probe.Result) bool {
			primaries, _ := p.Primaries()
			return primaries == 2 && p.Primary == name
		}
	}
	r.until("found", "both are probed", has("pg-1", "pg-2"))
	must(t, pair.Replica.Exec(t.Context(), "SELECT pg_promote()"))
	r.until("found", "the leader is written, though the other one is of a later timeline", writes("pg-1"))
	first["role"], second["role"] = "replica", "leader"
	manager.say(map[string]any{"members": []any{first, second}})
	r.until("found", "the next leader is written", writes("pg-2"))
}

// TestNodesAreSoughtElsewhere: a reload has a cluster's nodes listed, found, found by another source, and listed again, and
// each time the ones of before stay until others are known.
func TestNodesAreSoughtElsewhere(t *testing.T) {
	t.Parallel()
	cluster := simulated(t, 1)[0]
	primary, replica := cluster.Primary(), cluster.Replicas()[0]
	first, second := newPatroni(t), newPatroni(t)
	finds(first, map[string]*simulate.Server{"first-1": primary, "first-2": replica})
	found := func(at *patroni) string {
		return "clusters:\n  - {name: " + cluster.Name + ", dsn: user=canary dbname=postgres sslmode=disable, discover: {patroni: ['" + at.URL + "']}}\n"
	}
	listed := "clusters:\n" + entry(cluster.Name, cluster.DSNs())
	r := run(t, listed)
	r.until(cluster.Name, "the listed nodes are probed", has("a", "b"))
	member := r.Member(cluster.Name)
	if member.Beside() != nil {
		t.Error("something is published of a search where the nodes are listed")
	}

	must(t, r.reload(found(first)))
	r.until(cluster.Name, "the found nodes are probed", hasAll("first-1", "first-2"))
	if up, ok := gathered(t, member.Beside(), "pg_canary_discovery_up"); !ok || up != 1 {
		t.Errorf("discovery_up is %v, %v", up, ok)
	}

	must(t, r.reload(found(second))) // It fails, so far.
	eventually(t, "the other source is asked", func() bool {
		up, ok := gathered(t, member.Beside(), "pg_canary_discovery_up")
		return ok && up == 0
	})
	r.until(cluster.Name, "those of before stay", hasAll("first-1", "first-2"))
	finds(second, map[string]*simulate.Server{"second-1": primary, "bad name": replica})
	r.until(cluster.Name, "those of the other source are probed, but for one that cannot be", hasAll("second-1"))

	must(t, r.reload(listed))
	r.until(cluster.Name, "the listed nodes are probed again", has("a", "b"))
	if member.Beside() != nil || r.Member(cluster.Name) != member {
		t.Error("something of the search is left, or the cluster is another one")
	}
	if changes := counted(t, member, "pg_canary_primary_changes_total"); changes != 0 {
		t.Errorf("%v takeovers are counted, where one server was always the primary", changes)
	}
}

// hasAll says whether a probe wrote, and is of just these nodes, in whatever order.
func hasAll(names ...string) func(*probe.Result) bool {
	return func(r *probe.Result) bool {
		got := map[string]bool{}
		for _, n := range r.Nodes {
			got[n.Name] = true
		}
		for _, name := range names {
			if !got[name] {
				return false
			}
		}
		return r.Write != nil && len(got) == len(names)
	}
}

// TestNodesAreExchangedThoughAServerHangs: the first attempt is given up, so that beats are sent meanwhile, and the next one
// waits until the probes have ended.
func TestNodesAreExchangedThoughAServerHangs(t *testing.T) {
	t.Parallel()
	cluster := simulated(t, 1)[0]
	listed := func(dsns []string) string {
		return "clusters:\n" + entry(cluster.Name, dsns, "timeout: 8s", "pulse: 100ms")
	}
	r := run(t, listed(cluster.DSNs()))
	r.until(cluster.Name, "the nodes are probed", has("a", "b"))
	must(t, cluster.Primary().Set(simulate.Hung))
	eventually(t, "a probe waits for it", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		result := r.Member(cluster.Name).Collector().Probe(ctx)
		return ctx.Err() != nil && result.Write == nil
	})
	must(t, r.reload(listed(cluster.DSNs()[:1])))
	eventually(t, "the other nodes are in force", func() bool { return len(r.Member(cluster.Name).Names()) == 1 })
	must(t, cluster.Primary().Set(simulate.Normal))
	r.until(cluster.Name, "the primary is back", has("a"))
}

// TestStoppedFleet answers with what is known, puts no other configuration into force when it is closed, and leaves no session:
// not of a cluster that has just been removed either.
func TestStoppedFleet(t *testing.T) {
	t.Parallel()
	clusters := simulated(t, 3)
	entries := func(some []*simulate.Cluster) (text string) {
		for _, c := range some {
			text += entry(c.Name, c.DSNs(), "pulse: 100ms")
		}
		return "clusters:\n" + text
	}
	r := run(t, entries(clusters))
	for _, c := range clusters {
		r.until(c.Name, "it is probed", has("a", "b"))
	}
	if digest := r.Digest(); len(digest.Clusters) != 3 {
		t.Errorf("the digest is of %d clusters", len(digest.Clusters))
	}
	kept := r.Member(clusters[1].Name)
	if names := strings.Join(kept.Names(), " "); names != "a b" || kept.Timeout() != config.Defaults().Timeout || kept.Name() != clusters[1].Name {
		t.Errorf("%s has the nodes %s and the timeout %v", kept.Name(), names, kept.Timeout())
	}
	must(t, r.reload(entries(clusters[1:])))
	r.Stop()
	if stopped := r.probe(clusters[1].Name); len(stopped.Nodes) != 2 {
		t.Errorf("a scrape of a stopped cluster is answered with %+v", stopped)
	}
	must(t, r.Close(t.Context()))
	for _, c := range clusters {
		for i, server := range c.Servers() {
			eventually(t, "no session is left on "+c.Name, func() bool { return server.Sessions() == 0 })
			dials := server.Dials()
			if err := r.reload(entries(clusters)); !errors.Is(err, net.ErrClosed) {
				t.Errorf("a reload after the end says %v", err)
			}
			if server.Dials() != dials {
				t.Errorf("server %d of %s was connected to after the end", i, c.Name)
			}
		}
	}
}

// TestUnusableConnectionString: what no configuration file can have is refused, and changes nothing.
func TestUnusableConnectionString(t *testing.T) {
	t.Parallel()
	r := run(t, "clusters:\n"+entry("one", []string{"host=127.0.0.1 port=1 user=canary dbname=postgres"}))
	before := r.Digest()
	_, err := r.Apply(&config.Config{Clusters: []config.Cluster{{
		Name: "two", Settings: config.Defaults(), Nodes: []config.Node{{Name: "a", DSN: "password=MARKED host="}, {Name: "b", DSN: "MARKED"}},
	}}})
	if err == nil || !strings.Contains(err.Error(), "cluster two: node ") || strings.Contains(err.Error(), "MARKED") {
		t.Errorf("the error is %v", err)
	}
	if r.Member("two") != nil || r.Member("one") == nil || len(r.Digest().Clusters) != len(before.Clusters) {
		t.Error("something has changed")
	}
}
