package faults_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-kit/log"

	"github.com/pg-canary/pg_canary_exporter/collector"
	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster/pgtest"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
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
	config           pairConfig // of the exporter
	log              *lab.Log
	closers          []func() // of the exporters
}

type pairConfig struct {
	settings   map[string]string // of both servers
	replica    pgcluster.ReplicaOptions
	primaryDSN string   // in place of the primary's own
	replicaDSN string   // in place of the replica's own
	more       []string // DSNs of further nodes
	node       pgnode.Options
	probe      probe.Config
	// freshReplicas has the replicas connected anew for each probe.
	freshReplicas bool
	withoutSync   bool // do not wait until the pair is synced
	// wrap puts something between the exporter and its nodes.
	wrap func(probe.Node) probe.Node
	// primaryRuns and replicaRuns are called as soon as the servers are there,
	// with what they may still change.
	primaryRuns, replicaRuns func(*pair, *pairConfig)
}

func defaultConfig() pairConfig {
	return pairConfig{
		replica: pgcluster.ReplicaOptions{Name: "replica"},
		node:    rig.NodeOptions(),
		probe:   rig.Config(),
	}
}

// newPair starts a pair that is set up and synced once.
func newPair(t testing.TB, changes ...func(*pairConfig)) *pair {
	t.Helper()
	config := defaultConfig()
	for _, change := range changes {
		change(&config)
	}
	servers := pgtest.New(t, pgcluster.Options{Settings: config.settings})
	p := &pair{t: t, servers: servers, primary: servers.Primary(), log: &lab.Log{}}
	p.setUp()
	if config.primaryRuns != nil {
		config.primaryRuns(p, &config)
	}
	replica, err := servers.AddReplica(t.Context(), config.replica)
	must(t, err)
	p.replica = replica
	if config.replicaRuns != nil {
		config.replicaRuns(p, &config)
	}
	p.serve(config)
	return p
}

// setUp makes, or makes again, what the exporter needs on the primary.
func (p *pair) setUp() {
	p.t.Helper()
	must(p.t, pgnode.Setup{Role: canaryRole, Password: canaryPassword}.Run(p.t.Context(), p.primary.SuperDSN()))
}

// addSection makes one more section, with the same role.
func (p *pair) addSection(name string) {
	p.t.Helper()
	must(p.t, pgnode.Setup{Role: canaryRole, Password: canaryPassword, Section: name}.Run(p.t.Context(), p.primary.SuperDSN()))
}

// serve puts a new exporter on the pair, without any memory.
func (p *pair) serve(config pairConfig) {
	p.t.Helper()
	p.config = config
	p.collector, p.handler = p.newExporter(config)
	if !config.withoutSync {
		p.eventually("the pair is synced", func(m samples) bool { return m["pg_canary_synced"] == 1 })
	}
}

func (p *pair) newExporter(config pairConfig) (*collector.Collector, *collector.Handler) {
	p.t.Helper()
	dsns := p.connectionStrings(config)
	names := nodeNames(p.t, dsns)
	nodes := make([]probe.Node, len(dsns))
	for i, dsn := range dsns {
		options := config.node
		options.Name, options.Fresh = names[i], i > 0 && config.freshReplicas
		node, err := pgnode.New(dsn, options)
		must(p.t, err)
		nodes[i] = node
		if config.wrap != nil {
			nodes[i] = config.wrap(node)
		}
	}
	cluster := probe.New(config.probe, nodes...)
	c := collector.New(cluster, log.NewLogfmtLogger(p.log))
	cluster.Start()
	if len(p.closers) == 0 {
		p.t.Cleanup(p.closeExporters)
	}
	p.closers = append(p.closers, func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := cluster.Close(ctx); err != nil {
			p.t.Logf("closing the nodes: %v", err)
		}
	})
	return c, &collector.Handler{Collector: c, Timeout: rig.ProbeTimeout, TimeoutOffset: 250 * time.Millisecond}
}

// connectionStrings returns those of all nodes, the primary's first.
func (p *pair) connectionStrings(config pairConfig) []string {
	dsns := []string{config.primaryDSN, config.replicaDSN}
	for i, server := range []*pgcluster.Server{p.primary, p.replica} {
		if dsns[i] == "" {
			dsns[i] = server.DSN(canaryRole, canaryPassword, "postgres")
		}
	}
	return append(dsns, config.more...)
}

// nodeNames returns the names that the exporter's command gives to nodes.
func nodeNames(t testing.TB, dsns []string) []string {
	t.Helper()
	addresses := make([]pgnode.Address, len(dsns))
	for i, dsn := range dsns {
		var err error
		addresses[i], err = pgnode.ReadAddress(dsn)
		must(t, err)
	}
	return pgnode.Names(addresses)
}

// closeExporters ends all exporters that were put on the pair; it can be called again.
func (p *pair) closeExporters() {
	for _, end := range p.closers {
		end()
	}
	p.closers = nil
}

// scrape makes one scrape with a timeout, and fails when it does not answer within it.
func (p *pair) scrape(timeout time.Duration) samples {
	p.t.Helper()
	text, took := p.scrapeText(timeout)
	if took >= timeout {
		p.t.Errorf("a scrape with a timeout of %v took %v", timeout, took)
	}
	return parse(p.t, text)
}

// scrapeText scrapes once.
func (p *pair) scrapeText(timeout time.Duration) (string, time.Duration) {
	p.t.Helper()
	recorder, took := p.answer(timeout)
	if recorder.Code != http.StatusOK {
		p.t.Fatalf("a scrape ended in %d: %s", recorder.Code, recorder.Body)
	}
	return recorder.Body.String(), took
}

// answer asks the handler once.
func (p *pair) answer(timeout time.Duration) (*httptest.ResponseRecorder, time.Duration) {
	request := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	request.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", fmt.Sprint(timeout.Seconds()))
	recorder := httptest.NewRecorder()
	started := time.Now()
	p.handler.ServeHTTP(recorder, request)
	return recorder, time.Since(started)
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

// waitFor waits until a condition holds, without a scrape. What more there is to
// say when it does not, details know.
func waitFor(t testing.TB, what string, holds func() bool, details ...func() string) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			for _, detail := range details {
				what += "\n" + detail()
			}
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
