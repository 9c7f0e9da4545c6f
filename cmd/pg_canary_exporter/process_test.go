//go:build unix

package main

import (
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
)

// asProgram makes the test's own binary the exporter, so that signals meet the
// real main in a process of its own.
const asProgram = "PG_CANARY_TEST_IS_THE_PROGRAM"

func init() {
	if os.Getenv(asProgram) != "" {
		main()
	}
}

// patience only guards against hanging.
const patience = time.Minute

// process is the exporter as a process.
type process struct {
	t       *testing.T
	command *exec.Cmd
	url     string
	log     *lab.Log
	ended   chan error
}

// startProcess starts the exporter and waits until it listens.
func startProcess(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{t: t, log: &lab.Log{}, ended: make(chan error, 1)}
	p.command = exec.CommandContext(t.Context(), os.Args[0], append(args, "--web.listen-address=127.0.0.1:0")...)
	p.command.Env = []string{asProgram + "=yes"}
	p.command.Stderr = p.log
	must(t, p.command.Start())
	go func() { p.ended <- p.command.Wait() }()
	t.Cleanup(func() { _ = p.command.Process.Kill() })
	p.until("it listens", func() bool { return listening.MatchString(p.log.String()) })
	p.url = "http://" + listening.FindStringSubmatch(p.log.String())[1]
	return p
}

// until waits for a condition of the running process.
func (p *process) until(what string, holds func() bool) {
	p.t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if len(p.ended) > 0 || time.Now().After(deadline) {
			p.t.Fatalf("waited in vain until %s:\n%s", what, p.log)
		}
	}
}

func (p *process) signal(signal os.Signal) {
	p.t.Helper()
	must(p.t, p.command.Process.Signal(signal))
}

// end waits for the end and returns what Wait said.
func (p *process) end() error {
	p.t.Helper()
	select {
	case err := <-p.ended:
		if text := p.log.String(); strings.Contains(text, marked) {
			p.t.Errorf("the log gives the password away:\n%s", text)
		}
		return err
	case <-time.After(patience):
		p.t.Fatalf("it does not end:\n%s", p.log)
		return nil
	}
}

func (p *process) says(text string) func() bool {
	return func() bool { return strings.Contains(p.log.String(), text) }
}

func TestHangupEndsNothing(t *testing.T) {
	p := startProcess(t, "--primary.dsn=host=127.0.0.1 port=1 user=canary password="+marked)
	for range 2 {
		before := len(p.log.String())
		p.signal(syscall.SIGHUP)
		p.until("it answers SIGHUP in the log", func() bool {
			return strings.Contains(p.log.String()[before:], "there is nothing to reload")
		})
	}
	e := exporter{t: t, url: p.url}
	if body, status := e.get("/-/ready"); status != 200 || body != "Ready.\n" {
		t.Errorf("after SIGHUP it answers %d %s", status, body)
	}
	p.signal(syscall.SIGTERM)
	if err := p.end(); err != nil {
		t.Errorf("SIGTERM: it ended with %v:\n%s", err, p.log)
	}
}

// hungProbe starts the exporter on a primary whose commits wait for a standby
// that does not exist, and a scrape that waits for one. The wait ends with the
// session.
func hungProbe(t *testing.T, timeout string) *process {
	t.Helper()
	servers, dsn := prepared(t)
	for _, sql := range []string{"ALTER SYSTEM SET synchronous_standby_names = 'nobody'", "SELECT pg_reload_conf()"} {
		must(t, servers.Primary().Exec(t.Context(), sql))
	}
	p := startProcess(t, "--primary.dsn="+dsn, "--probe.timeout="+timeout, "--probe.synchronous-commit=on")
	session, err := pgx.Connect(t.Context(), servers.Primary().SuperDSN())
	must(t, err)
	defer session.Close(context.WithoutCancel(t.Context())) //nolint:errcheck // The server ends anyway.
	go func() {                                             // The first may still find the server without the setting; the last gets no answer.
		for response, err := http.Get(p.url + "/metrics"); err == nil; response, err = http.Get(p.url + "/metrics") {
			_ = response.Body.Close()
		}
	}()
	p.until("the commit waits", func() bool {
		var waiting int
		must(t, session.QueryRow(t.Context(),
			"SELECT count(*) FROM pg_stat_activity WHERE usename = 'canary' AND wait_event = 'SyncRep'").Scan(&waiting))
		return waiting > 0
	})
	return p
}

func TestTerminationWaitsForTheProbesBudgetOnly(t *testing.T) {
	p := hungProbe(t, "2s")
	p.signal(syscall.SIGTERM)
	p.until("it says that it stops", p.says("Stopping"))
	if err := p.end(); err != nil {
		t.Errorf("it ended with %v:\n%s", err, p.log)
	}
}

// TestSecondTerminationEndsAtOnce: with a budget of an hour nothing else ends it.
func TestSecondTerminationEndsAtOnce(t *testing.T) {
	p := hungProbe(t, "1h")
	p.signal(syscall.SIGTERM)
	p.until("it says that it stops", p.says("Stopping"))
	p.signal(syscall.SIGTERM)
	var exit *exec.ExitError
	if err := p.end(); !errors.As(err, &exit) || exit.Success() {
		t.Errorf("it ended with %v:\n%s", err, p.log)
	}
}
