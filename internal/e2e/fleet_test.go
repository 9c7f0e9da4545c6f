//go:build unix

package e2e_test

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster/pgtest"
)

// newFleet starts a pair of servers, and exporters that have the same clusters of it in their file.
func newFleet(t *testing.T, exporters int, clusters ...string) (s *stack, file string, addresses []string) {
	t.Helper()
	s = &stack{T: t}
	s.servers, s.primary, s.replica = pgtest.NewPair(t, pgcluster.Options{})
	for _, section := range clusters { // Each is a row of its own.
		must(t, pgnode.Setup{Role: role, Password: password, Section: section}.Run(t.Context(), s.primary.SuperDSN()))
	}
	file = filepath.Join(t.TempDir(), "clusters.yml")
	s.write(file, clusters...)
	for range exporters {
		addresses = append(addresses, run(t, []string{"GORACE=halt_on_error=1"}, exporter,
			"--config.file="+file, "--config.watch", "--web.listen-address=127.0.0.1:0").says(listening)[1])
	}
	return s, file, addresses
}

// write writes the configuration file.
func (s *stack) write(file string, clusters ...string) {
	s.Helper()
	text := "clusters:\n"
	for _, name := range clusters {
		text += fmt.Sprintf("  - {name: %s, section: %s, labels: {team: of-%s}, nodes: [{name: a, dsn: %q}, {name: b, dsn: %q}]}\n",
			name, name, name, s.primary.DSN(role, password, "postgres"), s.replica.DSN(role, password, "postgres"))
	}
	must(s.T, os.WriteFile(file, []byte(text), 0o600))
}

// probedAt returns the addresses that each cluster is probed at.
func (s *stack) probedAt() map[string][]string {
	s.Helper()
	targets, err := s.prometheus.Targets(s.Context())
	must(s.T, err)
	at := map[string][]string{}
	for _, target := range targets.Active {
		to, err := url.Parse(target.ScrapeURL)
		must(s.T, err)
		if name := to.Query().Get("target"); name != "" {
			at[name] = append(at[name], to.Host)
		}
	}
	return at
}

// isProbed tells what is wrong where not just these clusters are probed, each by one exporter.
func (s *stack) isProbed(clusters ...string) string {
	s.Helper()
	at := s.probedAt()
	if len(at) != len(clusters) {
		return fmt.Sprintf("the targets are %v", at)
	}
	for _, name := range clusters {
		if len(at[name]) != 1 {
			return fmt.Sprintf("%s is probed at %v", name, at[name])
		}
		if !s.holds(fmt.Sprintf(`pg_canary_synced{job="pg_canary",cluster=%q,instance=%q,team="of-%s",replica="b"} == 1`, name, name, name)) {
			return name + " is not synced"
		}
	}
	for _, alert := range s.alerts() {
		return fmt.Sprintf("%v is %s", alert.Labels, alert.State)
	}
	return ""
}

var soon = map[string]string{"scrape_interval: 15s": "scrape_interval: 1s", "scrape_timeout: 10s": "scrape_timeout: 1s", "evaluation_interval: 15s": "evaluation_interval: 1s"}

// TestFleet has a real Prometheus find the clusters of one exporter, and a new one without being told.
func TestFleet(t *testing.T) {
	t.Parallel()
	s, file, addresses := newFleet(t, 1, "orders", "billing", "carts")
	words := map[string]string{"exporter:10187": addresses[0], "refresh_interval: 30s": "refresh_interval: 1s"}
	for word, here := range soon {
		words[word] = here
	}
	s.write(file, "orders", "billing")
	s.startPrometheus("fleet.yml", words)
	s.eventually("both are probed", func() string { return s.isProbed("orders", "billing") })
	s.eventually("the exporter's own metrics are there", func() string {
		if !s.holds(`up{job="pg_canary_exporter"} == 1`) || !s.holds("pg_canary_clusters == 2") {
			return "they are missing"
		}
		return ""
	})
	s.write(file, "orders", "billing", "carts")
	s.eventually("the new one is probed", func() string { return s.isProbed("orders", "billing", "carts") })
}

// TestShards has each of the clusters probed by exactly one of two exporters.
func TestShards(t *testing.T) {
	t.Parallel()
	clusters := strings.Fields("a1 a2 a3 a4")
	s, _, addresses := newFleet(t, 2, clusters...)
	words := map[string]string{"exporter-0:10187": addresses[0], "exporter-1:10187": addresses[1]}
	for word, here := range soon {
		words[word] = here
	}
	s.startPrometheus("sharded.yml", words)
	s.eventually("all are probed, each by one", func() string { return s.isProbed(clusters...) })
	used := map[string]int{}
	for _, at := range s.probedAt() {
		used[at[0]]++
	}
	if len(used) != 2 {
		t.Errorf("the exporters probe %v", used)
	}
}
