package collector_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/log"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/pg-canary/pg_canary_exporter/collector"
	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/internal/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/pgcluster/pgtest"
)

const (
	canaryRole     = "canary"
	canaryPassword = "canary's own"
)

// pair is a real primary and a real replica, with an exporter on them.
type pair struct {
	t                testing.TB
	servers          *pgcluster.Cluster
	primary, replica *pgcluster.Server
	collector        *collector.Collector
	handler          *collector.Handler
	log              *strings.Builder
}

type pairConfig struct {
	replica     pgcluster.ReplicaOptions
	primaryDSN  string // in place of the primary's own
	replicaDSN  string // in place of the replica's own
	node        pgnode.Options
	probe       probe.Config
	withoutSync bool // do not wait until the pair is synced
}

func defaultConfig() pairConfig {
	return pairConfig{
		replica: pgcluster.ReplicaOptions{Name: "replica"},
		node:    pgnode.Options{Section: "default", SynchronousCommit: "local", StatementTimeout: 5 * time.Second},
		probe:   probe.Config{Wait: time.Second, SyncedWithin: 100 * time.Millisecond},
	}
}

// newPair starts a pair that is set up and synced once.
func newPair(t testing.TB, changes ...func(*pairConfig)) *pair {
	t.Helper()
	config := defaultConfig()
	for _, change := range changes {
		change(&config)
	}
	servers := pgtest.New(t, pgcluster.Options{})
	must(t, pgnode.Setup{Role: canaryRole, Password: canaryPassword}.Run(t.Context(), servers.Primary().SuperDSN()))
	replica, err := servers.AddReplica(t.Context(), config.replica)
	must(t, err)
	p := &pair{t: t, servers: servers, primary: servers.Primary(), replica: replica, log: &strings.Builder{}}
	p.serve(config)
	return p
}

// serve puts a new exporter on the pair, without any memory.
func (p *pair) serve(config pairConfig) {
	p.t.Helper()
	p.collector, p.handler = p.newExporter(config)
	if !config.withoutSync {
		p.eventually("the pair is synced", func(m samples) bool { return m["pg_canary_synced"] == 1 })
	}
}

func (p *pair) newExporter(config pairConfig) (*collector.Collector, *collector.Handler) {
	p.t.Helper()
	dsns := []string{config.primaryDSN, config.replicaDSN}
	for i, server := range []*pgcluster.Server{p.primary, p.replica} {
		if dsns[i] == "" {
			dsns[i] = server.DSN(canaryRole, canaryPassword, "postgres")
		}
	}
	nodes := make([]probe.Node, len(dsns))
	for i, dsn := range dsns {
		node, err := pgnode.New(dsn, config.node)
		must(p.t, err)
		nodes[i] = node
	}
	cluster := probe.New(config.probe, nodes...)
	c := collector.New(cluster, log.NewLogfmtLogger(log.NewSyncWriter(p.log)))
	p.t.Cleanup(func() {
		c.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := cluster.Close(ctx); err != nil {
			p.t.Logf("closing the nodes: %v", err)
		}
	})
	return c, &collector.Handler{Collector: c, Timeout: 5 * time.Second, TimeoutOffset: 250 * time.Millisecond}
}

// samples are the values of one scrape, by name, or by name and labels as in
// pg_canary_node_up{node="a:1"}. On a pair the label of the replica is left out.
type samples map[string]float64

// scrape makes one scrape with a timeout, and fails when it does not answer within it.
func (p *pair) scrape(timeout time.Duration) samples {
	p.t.Helper()
	text, took := p.scrapeText(timeout)
	if took >= timeout {
		p.t.Errorf("a scrape with a timeout of %v took %v", timeout, took)
	}
	return parse(p.t, text)
}

