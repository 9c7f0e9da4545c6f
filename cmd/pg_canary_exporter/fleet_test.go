//go:build unix

package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// written writes a configuration file of clusters whose only node is a primary.
func written(t *testing.T, file, dsn string, names ...string) {
	t.Helper()
	text := "clusters:\n"
	for _, name := range names {
		text += "  - name: " + name + "\n    labels: {team: of-" + name + "}\n    nodes:\n      - {name: a, dsn: \"" + dsn + "\"}\n"
	}
	must(t, os.WriteFile(file, []byte(text), 0o600))
}

// until waits until the log has a text so often.
func (e *exporter) until(text string, times int) {
	e.t.Helper()
	for deadline := time.Now().Add(time.Minute); strings.Count(e.log.String(), text) < times; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			e.t.Fatalf("the log does not have %q %d times:\n%s", text, times, e.log)
		}
	}
}

// reload asks for a reload.
func (e *exporter) reload() int {
	e.t.Helper()
	response, err := http.Post(e.url+"/-/reload", "", nil)
	must(e.t, err)
	must(e.t, response.Body.Close())
	return response.StatusCode
}

// TestServeFleet serves the clusters of a file, and reads it again when it is told to.
func TestServeFleet(t *testing.T) {
	_, dsn := prepared(t)
	file := filepath.Join(t.TempDir(), "clusters.yml")
	written(t, file, dsn, "orders", "billing")
	e := start(t, "--config.file="+file, "--web.enable-lifecycle")
	for _, page := range []struct{ path, want string }{
		{"/probe?target=orders", "pg_canary_up 1"},
		{"/probe?target=billing", "pg_canary_up 1"},
		{"/metrics", "pg_canary_clusters 2"},
		{"/api/v1/config", `"name":"orders"`},
		{"/api/v1/events", `"cluster":"billing"`},
	} {
		if body, status := e.get(page.path); status != http.StatusOK || !strings.Contains(body, page.want) {
			t.Errorf("%s: status %d, want %q in\n%s", page.path, status, page.want, body)
		}
	}
	if body, _ := e.get("/metrics"); strings.Contains(body, "pg_canary_up") || !strings.Contains(body, "pg_canary_config_last_reload_successful 1") {
		t.Errorf("the exporter's own metrics are\n%s", body)
	}
	written(t, file, dsn, "orders", "carts")
	if status := e.reload(); status != http.StatusOK {
		t.Errorf("a reload is answered with %d", status)
	}
	body, _ := e.get("/targets")
	var targets []struct{ Labels map[string]string }
	must(t, json.Unmarshal([]byte(body), &targets))
	if len(targets) != 2 || targets[0].Labels["cluster"] != "carts" || targets[0].Labels["team"] != "of-carts" || targets[1].Labels["instance"] != "orders" {
		t.Errorf("the targets are %s", body)
	}
	if body, status := e.get("/probe?target=billing"); status != http.StatusNotFound || !strings.Contains(body, "carts") {
		t.Errorf("a cluster that has gone: status %d, %s", status, body)
	}
	must(t, os.WriteFile(file, []byte("clusters: nonsense\n"), 0o600))
	must(t, syscall.Kill(os.Getpid(), syscall.SIGHUP))
	e.until("The configuration file cannot be used", 1)
	if status := e.reload(); status != http.StatusInternalServerError {
		t.Errorf("a reload of a broken file is answered with %d", status)
	}
	if body, _ := e.get("/probe?target=carts"); !strings.Contains(body, "pg_canary_up 1") {
		t.Errorf("after the reload of a broken file\n%s", body)
	}
	if body, _ := e.get("/metrics"); !strings.Contains(body, "pg_canary_config_last_reload_successful 0") {
		t.Errorf("a broken file is not told of:\n%s", body)
	}
	e.stop()
}

func TestConfigFlagsAreChecked(t *testing.T) {
	file := filepath.Join(t.TempDir(), "clusters.yml")
	written(t, file, "host=localhost user=canary", "orders")
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"--config.file=" + file, "--primary.dsn=host=b"}, "--config.file describes the clusters"},
		{[]string{"--config.file=" + file, "--replica.dsn=host=b"}, "--config.file describes the clusters"},
		{[]string{"--config.file=" + file, "--cluster.name=b"}, "--config.file describes the clusters"},
		{[]string{"--config.file=" + file, "--probe.wait=3s"}, "into its defaults"},
		{[]string{"--config.file=" + file, "--pulse.interval=3s"}, "into its defaults"},
		{[]string{"--config.file=" + file, "--gate=lsn"}, "into its defaults"},
		{[]string{"--config.file=" + file, "--probe.timeout-offset=-1s"}, "--probe.timeout-offset"},
		{[]string{"--config.file=" + file + ".not"}, "clusters.yml.not"},
		{[]string{"--primary.dsn=host=b", "--config.watch"}, "without --config.file"},
		{[]string{"--primary.dsn=host=b", "--web.enable-lifecycle"}, "without --config.file"},
	} {
		_, stderr, status := runWith(t, append(test.args, "--web.listen-address=127.0.0.1:0")...)
		if status != 2 || !strings.Contains(stderr, test.want) {
			t.Errorf("%q: status %d, want %q in\n%s", test.args, status, test.want, stderr)
		}
	}
}
