package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pg-canary/pg_canary_exporter/internal/config"
	"github.com/pg-canary/pg_canary_exporter/internal/server"
)

// twoClusters is a file for a test that needs no servers.
const twoClusters = `defaults: {dsn: user=canary password=` + marked + `}
clusters:
- {name: one, nodes: [{name: a, dsn: host=a}, {name: b, dsn: host=b}]}
- {name: two, labels: {team: x}, discover: {srv: two.example}}
`

func configFile(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "clusters.yml")
	must(t, os.WriteFile(file, []byte(content), 0o600))
	return file
}

func TestConfigCheck(t *testing.T) {
	file := configFile(t, twoClusters)
	stdout, stderr, status := runWith(t, "config", "check", file)
	want := file + ": 2 clusters\n  one: 2 nodes a b\n  two: nodes of the SRV records of two.example team=\"x\"\n"
	if diff := cmp.Diff(want, stdout); diff != "" || stderr != "" || status != 0 {
		t.Errorf("status %d, %q (-want +got):\n%s", status, stderr, diff)
	}
	file = configFile(t, strings.Replace(twoClusters, "labels", "pasword_file: x, password: x, labels", 1)+"- {name: one}\n")
	stdout, stderr, status = runWith(t, "config", "check", file)
	want = file + `:4:15: a cluster has no key "pasword_file": is it password_file?` + "\n" +
		file + ":4:32: a cluster has no key password: write it into dsn, as password=…\n" +
		file + ":5:3: a cluster has nodes, or discover says where they are: give one of them\n" +
		file + ":5:10: another cluster has this name, in line 3: give each a name of its own\n"
	if diff := cmp.Diff(want, stderr); diff != "" || stdout != "" || status != 2 {
		t.Errorf("status %d, %q (-want +got):\n%s", status, stdout, diff)
	}
	file = configFile(t, strings.Replace(twoClusters, "password="+marked, "sslmode=verify-full, password_file: missing", 1))
	if _, stderr, status := runWith(t, "config", "check", file); status != 2 || stderr != file+":1:65: password_file cannot be read: no such file or directory\n" {
		t.Errorf("status %d, %q", status, stderr)
	}
	if stdout, stderr, status := runWith(t, "config", "check", "--syntax-only", file); status != 0 || stderr != "" || !strings.Contains(stdout, "2 clusters") {
		t.Errorf("status %d, %q", status, stderr)
	}
	if _, stderr, status := runWith(t, "config", "check", file+".old"); status != 2 || !strings.Contains(stderr, "the configuration file "+file+".old cannot be read: no such file") {
		t.Errorf("status %d, %q", status, stderr)
	}
}

// TestConfigCheckOfNoFile gives what is no file and may be a secret.
func TestConfigCheckOfNoFile(t *testing.T) {
	for _, args := range [][]string{
		{"postgres://canary:" + marked + "@db/app"},
		{"host=db password=" + marked},
		{"host=db", "password=" + marked},
		{configFile(t, twoClusters), "--against=http://canary:" + marked + " x@db"},
		{configFile(t, twoClusters), "--against=http://canary:" + marked + "@127.0.0.1:1"},
	} {
		if _, stderr, status := runWith(t, append([]string{"config", "check"}, args...)...); status != 2 || stderr == "" {
			t.Errorf("%v: status %d, %q", args, status, stderr)
		}
	}
}

func TestConfigCheckAgainst(t *testing.T) {
	running, err := config.Load(configFile(t, strings.NewReplacer("host=b", "host=c", "name: two", "name: three", marked, "another").Replace(twoClusters)))
	must(t, err)
	exporter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != server.ConfigPath {
			http.NotFound(w, r)
			return
		}
		must(t, json.NewEncoder(w).Encode(running.Digest()))
	}))
	defer exporter.Close()
	file := configFile(t, twoClusters)
	stdout, stderr, status := runWith(t, "config", "check", file, "--against="+exporter.URL)
	want := "Against the running exporter (passwords are not compared):\n  added: two\n  removed: three\n  changed: one (changed b)\n  unchanged: 0 clusters\n"
	if !strings.HasSuffix(stdout, want) || stderr != "" || status != 0 {
		t.Errorf("status %d, %q, and\n%s", status, stderr, stdout)
	}
	if _, stderr, status := runWith(t, "config", "check", file, "--against="+exporter.URL+"/elsewhere"); status != 2 || !strings.Contains(stderr, "--against: ") {
		t.Errorf("status %d, %q", status, stderr)
	}
}

// TestFlagsDescribeWhatAFileDoes gives one cluster in both ways.
func TestFlagsDescribeWhatAFileDoes(t *testing.T) {
	o := newOptions()
	_, err := o.app.Parse([]string{
		"serve", "--cluster.name=orders", "--primary.dsn=postgres://canary@a:1/app", "--primary.name=a", "--replica.dsn=host=b user=canary", "--replica.name=b",
		"--probe.fresh-connection=b", "--canary.section=own", "--probe.wait=3s", "--probe.synced-within=2s", "--probe.timeout=4s", "--probe.min-interval=1s",
		"--pulse.interval=5s", "--probe.synchronous-commit=local", "--gate=lsn",
		"--password-file=/run/secrets/canary",
	})
	must(t, err)
	flags, err := o.configuration()
	must(t, err)
	file, err := config.Load(configFile(t, `clusters:
- name: orders
  section: own
  wait: 3s
  synced_within: 2s
  timeout: 4s
  min_interval: 1s
  pulse: 5s
  synchronous_commit: local
  password_file: /run/secrets/canary
  gate: lsn
  nodes:
  - {name: a, dsn: "host=a port=1 user=canary dbname=app"}
  - {name: b, dsn: "postgres://canary@b", fresh_connection: true}
`))
	must(t, err)
	if changes := config.Diff(flags.Digest(), file.Digest()); changes.Any() {
		t.Errorf("they differ: %v", changes)
	}
}
