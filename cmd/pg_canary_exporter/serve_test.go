package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// exporter is a running `serve`.
type exporter struct {
	t         *testing.T
	url       string
	log       *lab.Log
	interrupt context.CancelFunc
	ended     chan error
}

var listening = regexp.MustCompile(`address=(127\.0\.0\.1:\d+)`)

// start runs `serve` on a free port and waits until it listens.
func start(t *testing.T, args ...string) *exporter {
	t.Helper()
	ctx, interrupt := context.WithCancel(context.WithoutCancel(t.Context()))
	e := &exporter{t: t, log: &lab.Log{}, interrupt: interrupt, ended: make(chan error, 1)}
	go func() { e.ended <- run(ctx, append(args, "--web.listen-address=127.0.0.1:0"), io.Discard, e.log) }()
	for {
		if found := listening.FindStringSubmatch(e.log.String()); found != nil {
			e.url = "http://" + found[1]
			t.Cleanup(func() { http.DefaultClient.CloseIdleConnections() })
			return e
		}
		select {
		case err := <-e.ended:
			t.Fatalf("it ended with %v: %s", err, e.log)
		case <-time.After(time.Millisecond):
		}
	}
}

// stop interrupts it and waits until it has ended.
func (e *exporter) stop() {
	e.t.Helper()
	e.interrupt()
	if err := <-e.ended; err != nil {
		e.t.Errorf("it ended with %v", err)
	}
	if text := e.log.String(); strings.Contains(text, marked) {
		e.t.Errorf("the log gives the password away:\n%s", text)
	}
}

// get returns a page, which must not have the password in it.
func (e *exporter) get(path string) (string, int) {
	e.t.Helper()
	response, err := http.Get(e.url + path)
	must(e.t, err)
	defer response.Body.Close() //nolint:errcheck // It was only read.
	body, err := io.ReadAll(response.Body)
	must(e.t, err)
	if strings.Contains(string(body), marked) {
		e.t.Errorf("%s gives the password away:\n%s", path, body)
	}
	return string(body), response.StatusCode
}

func TestServe(t *testing.T) {
	servers, dsn := prepared(t)
	replica, err := servers.AddReplica(t.Context(), pgcluster.ReplicaOptions{Name: "replica"})
	must(t, err)
	e := start(t, "--primary.dsn="+dsn, "--replica.dsn="+replica.DSN("canary", marked, "postgres"),
		// A busy machine can really take more than the default.
		"--probe.wait=5s", "--probe.synced-within=4s")
	for path, want := range map[string]string{
		"/":          "Metrics",
		"/-/healthy": "Healthy.",
		"/-/ready":   "Ready.",
		"/metrics":   "pg_canary_up 1",

		"/probe?target=default": "pg_canary_up 1",
	} {
		if body, status := e.get(path); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: status %d, want %q in\n%s", path, status, want, body)
		}
	}
	if _, status := e.get("/elsewhere"); status != http.StatusNotFound {
		t.Errorf("an unknown path: status %d", status)
	}
	if text, status := e.get("/probe?target=other"); status != http.StatusNotFound || !strings.Contains(text, "target=default") {
		t.Errorf("a probe of no cluster: status %d, %s", status, text)
	}
	if text, _ := e.get("/probe?target=default"); strings.Contains(text, "go_goroutines") {
		t.Error("a probe alone shows the exporter's own metrics")
	}
	body, _ := e.get("/metrics")
	if !strings.Contains(body, `version="development"`) {
		t.Error("a build without a stamp does not say so")
	}
	problems, err := promlint.New(strings.NewReader(body)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v %v", problems, err)
	}
	for _, name := range []string{
		"go_goroutines", "process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds",
		"process_start_time_seconds", "promhttp_metric_handler_requests_total", "pg_canary_exporter_build_info",
	} {
		if !strings.Contains(body, "\n"+name) {
			t.Errorf("/metrics lacks %s", name)
		}
	}
	_, port, err := net.SplitHostPort(strings.TrimPrefix(e.url, "http://"))
	must(t, err)
	if _, stderr, status := runWith(t, "healthy", "--web.listen-address=:"+port); status != 0 {
		t.Errorf("healthy: status %d: %s", status, stderr)
	}
	e.stop()
	if _, _, status := runWith(t, "healthy", "--web.listen-address=:"+port); status != 1 {
		t.Errorf("healthy after the stop: status %d, want 1", status)
	}
	if lines := strings.Count(e.log.String(), "condition changed"); lines != 2 {
		t.Errorf("%d lines about conditions in a healthy life, want one a node:\n%s", lines, e.log)
	}
}

