//go:build unix

package e2e_test

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// program is a process that ends with its test.
type program struct {
	t    *testing.T
	name string
	log  string // a file
	done chan struct{}
}

// run starts a program with nothing but env in its environment.
func run(t *testing.T, env []string, path string, args ...string) *program {
	t.Helper()
	p := &program{t: t, name: filepath.Base(path), log: filepath.Join(t.TempDir(), "log"), done: make(chan struct{})}
	log, err := os.Create(p.log)
	must(t, err)
	defer log.Close()
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = append([]string{}, env...), log, log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 30 * time.Second
	must(t, cmd.Start())
	var ended error
	go func() {
		defer close(p.done)
		ended = cmd.Wait()
	}()
	t.Cleanup(func() {
		<-p.done
		if !errors.Is(ended, context.Canceled) {
			t.Errorf("%s ended with %v", p.name, ended)
		}
		if strings.Contains(p.logged(), password) {
			t.Errorf("%s gives a password away in its log", p.name)
		}
		if t.Failed() {
			t.Logf("log of %s:\n%s", p.name, p.logged())
		}
	})
	return p
}

func (p *program) logged() string {
	p.t.Helper()
	text, err := os.ReadFile(p.log)
	must(p.t, err)
	return string(text)
}

// What the programs log once they listen, and once Prometheus has read its rules.
var (
	listening = regexp.MustCompile(`msg="Listening on" address=(127\.0\.0\.1:\d+)`)
	ready     = regexp.MustCompile(`Server is ready to receive web requests`)
)

// says waits until the program has logged a text that matches, and returns it
// and its groups.
func (p *program) says(pattern *regexp.Regexp) []string {
	p.t.Helper()
	for deadline := time.Now().Add(patience); ; {
		if found := pattern.FindStringSubmatch(p.logged()); found != nil {
			return found
		}
		select {
		case <-p.done:
			p.t.Fatalf("%s ended", p.name)
		case <-time.After(pollInterval):
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("%s does not say %q", p.name, pattern)
		}
	}
}

// freeAddress is for Prometheus, whose configuration has to name it before it runs.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
