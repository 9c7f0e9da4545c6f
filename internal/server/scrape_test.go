package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
)

// fleetConfig is that of an exporter with a configuration file.
func fleetConfig(clusters ...Cluster) Config {
	return Config{Clusters: fakeClusters(clusters), MetricsPath: "/metrics"}
}

// handle returns the handler of all paths.
func handle(t *testing.T, config Config) http.Handler {
	t.Helper()
	handler, err := routes(config, new(atomic.Bool))
	must(t, err)
	return handler
}

func ask(handler http.Handler, method, path string) (status int, body string) {
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest(method, path, nil))
	return recorder.Code, recorder.Body.String()
}

// TestTargets: a probe is of the cluster that is asked for, and who asks for none that there is gets told which there are.
func TestTargets(t *testing.T) {
	orders, billing := &fakeCluster{}, &fakeCluster{}
	handler := handle(t, fleetConfig(named("billing", billing), named("orders", orders), named("orders-old", &fakeCluster{}), named("search", &fakeCluster{})))
	for _, test := range []struct {
		query  string
		status int
		text   string
	}{
		{"?target=orders", 200, "pg_canary_up 0"},
		{"?target=orders&x=1", 200, "pg_canary_up 0"},
		{"?target=order", 404, `There is no cluster "order". Is it orders?`},
		{"?target=Orders", 404, "orders"},
		{"?target=%00%ff", 404, "There are 4, such as billing, orders, orders-old; see /targets."},
		{"?target=" + strings.Repeat("x", 5000), 404, "There are 4"},
		{"?target=", 400, "/probe?target=NAME"},
		{"", 400, "/probe?target=NAME"},
		{"?Target=orders", 400, "/probe?target=NAME"},
		{"?target=orders&target=billing", 400, "several times"},
	} {
		status, body := ask(handler, http.MethodGet, ProbePath+test.query)
		if status != test.status || !strings.Contains(body, test.text) || len(body) > 100_000 {
			t.Errorf("%.100q answers %d, %.300q; want %d, %q", test.query, status, body, test.status, test.text)
		}
	}
	if orders.probes.Load() != 2 || billing.probes.Load() != 0 {
		t.Errorf("%d probes of the one, %d of the other", orders.probes.Load(), billing.probes.Load())
	}
}

// TestMetricsOfAFleet are the exporter's own: a scrape of them probes nothing.
func TestMetricsOfAFleet(t *testing.T) {
	orders := &fakeCluster{}
	config := fleetConfig(named("orders", orders))
	config.Own = []prometheus.Collector{prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "pg_canary_clusters"}, func() float64 { return 1 })}
	handler := handle(t, config)
	status, body := ask(handler, http.MethodGet, "/metrics")
	if status != 200 || !strings.Contains(body, "pg_canary_clusters 1") || strings.Contains(body, "pg_canary_up") || orders.probes.Load() != 0 {
		t.Errorf("%d, %d probes:\n%s", status, orders.probes.Load(), body)
	}
	if _, body = ask(handler, http.MethodGet, ProbePath+"?target=orders"); strings.Contains(body, "go_goroutines") {
		t.Errorf("a probe has the exporter's own metrics:\n%s", body)
	}
}

// TestServiceDiscovery is what Prometheus reads.
func TestServiceDiscovery(t *testing.T) {
	orders := named("orders", &fakeCluster{})
	orders.Labels = map[string]string{"team": "checkout"}
	for name, test := range map[string]struct {
		clusters []Cluster
		want     []target
	}{
		"none": {nil, []target{}},
		"two": {[]Cluster{named("billing", &fakeCluster{}), orders}, []target{
			{[]string{"exporter:10187"}, map[string]string{
				"cluster": "billing", "instance": "billing", "__metrics_path__": "/probe", "__param_target": "billing",
			}},
			{[]string{"exporter:10187"}, map[string]string{
				"cluster": "orders", "instance": "orders", "__metrics_path__": "/probe", "__param_target": "orders", "team": "checkout",
			}},
		}},
	} {
		recorder, request := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, TargetsPath, nil)
		request.Host = "exporter:10187"
		handle(t, fleetConfig(test.clusters...)).ServeHTTP(recorder, request)
		var got []target
		must(t, json.Unmarshal(recorder.Body.Bytes(), &got))
		if diff := cmp.Diff(test.want, got); diff != "" || recorder.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: %v\n%s", name, recorder.Header(), diff)
		}
	}
}

