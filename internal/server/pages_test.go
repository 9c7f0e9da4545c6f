package server

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// TestPagesOfWhatThereIs: what a client gets where there is nothing, or something besides a probe.
func TestPagesOfWhatThereIs(t *testing.T) {
	beside := prometheus.NewRegistry()
	beside.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "pg_canary_discovery_up"}, func() float64 { return 1 }))
	found := named("found", &fakeCluster{})
	found.Beside = beside
	single := func(name string) Config {
		config := fleetConfig(found)
		config.Single = name
		return config
	}
	described := fleetConfig()
	described.Describe = func() any { return map[string]string{"name": "orders"} }
	for name, test := range map[string]struct {
		config       Config
		path         string
		status       int
		has, hasNone string
	}{
		"a probe, and how its nodes are found":  {fleetConfig(found), ProbePath + "?target=found", 200, "pg_canary_discovery_up 1", "go_goroutines"},
		"the same with the exporter's own":      {single("found"), "/metrics", 200, "pg_canary_discovery_up 1", ""},
		"the exporter's own beside a probe":     {single("found"), "/metrics", 200, "go_goroutines", ""},
		"the only cluster is none any more":     {single("gone"), "/metrics", 404, `no cluster "gone"`, "pg_canary_up"},
		"a probe where there is no cluster":     {fleetConfig(), ProbePath + "?target=orders", 404, "The exporter probes none.", "pg_canary_up"},
		"no target where there is no cluster":   {fleetConfig(), ProbePath, 400, "The exporter probes none.", ""},
		"the configuration":                     {described, ConfigPath, 200, `{"name":"orders"}`, ""},
		"the configuration, where none is told": {fleetConfig(), ConfigPath, 404, "", "{"},
		"the page of many clusters":             {fleetConfig(found, named("other", &fakeCluster{})), "/", 200, "Nothing is known of any cluster", "Replicas</h2>"},
		"the page of the only one":              {fleetConfig(named("fresh", &fakeCluster{})), "/", 200, "Not probed yet", "All clusters"},
		"the page of none":                      {fleetConfig(), "/", 200, "There is no cluster", ""},
		"one of many":                           {fleetConfig(found, named("other", &fakeCluster{})), "/clusters/other", 200, "All clusters", ""},
		"the page of a cluster that is not":     {fleetConfig(found), "/clusters/fond", 404, `There is no cluster "fond". Is it found?`, "<"},
		"a file that no page has":               {fleetConfig(found), "/assets/list.html", 404, "", "define"},
		"as JSON, one that is not":              {fleetConfig(found), "/api/v1/clusters/none", 404, `There is no cluster "none".`, "{"},
		"no such page":                          {fleetConfig(found), "/none", 404, "", "pg_canary"},
	} {
		status, body := ask(handle(t, test.config), http.MethodGet, test.path)
		if status != test.status || !strings.Contains(body, test.has) || test.hasNone != "" && strings.Contains(body, test.hasNone) {
			t.Errorf("%s: %d, want %d, with %q, and not %q:\n%.2000s", name, status, test.status, test.has, test.hasNone, body)
		}
	}
}

// TestEventsOfSomeClusters: the parameter cluster may be given several times.
func TestEventsOfSomeClusters(t *testing.T) {
	var clusters []Cluster
	for _, name := range []string{"a", "b", "c"} {
		clusters = append(clusters, named(name, &fakeCluster{}))
	}
	handler := handle(t, fleetConfig(clusters...))
	for _, c := range clusters {
		ask(handler, http.MethodGet, ProbePath+"?target="+c.Name)
	}
	for query, want := range map[string]string{"": "abc", "?cluster=b": "b", "?cluster=a&cluster=c": "ac", "?cluster=none": "", "?cluster=": ""} {
		_, body := ask(handler, http.MethodGet, eventsPath+query)
		got := ""
		for _, c := range clusters {
			if strings.Contains(body, `{"cluster":"`+c.Name+`"`) {
				got += c.Name
			}
		}
		if got != want {
			t.Errorf("%q has the events of %q, want %q", query, got, want)
		}
	}
}

// TestReadiness ends when the exporter is told to stop; its health does not.
func TestReadiness(t *testing.T) {
	stopping := new(atomic.Bool)
	handler, err := routes(fleetConfig(), stopping)
	must(t, err)
	for _, test := range []struct {
		stopping       bool
		ready, healthy int
	}{{false, 200, 200}, {true, 503, 200}} {
		stopping.Store(test.stopping)
		ready, _ := ask(handler, http.MethodGet, "/-/ready")
		healthy, _ := ask(handler, http.MethodGet, "/-/healthy")
		if ready != test.ready || healthy != test.healthy {
			t.Errorf("stopping is %v: ready %d, healthy %d", test.stopping, ready, healthy)
		}
	}
}

// TestMetricsPathIsChecked where the server is made, too: two routes of one path would end the program.
func TestMetricsPathIsChecked(t *testing.T) {
	for _, path := range []string{"/", ProbePath, TargetsPath, "/-/x", "/api/v1", "metrics", "/a b"} {
		config := fleetConfig()
		config.MetricsPath = path
		if _, err := routes(config, new(atomic.Bool)); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v", path, err)
		}
	}
}
