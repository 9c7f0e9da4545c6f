//go:build unix

// Package balancer runs HAProxies and nginxs that are thrown away after a test, and tries the gate with
// them: what docs/guides/gate.md tells users to write is what they run here.
package balancer

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/install"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster/pgtest"
)

// program returns the path of one.
func program(t testing.TB, name string) string {
	t.Helper()
	path, err := install.Find("", name)
	if err != nil {
		t.Fatalf("%v: install the package of that name (`make tools` does)", err)
	}
	return path
}

// run starts a program that ends with the test, which shows its output if it failed.
func run(t testing.TB, path string, args ...string) {
	t.Helper()
	output := &strings.Builder{}
	command := exec.CommandContext(context.WithoutCancel(t.Context()), path, args...)
	command.Stdout, command.Stderr = output, output
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := command.Start(); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL) // Its workers too.
		_ = command.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%s", filepath.Base(path), output)
		}
	})
}

func write(t testing.TB, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// awaitPort waits until somebody listens on a port of this host.
func awaitPort(t testing.TB, port string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", port)); err == nil {
			_ = conn.Close()
			return
		}
	}
	t.Fatalf("nobody listens on port %s", port)
}

// HAProxy is a running one.
type HAProxy struct {
	t      testing.TB
	socket string
}

// StartHAProxy starts one with a configuration, without its global section, and waits until it listens on a port.
func StartHAProxy(t testing.TB, config, port string) *HAProxy {
	t.Helper()
	path, dir := program(t, "haproxy"), pgtest.SharedDir(t)
	h := &HAProxy{t, filepath.Join(dir, "socket")}
	file := write(t, filepath.Join(dir, "haproxy.cfg"), "global\n    stats socket "+h.socket+" level admin\n    stats timeout 1m\n\n"+config)
	if said, err := exec.CommandContext(t.Context(), path, "-c", "-f", file).CombinedOutput(); err != nil {
		t.Fatalf("haproxy -c: %v\n%s", err, said)
	} else if strings.Contains(string(said), "[WARNING]") { // Another version may have more of these.
		t.Logf("haproxy -c:\n%s", said)
	}
	run(t, path, "-db", "-f", file)
	awaitPort(t, port)
	return h
}

// Up says which servers of which backend are in rotation, by their names.
func (h *HAProxy) Up() map[string]bool {
	h.t.Helper()
	conn, err := net.Dial("unix", h.socket)
	if err != nil {
		h.t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // It was only read.
	if _, err := io.WriteString(conn, "show stat\n"); err != nil {
		h.t.Fatal(err)
	}
	rows := csv.NewReader(conn)
	rows.FieldsPerRecord = -1
	all, err := rows.ReadAll()
	if err != nil {
		h.t.Fatal(err)
	}
	const proxy, server, status = 0, 1, 17
	up := map[string]bool{}
	for _, row := range all[1:] {
		if len(row) > status && row[server] != "FRONTEND" && row[server] != "BACKEND" {
			up[row[proxy]+"/"+row[server]] = strings.HasPrefix(row[status], "UP")
		}
	}
	return up
}

// StartNginx starts one with a configuration of what is on the top level and in http, and waits until it listens on a port.
func StartNginx(t testing.TB, top, http, port string) {
	t.Helper()
	path, dir := program(t, "nginx"), pgtest.SharedDir(t)
	temp := ""
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temp += fmt.Sprintf("    %s_temp_path %s;\n", kind, filepath.Join(dir, kind))
	}
	file := write(t, filepath.Join(dir, "nginx.conf"), fmt.Sprintf("%s\npid %s;\nerror_log stderr;\ndaemon off;\nevents {}\nhttp {\n    access_log off;\n%s%s\n}\n",
		top, filepath.Join(dir, "pid"), temp, http))
	run(t, path, "-p", dir, "-e", "stderr", "-c", file)
	awaitPort(t, port)
}
