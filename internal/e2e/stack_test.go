//go:build unix

package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster/pgtest"
)

const (
	role     = "canary"
	password = "pa55-MARKED"

	// patience is far more than anything takes here that works. What is taken from whole
	// minutes, and recorded once a minute, takes up to three.
	patience     = 4 * time.Minute
	pollInterval = 200 * time.Millisecond
)

// stack is a pair of servers, the exporter and Prometheus.
type stack struct {
	*testing.T
	servers          *pgcluster.Cluster
	primary, replica *pgcluster.Server
	instance         string // the exporter's address
	prometheus       promv1.API
	shown            time.Duration // at least a minute
}

// newStack starts a stack and waits until it is at rest: synced, and no alert.
func newStack(t *testing.T) *stack {
	t.Helper()
	s := &stack{T: t}
	s.servers, s.primary, s.replica = pgtest.NewPair(t, pgcluster.Options{})
	must(t, pgnode.Setup{Role: role, Password: password}.Run(t.Context(), s.primary.SuperDSN()))
	s.instance = run(t, []string{
		"PG_CANARY_PRIMARY_DSN=" + s.primary.DSN(role, password, "postgres"),
		"PG_CANARY_REPLICA_DSN=" + s.replica.DSN(role, password, "postgres"),
		"GORACE=halt_on_error=1",
	}, exporter, "--web.listen-address=127.0.0.1:0").says(listening)[1]
	s.startPrometheus("prometheus.yml", map[string]string{"exporter:10187": s.instance})
	s.eventually("the pair is at rest", func() string { return s.atRest() })
	return s
}

// startPrometheus starts one with a configuration of the repository, in which it exchanges some words.
func (s *stack) startPrometheus(file string, words map[string]string) {
	s.Helper()
	dir := s.TempDir()
	must(s.T, os.CopyFS(filepath.Join(dir, "rules"), os.DirFS(root+"/prometheus/rules")))
	s.startPrometheusIn(dir, file, words)
}

// startPrometheusIn starts it in a directory that has the rules.
func (s *stack) startPrometheusIn(dir, file string, words map[string]string) {
	s.Helper()
	address := freeAddress(s.T)
	config, err := os.ReadFile(root + "/prometheus/" + file)
	must(s.T, err)
	for word, here := range words {
		if !strings.Contains(string(config), word) {
			s.Fatalf("%s does not have %s", file, word)
		}
		config = []byte(strings.ReplaceAll(string(config), word, here))
	}
	config = []byte(strings.ReplaceAll(string(config), "localhost:9090", address)) // Its own, where it is scraped too.
	must(s.T, os.WriteFile(filepath.Join(dir, "prometheus.yml"), config, 0o600))
	run(s.T, nil, prometheus,
		"--config.file="+filepath.Join(dir, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+address).says(ready)
	client, err := api.NewClient(api.Config{Address: "http://" + address})
	must(s.T, err)
	s.Cleanup(client.(api.CloseIdler).CloseIdleConnections)
	s.prometheus = promv1.NewAPI(client)
}

// eventually waits until nothing is missing any more.
func (s *stack) eventually(what string, missing func() string) {
	s.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(pollInterval) {
		left := missing()
		if left == "" {
			return
		}
		if time.Now().After(deadline) {
			s.Fatalf("waited in vain until %s: %s", what, left)
		}
	}
}

// atRest tells what is wrong with a pair that should be healthy, besides alerts
// that are expected.
func (s *stack) atRest(expected ...string) string {
	s.Helper()
	if !s.holds("pg_canary_synced == 1") {
		return "not synced"
	}
	for _, alert := range s.alerts() {
		if name := string(alert.Labels["alertname"]); !slices.Contains(expected, name) {
			return fmt.Sprintf("%s is %s", name, alert.State)
		}
	}
	return ""
}

func (s *stack) alerts() []promv1.Alert {
	s.Helper()
	found, err := s.prometheus.Alerts(s.Context())
	must(s.T, err)
	return found.Alerts
}

// holds tells whether an expression has a result now.
func (s *stack) holds(expr string) bool {
	s.Helper()
	return len(s.numbers(expr, true)) > 0
}