// TestStopLetsARunningProbeEnd interrupts the exporter while a scrape waits for a locked row.
func TestStopLetsARunningProbeEnd(t *testing.T) {
	servers, dsn := prepared(t)
	e := start(t, "--primary.dsn="+dsn, "--probe.min-interval=0")
	e.get("/metrics")
	session, err := pgx.Connect(t.Context(), servers.Primary().SuperDSN())
	must(t, err)
	defer session.Close(context.WithoutCancel(t.Context())) //nolint:errcheck // The server ends anyway.
	for _, sql := range []string{"BEGIN", "SELECT FROM canary.section FOR UPDATE"} {
		_, err := session.Exec(t.Context(), sql)
		must(t, err)
	}
	answer := make(chan string, 1)
	go func() {
		body, _ := e.get("/metrics")
		answer <- body
	}()
	for waiting := 0; waiting == 0; {
		must(t, session.QueryRow(t.Context(),
			"SELECT count(*) FROM pg_stat_activity WHERE usename = 'canary' AND wait_event_type = 'Lock'").Scan(&waiting))
		if len(answer) > 0 {
			t.Fatalf("the scrape did not wait for the row: %s", <-answer)
		}
	}
	e.interrupt()
	_, err = session.Exec(t.Context(), "COMMIT")
	must(t, err)
	if body := <-answer; !strings.Contains(body, "pg_canary_probes_total 2") {
		t.Errorf("the running scrape got\n%s", body)
	}
	e.stop()
}

func TestServeNeedsItsPort(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer listener.Close() //nolint:errcheck // It is a test's.
	address := listener.Addr().String()
	_, stderr, status := runWith(t, "--primary.dsn=host=db password="+marked, "--web.listen-address="+address)
	if status != 1 || !strings.Contains(stderr, "serving on "+address) || !strings.Contains(stderr, "address already in use") {
		t.Errorf("status %d: %s", status, stderr)
	}
}

// TestTroubleIsNamed brings the exporter into every kind of trouble with a node
// that a new user can have, and looks for the reason in the metrics, for the
// next step in the log and in what `check` says, and for the password everywhere.
func TestTroubleIsNamed(t *testing.T) {
	servers, good := prepared(t)
	primary := servers.Primary()
	must(t, primary.Exec(t.Context(), "CREATE DATABASE empty"))
	must(t, primary.Exec(t.Context(), "CREATE ROLE stranger LOGIN PASSWORD '"+marked+"'"))
	must(t, primary.Exec(t.Context(), "GRANT USAGE ON SCHEMA canary TO stranger"))
	at := func(change string) string {
		return strings.Replace(good, fmt.Sprintf("127.0.0.1:%d", primary.Port), change, 1)
	}
	for name, test := range map[string]struct{ dsn, reason, step string }{
		"a wrong password":         {strings.Replace(good, marked, marked+"-not", 1), "auth", "compare user and password"},
		"a missing database":       {primary.DSN("canary", marked, "nowhere"), "missing_table", "does not exist (SQLSTATE 3D000)"},
		"a missing table":          {primary.DSN("canary", marked, "empty"), "missing_table", "run `pg_canary_exporter setup`"},
		"missing rights":           {primary.DSN("stranger", marked, "postgres"), "permission", "run `pg_canary_exporter setup`"},
		"a closed port":            {at("127.0.0.1:1"), "connect", "is PostgreSQL running there"},
		"a host without a name":    {at("does-not-exist.invalid:5432"), "dns", "correct the host"},
		"a server that has no TLS": {strings.Replace(good, "sslmode=disable", "sslmode=require", 1), "tls", "compare sslmode"},
	} {
		t.Run(name, func(t *testing.T) {
			_, stderr, status := runWith(t, "check", "--primary.dsn="+test.dsn)
			if status != 2 || !strings.Contains(stderr, test.step) || !strings.Contains(stderr, ": "+test.reason+": ") {
				t.Errorf("check: status %d, want the reason %q and %q in\n%s", status, test.reason, test.step, stderr)
			}
			e := start(t, "--primary.dsn="+test.dsn)
			body, _ := e.get("/metrics")
			if !regexp.MustCompile(`pg_canary_failures_total\{node="[^"]+",reason="` + test.reason + `"\} 1\n`).MatchString(body) {
				t.Errorf("the metrics lack the reason %q:\n%s", test.reason, body)
			}
			if !strings.Contains(body, "pg_canary_up 0\n") {
				t.Errorf("the metrics lack pg_canary_up 0:\n%s", body)
			}
			e.get("/")
			e.get("/metrics")
			if text := e.log.String(); strings.Count(text, "condition changed") != 1 || !strings.Contains(text, test.step) {
				t.Errorf("the log does not say %q once:\n%s", test.step, text)
			}
			e.stop()
		})
	}
}