// TestBusyClusterCostsOthersNothing: one whose scrapes hang takes the places of its own scrapes alone.
func TestBusyClusterCostsOthersNothing(t *testing.T) {
	hang, hung := make(chan struct{}), make(chan struct{}, 2)
	stuck := &fakeCluster{probe: func(context.Context) {
		hung <- struct{}{}
		<-hang
	}}
	config := fleetConfig(named("healthy", &fakeCluster{}), named("stuck", stuck))
	config.Limits.InFlight = 2
	handler := handle(t, config)
	ended := make(chan int, 2)
	for range 2 {
		go func() {
			status, _ := ask(handler, http.MethodGet, ProbePath+"?target=stuck")
			ended <- status
		}()
		<-hung
	}
	if status, _ := ask(handler, http.MethodGet, ProbePath+"?target=stuck"); status != http.StatusServiceUnavailable {
		t.Errorf("the third scrape of the one that hangs got %d", status)
	}
	for range 10 {
		if status, _ := ask(handler, http.MethodGet, ProbePath+"?target=healthy"); status != http.StatusOK {
			t.Errorf("a scrape of the other got %d", status)
		}
	}
	close(hang)
	for range 2 {
		if status := <-ended; status != http.StatusOK {
			t.Errorf("a scrape that waited got %d", status)
		}
	}
	if status, _ := ask(handler, http.MethodGet, ProbePath+"?target=stuck"); status != http.StatusOK {
		t.Errorf("the next scrape got %d", status)
	}
}

func TestReloadIsAsked(t *testing.T) {
	broken := errors.New("clusters.yml:3:5: no such key")
	for name, test := range map[string]struct {
		reload func() error
		status int
		text   string
	}{
		"not allowed": {nil, 403, "--web.enable-lifecycle"},
		"good":        {func() error { return nil }, 200, "Reloaded"},
		"broken":      {func() error { return broken }, 500, broken.Error()},
	} {
		config := fleetConfig()
		config.Reload = test.reload
		if status, body := ask(handle(t, config), http.MethodPost, reloadPath); status != test.status || !strings.Contains(body, test.text) {
			t.Errorf("%s: %d %s", name, status, body)
		}
		if status, _ := ask(handle(t, config), http.MethodGet, reloadPath); status != http.StatusMethodNotAllowed {
			t.Errorf("%s: GET answers %d", name, status)
		}
	}
}

// FuzzTarget: no target makes a probe but the name of a cluster, or an answer that a browser takes for a page.
func FuzzTarget(f *testing.F) {
	for _, seed := range []string{"", "orders", "order", "a&target=b", "<script>", "%00", "\xff", "\n", strings.Repeat("a", 1000)} {
		f.Add(seed)
	}
	orders := &fakeCluster{}
	handler, err := routes(fleetConfig(named("orders", orders)), new(atomic.Bool))
	must(f, err)
	f.Fuzz(func(t *testing.T, asked string) {
		before := orders.probes.Load()
		recorder, request := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, ProbePath, nil)
		query := request.URL.Query()
		query.Set("target", asked)
		request.URL.RawQuery = query.Encode()
		handler.ServeHTTP(recorder, request)
		switch probed := orders.probes.Load() > before; {
		case probed != (asked == "orders"), probed != (recorder.Code == http.StatusOK):
			t.Errorf("%q: a probe is %v, status %d", asked, probed, recorder.Code)
		case !strings.HasPrefix(recorder.Header().Get("Content-Type"), "text/plain"):
			t.Errorf("%q is answered as %s", asked, recorder.Header().Get("Content-Type"))
		}
	})
}
