//go:build unix

package fleet

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// sessions returns the exporter's sessions on a server: their processes.
func sessions(t *testing.T, server *pgcluster.Server) (processes []int32) {
	t.Helper()
	must(t, server.QueryRow(t.Context(),
		"SELECT coalesce(array_agg(pid ORDER BY pid), '{}') FROM pg_stat_activity WHERE usename = 'canary'", &processes))
	return processes
}

// value returns the sum of a metric's series.
func value(t *testing.T, c prometheus.Collector, name string) (value float64, ok bool) {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(c)
	return gathered(t, registry, name)
}

// counted returns the sum of what is counted of a cluster.
func counted(t *testing.T, m *Member, name string) float64 {
	t.Helper()
	sum, _ := gathered(t, prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		return m.Collector().Gather(&probe.Result{})
	}), name)
	return sum
}

func gathered(t *testing.T, from prometheus.Gatherer, name string) (value float64, ok bool) {
	t.Helper()
	families, err := from.Gather()
	must(t, err)
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			value, ok = value+m.GetCounter().GetValue()+m.GetGauge().GetValue(), true
		}
	}
	return value, ok
}

// TestReloads on real servers: a cluster that did not change keeps its connections, counters and memory; one that changed keeps what it
// can; one that went is closed; and a file with anything wrong changes nothing.
func TestReloads(t *testing.T) {
	t.Parallel()
	first, second := servers(t), servers(t)
	one := entry("one", first.DSNs())
	r := run(t, "clusters:\n"+one+entry("two", second.DSNs()[:1]))
	r.until("one", "it is probed", has("a", "b"))
	r.until("two", "it is probed", has("a"))
	kept, before := r.Member("one"), sessions(t, first.Primary)
	probes := counted(t, kept, "pg_canary_probes_total")

	must(t, r.reload("clusters:\n"+entry("two", second.DSNs(), "wait: 3s", "labels: {team: checkout}")+one))
	if r.Member("one") != kept {
		t.Error("the cluster that did not change is another one")
	}
	eventually(t, "the replica that came is connected, before anybody asks", func() bool { return len(sessions(t, second.Replica)) == 1 })
	two := r.until("two", "it has its replica", has("a", "b"))
	if n := two.Write.Capacity; n < 2 || r.Member("two").Labels()["team"] != "checkout" {
		t.Errorf("value %d, labels %v", n, r.Member("two").Labels())
	}
	r.until("two", "the replica is synced", func(p *probe.Result) bool { s := p.Nodes[1].Replica; return s != nil && s.Synced != nil && *s.Synced })
	if total := counted(t, r.Member("two"), "pg_canary_primary_changes_total"); total != 0 {
		t.Errorf("%v takeovers", total)
	}
	if after := sessions(t, first.Primary); len(after) != 1 || after[0] != before[0] {
		t.Errorf("the sessions were %v and are %v", before, after)
	}
	if now := counted(t, kept, "pg_canary_probes_total"); now < probes || now == 0 {
		t.Errorf("%v probes after %v", now, probes)
	}

	for name, broken := range map[string]string{
		"no YAML":                    "clusters: [",
		"a misspelt key":             "clusters:\n" + strings.Replace(one, "nodes:", "node:", 1),
		"no connection string":       "clusters:\n  - {name: one, nodes: [{name: a, dsn: ':'}]}\n",
		"two clusters with one name": "clusters:\n" + one + one,
	} {
		if err := r.reload(broken); err == nil || !strings.Contains(err.Error(), r.file+":") {
			t.Errorf("%s: %v", name, err)
		}
		if ok, _ := value(t, r.Reloader, "pg_canary_config_last_reload_successful"); ok != 0 || len(r.Members()) != 2 || r.Member("one") != kept {
			t.Errorf("%s: successful %v, %d clusters", name, ok, len(r.Members()))
		}
	}

	must(t, r.reload("clusters:\n"+one))
	if ok, _ := value(t, r.Reloader, "pg_canary_config_last_reload_successful"); ok != 1 || r.Member("two") != nil || len(r.Members()) != 1 {
		t.Errorf("successful %v, %d clusters", ok, len(r.Members()))
	}
	for _, server := range []*pgcluster.Server{second.Primary, second.Replica} {
		eventually(t, "no session is left on "+server.Name, func() bool { return len(sessions(t, server)) == 0 })
	}
	if n, _ := value(t, r.Fleet, "pg_canary_clusters"); n != 1 {
		t.Errorf("%v clusters are published", n)
	}
	if text := r.log.String(); strings.Contains(text, "password=") {
		t.Errorf("the log has a connection string:\n%s", text)
	}
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// TestConfigMapIsFollowed: Kubernetes exchanges a link in the middle of the path, and never writes the file.
func TestConfigMapIsFollowed(t *testing.T) {
	t.Parallel()
	pair := servers(t)
	dir := t.TempDir()
	version := func(name, content string) {
		must(t, os.Mkdir(filepath.Join(dir, name), 0o700))
		must(t, os.WriteFile(filepath.Join(dir, name, "clusters.yml"), []byte(content), 0o600))
		must(t, os.Symlink(name, filepath.Join(dir, "..data_tmp")))
		must(t, os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
	}
	// Both have one size.
	version("..1", "clusters:\n"+entry("one", pair.DSNs()))
	must(t, os.Symlink(filepath.Join("..data", "clusters.yml"), filepath.Join(dir, "clusters.yml")))
	r := run(t, "clusters:\n"+entry("none", pair.DSNs()))
	r.Reloader = NewReloader(filepath.Join(dir, "clusters.yml"), r.Fleet, r.Reloader.logger)
	must(t, r.Reload())
	ctx, end := context.WithCancel(t.Context())
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		r.Watch(ctx)
	}()
	version("..2", "clusters:\n"+entry("two", pair.DSNs()))
	eventually(t, "the other cluster is there", func() bool { return r.Member("two") != nil && r.Member("one") == nil })
	must(t, os.Remove(filepath.Join(dir, "clusters.yml")))
	eventually(t, "it is noticed that the file is gone", func() bool {
		ok, _ := value(t, r.Reloader, "pg_canary_config_last_reload_successful")
		return ok == 0
	})
	if r.Member("two") == nil {
		t.Error("the cluster went with the file")
	}
	end()
	<-watched
}
