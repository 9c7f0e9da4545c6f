package server

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/exporter-toolkit/web"
	"go.uber.org/goleak"

	"github.com/pg-canary/pg_canary_exporter/collector"
	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/internal/lab"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fakeCluster stands in for a cluster: what a server does to its clients needs none.
type fakeCluster struct {
	probes atomic.Int64
	probe  func(ctx context.Context) // what a probe does; nil for nothing

	observer probe.Observer
	telling  sync.Mutex
}

var _ collector.Prober = (*fakeCluster)(nil)

func (f *fakeCluster) Names() []string          { return []string{"a:5432"} }
func (f *fakeCluster) Observe(o probe.Observer) { f.observer = o }

func (f *fakeCluster) Probe(ctx context.Context) *probe.Result {
	f.probes.Add(1)
	if f.probe != nil {
		f.probe(ctx)
	}
	r := &probe.Result{Scraped: true, Nodes: []probe.NodeResult{{Name: "a:5432"}}}
	f.telling.Lock() // One at a time, as a cluster does.
	defer f.telling.Unlock()
	f.observer.Ended(r)
	return r
}

// fakeClusters are clusters that a test makes up, in the order of their names.
type fakeClusters []Cluster

var _ Clusters = fakeClusters{}

func (f fakeClusters) All() []Cluster { return f }
func (f fakeClusters) Find(name string) (Cluster, bool) {
	for _, c := range f {
		if c.Name == name {
			return c, true
		}
	}
	return Cluster{}, false
}

// named returns a cluster that can be probed.
func named(name string, cluster *fakeCluster) Cluster {
	return Cluster{Name: name, Collector: collector.New(cluster, log.NewNopLogger()), Timeout: 5 * time.Second}
}

func testConfig(cluster *fakeCluster) Config {
	return Config{
		Clusters: fakeClusters{named("default", cluster)}, Single: "default", MetricsPath: "/metrics", TimeoutOffset: 250 * time.Millisecond,
	}
}

// timeout sets how long a probe of the only cluster may take.
func (c Config) timeout(longest time.Duration) { c.Clusters.(fakeClusters)[0].Timeout = longest }

var listening = regexp.MustCompile(`msg="Listening on" address=(\S+)`)

// running is a server as the exporter runs it.
type running struct {
	address   string
	addresses []string // all of them
	log       *lab.Log
	stop      func() error // ends it; can be called again
}

// start runs a server on free ports of the hosts.
func start(t *testing.T, config Config, webConfig string, hosts ...string) *running {
	t.Helper()
	addresses, noSocket := make([]string, len(hosts)), false
	for i, host := range hosts {
		addresses[i] = host + ":0"
	}
	r := &running{log: &lab.Log{}}
	config.Logger = log.NewLogfmtLogger(r.log)
	config.Web = &web.FlagConfig{WebListenAddresses: &addresses, WebSystemdSocket: &noSocket, WebConfigFile: &webConfig}
	ctx, interrupt := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, config) }()
	r.stop = sync.OnceValue(func() error {
		interrupt()
		return <-ended
	})
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Errorf("the server ended with %v:\n%s", err, r.log)
		}
	})
	for r.addresses == nil {
		if found := listening.FindAllStringSubmatch(r.log.String(), -1); len(found) == len(hosts) {
			for _, address := range found {
				r.addresses = append(r.addresses, address[1])
			}
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("the server ended with %v:\n%s", err, r.log)
		case <-time.After(time.Millisecond):
		}
	}
	r.address = r.addresses[0]
	return r
}

// get returns a page of the server.
func (r *running) get(t *testing.T, path string) (body string, status int) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(fmt.Sprintf("http://%s%s", r.address, path))
	must(t, err)
	defer response.Body.Close() //nolint:errcheck // It was only read.
	text, err := io.ReadAll(response.Body)
	must(t, err)
	return string(text), response.StatusCode
}
