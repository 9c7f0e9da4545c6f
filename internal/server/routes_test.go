package server

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestStrangePathsAreRefused: none may make net/http panic, or take another route's place.
func TestStrangePathsAreRefused(t *testing.T) {
	for _, path := range []string{
		"/probe", "/targets", "/api", "/api/v1/events", "/clusters", "/clusters/x", "/assets/x", "", "/", "//", "metrics", " /metrics", "/metrics ", "/metrics/", "/a//b", "//a", "/x/../y", "/..", "/.", "/./", "/a/./b", "/a/..",
		"/-/healthy", "/-/ready", "/-/metrics", "/-", "/-/", "/fresh", "/fresh/a/b", "/writable", "/writable/x", "/{x}", "/{x...}", "/{$}", "/a{x}", "/a b", "/a\tb", "/a\nb", "/a\x00b",
		"/%zz", "/%20", "/%2d/healthy", "/?x", "/metrics?x=1", "/#", "/#a", "GET /x", "GET /metrics", "host/x", "example.com/metrics",
		"http://host/metrics", "/*", "/é", "/日本", "/\xff", `/"`, "/'", "/<script>", `/\`, "/;", "/&", "/a:b",
	} {
		err := CheckMetricsPath(path)
		if err == nil {
			t.Errorf("%q was accepted", path)
			continue
		}
		if !strings.Contains(err.Error(), "/metrics") {
			t.Errorf("%q: %v; want what to give in its place", path, err)
		}
		config := testConfig(&fakeCluster{})
		config.MetricsPath = path
		if _, err := routes(config, new(atomic.Bool)); err == nil {
			t.Errorf("%q was served", path)
		}
	}
}

func TestPlainPathsAreServed(t *testing.T) {
	for _, path := range []string{"/metrics", "/probes", "/a/b/c", "/METRICS_2", "/a.b", "/...", "/~x", "/.hidden", "/--", "/healthy", "/a/-/healthy"} {
		config := testConfig(&fakeCluster{})
		config.MetricsPath = path
		handler, err := routes(config, new(atomic.Bool))
		if err != nil {
			t.Errorf("%q: %v", path, err)
			continue
		}
		for _, want := range []struct{ path, text string }{
			{path, "pg_canary_up 0"}, {"/-/healthy", "Healthy."}, {"/-/ready", "Ready."}, {"/", `href="` + path[1:] + `"`},
		} {
			recorder := httptest.NewRecorder()
			handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, want.path, nil))
			if recorder.Code != http.StatusOK || !strings.Contains(recorder.Body.String(), want.text) {
				t.Errorf("with the metrics on %s, %s answers %d %s", path, want.path, recorder.Code, recorder.Body)
			}
		}
	}
}

// TestFamiliesAreApart: the metrics of the cluster and those of the exporter have no name in common, and
// are published in the order of their names.
func TestFamiliesAreApart(t *testing.T) {
	handler, err := routes(testConfig(&fakeCluster{}), new(atomic.Bool))
	must(t, err)
	var names []string
	for line := range strings.Lines(string(plainAnswer(handler, "/metrics"))) {
		if family, ok := strings.CutPrefix(line, "# TYPE "); ok {
			names = append(names, strings.Fields(family)[0])
		}
	}
	sorted := slices.Compact(slices.Sorted(slices.Values(names)))
	if !slices.Equal(names, sorted) || !slices.Contains(names, "pg_canary_up") || !slices.Contains(names, "process_open_fds") {
		t.Errorf("the families are\n%s", strings.Join(names, "\n"))
	}
}

func TestOnlyGETRunsAProbe(t *testing.T) {
	cluster := &fakeCluster{}
	handler, err := routes(testConfig(cluster), new(atomic.Bool))
	must(t, err)
	for _, path := range []string{"/", "/metrics", "/-/healthy", "/-/ready", "/elsewhere"} {
		statuses := map[string]int{}
		for _, method := range []string{http.MethodHead, http.MethodPost, http.MethodPut, http.MethodOptions, http.MethodDelete, "BREW"} {
			recorder := httptest.NewRecorder()
			handler.ServeHTTP(recorder, httptest.NewRequest(method, path, nil))
			statuses[method] = recorder.Code
		}
		if want := http.StatusOK; path != "/elsewhere" && statuses[http.MethodHead] != want {
			t.Errorf("HEAD %s: status %d, want %d", path, statuses[http.MethodHead], want)
		}
		for method, status := range statuses {
			if method != http.MethodHead && status != http.StatusMethodNotAllowed && status != http.StatusNotFound {
				t.Errorf("%s %s: status %d", method, path, status)
			}
		}
	}
	if n := cluster.probes.Load(); n != 0 {
		t.Errorf("%d probes were run", n)
	}
}

// TestEveryLink follows the links of the pages to the exporter itself, from wherever they are, and wants the others whole.
func TestEveryLink(t *testing.T) {
	healthy, _ := in("orders", situations()["cut"], time.Now())
	other, _ := in("a:b.c-d_e", situations()["healthy"], time.Now())
	for _, clusters := range []fakeClusters{{healthy}, {healthy, other}} {
		server := start(t, Config{Clusters: clusters, MetricsPath: "/a/metrics"}, "", "127.0.0.1")
		for _, path := range []string{"/", "/clusters/orders"} {
			page, status := server.get(t, path)
			if status != http.StatusOK {
				t.Fatalf("%s answers %d", path, status)
			}
			here, err := url.Parse("http://" + server.address + path)
			must(t, err)
			for _, found := range regexp.MustCompile(`(?i)(?:href|src|action)="([^"]*)"`).FindAllStringSubmatch(page, -1) {
				to, err := url.Parse(html.UnescapeString(found[1]))
				must(t, err)
				switch to = here.ResolveReference(to); {
				case to.Host != here.Host:
					if to.Scheme != "https" || !strings.HasPrefix(to.String(), documentation) {
						t.Errorf("%s has a link to %s", path, to)
					}
				case strings.HasSuffix(to.Path, "/probe"): // That takes a POST.
				default:
					if _, status := server.get(t, to.RequestURI()); status != http.StatusOK {
						t.Errorf("%s has a link to %s, which answers %d", path, to, status)
					}
				}
			}
		}
		must(t, server.stop())
	}
}

// TestRunbooksAreThere: every alert that a page's link names has its runbook in this repository.
func TestRunbooksAreThere(t *testing.T) {
	for name, s := range situations() {
		c, _ := in("orders", s, time.Now())
		_, body := ask(handle(t, Config{Clusters: fakeClusters{c}, MetricsPath: "/metrics"}), http.MethodGet, "/")
		for _, found := range regexp.MustCompile(`href="`+regexp.QuoteMeta(runbooks)+`([^"]*)"`).FindAllStringSubmatch(body, -1) {
			if _, err := os.Stat("../../docs/runbooks/" + found[1]); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