func (p *pair) scrapeText(timeout time.Duration) (string, time.Duration) {
	p.t.Helper()
	request := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	request.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", fmt.Sprint(timeout.Seconds()))
	recorder := httptest.NewRecorder()
	started := time.Now()
	p.handler.ServeHTTP(recorder, request)
	took := time.Since(started)
	if recorder.Code != http.StatusOK {
		p.t.Fatalf("a scrape ended in %d: %s", recorder.Code, recorder.Body)
	}
	return recorder.Body.String(), took
}

func parse(t testing.TB, text string) samples {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	must(t, err)
	values := samples{}
	for name, family := range families {
		for _, metric := range family.GetMetric() {
			values[name+labelsOf(metric)] = valueOf(metric)
		}
	}
	return values
}

func labelsOf(metric *dto.Metric) string {
	var labels []string
	for _, pair := range metric.GetLabel() {
		if pair.GetName() != "replica" {
			labels = append(labels, fmt.Sprintf("%s=%q", pair.GetName(), pair.GetValue()))
		}
	}
	if len(labels) == 0 {
		return ""
	}
	return "{" + strings.Join(labels, ",") + "}"
}

func valueOf(metric *dto.Metric) float64 {
	switch {
	case metric.GetGauge() != nil:
		return metric.GetGauge().GetValue()
	case metric.GetCounter() != nil:
		return metric.GetCounter().GetValue()
	default:
		return float64(metric.GetHistogram().GetSampleCount())
	}
}

// eventually scrapes until a condition holds, and fails after half a minute.
func (p *pair) eventually(what string, holds func(samples) bool) samples {
	p.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		m := p.scrape(5 * time.Second)
		if holds(m) {
			return m
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("waited in vain until %s; last scrape:\n%v\nlog:\n%s", what, m, p.log)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// waitFor waits until a condition holds, without a scrape.
func waitFor(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// pause pauses the replay of the replica and waits until it is.
func (p *pair) pause() {
	p.t.Helper()
	must(p.t, p.replica.Exec(p.t.Context(), "SELECT pg_wal_replay_pause()"))
	waitFor(p.t, "the replay is paused", func() bool {
		var paused bool
		must(p.t, p.replica.QueryRow(p.t.Context(), "SELECT pg_is_wal_replay_paused()", &paused))
		return paused
	})
}

// up returns node_up of a server.
func (m samples) up(server *pgcluster.Server) float64 {
	return m[fmt.Sprintf("pg_canary_node_up{node=%q}", address(server))]
}

func (m samples) failures(server *pgcluster.Server, reason probe.Reason) float64 {
	return m[fmt.Sprintf("pg_canary_failures_total{node=%q,reason=%q}", address(server), reason)]
}

// state returns the state that is 1, and fails when there is not exactly one.
func (m samples) state(t testing.TB) string {
	t.Helper()
	var states []string
	for _, state := range probe.ReplicaStates() {
		if m[fmt.Sprintf("pg_canary_replica_state{state=%q}", state)] == 1 {
			states = append(states, string(state))
		}
	}
	if len(states) != 1 {
		t.Errorf("the replica is in the states %v, want one", states)
		return ""
	}
	return states[0]
}

// want fails when a sample is absent or has another value.
func (m samples) want(t testing.TB, name string, value float64) {
	t.Helper()
	if got, ok := m[name]; !ok || got != value {
		t.Errorf("%s is %v (there: %v), want %v", name, got, ok, value)
	}
}

// absent fails when there is any of the samples.
func (m samples) absent(t testing.TB, names ...string) {
	t.Helper()
	for _, name := range names {
		if value, ok := m[name]; ok {
			t.Errorf("%s is %v, but nobody observed it", name, value)
		}
	}
}

func address(server *pgcluster.Server) string { return fmt.Sprintf("%s:%d", server.Host, server.Port) }

// connections counts the exporter's connections to a server.
func connections(t testing.TB, server *pgcluster.Server) int {
	t.Helper()
	var n int
	must(t, server.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE usename = '"+canaryRole+"'", &n))
	return n
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
