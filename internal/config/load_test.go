package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// written writes a configuration file.
func written(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "clusters.yml")
	must(t, os.WriteFile(file, []byte(content), 0o600))
	return file
}

func loaded(t *testing.T, content string) *Config {
	t.Helper()
	c, err := Load(written(t, content))
	must(t, err)
	return c
}

// example is a file with one cluster of each kind.
const example = `defaults:
  dsn: user=canary dbname=postgres sslmode=verify-full     # what every node's DSN begins with
  password_file: /run/secrets/pg_canary
  wait: 1s
  synced_within: 100ms
  pulse: 1s
clusters:
  - name: orders
    labels: {team: checkout, env: prod}
    nodes:
      - {name: orders-a, dsn: host=orders-a.example}
      - {name: orders-b, dsn: host=orders-b.example}
  - name: billing
    discover: {patroni: [http://pg1.example:8008, http://pg2.example:8008]}
  - name: carts
    discover: {dns: carts-nodes.db.svc.cluster.local, port: 5432}      # every address is a node
  - name: search
    discover: {srv: _postgresql._tcp.search.example}
`

func TestLoad(t *testing.T) {
	const common = "dbname='postgres' sslmode='verify-full' user='canary'"
	settings := Settings{
		DSN: common, PasswordFile: "/run/secrets/pg_canary", Section: "default", Wait: time.Second, SyncedWithin: 100 * time.Millisecond,
		Timeout: 5 * time.Second, MinInterval: 200 * time.Millisecond, Gate: GateBeat, Pulse: time.Second,
	}
	node := func(name string) Node {
		return Node{Name: name, DSN: "dbname='postgres' host='" + name + ".example' sslmode='verify-full' user='canary'", PasswordFile: "/run/secrets/pg_canary"}
	}
	want := []Cluster{
		{
			Name: "orders", Settings: settings, Labels: map[string]string{"team": "checkout", "env": "prod"},
			Nodes: []Node{node("orders-a"), node("orders-b")},
		},
		{Name: "billing", Settings: settings, Discover: &Discover{Patroni: []string{"http://pg1.example:8008", "http://pg2.example:8008"}}},
		{Name: "carts", Settings: settings, Discover: &Discover{DNS: "carts-nodes.db.svc.cluster.local", Port: 5432}},
		{Name: "search", Settings: settings, Discover: &Discover{SRV: "_postgresql._tcp.search.example"}},
	}
	if diff := cmp.Diff(want, loaded(t, example).Clusters); diff != "" {
		t.Errorf("the example is read otherwise (-want +got):\n%s", diff)
	}
}

// TestOwnSettings gives every setting in the defaults and for one of two clusters.
func TestOwnSettings(t *testing.T) {
	const settings = "{dsn: user=%, password_file: /%, section: s%, wait: %s, synced_within: %ms, timeout: %m, min_interval: %ms, pulse: %s, synchronous_commit: 'VALUE', gate: GATE}"
	written := func(digit, value, gate string) string {
		return strings.NewReplacer("%", digit, "VALUE", value, "GATE", gate).Replace(settings)
	}
	own := strings.TrimPrefix(written("2", "", "beat"), "{")
	c := loaded(t, "defaults: "+written("1", "local", "lsn")+"\nclusters:\n- {name: a, nodes: [{name: a, dsn: host=a}], "+own+"\n- {name: b, nodes: [{name: b, dsn: host=b}]}\n")
	want := func(digit string, n time.Duration, value, gate string) Settings {
		return Settings{
			DSN: "user='" + digit + "'", PasswordFile: "/" + digit, Section: "s" + digit, Wait: n * time.Second, SyncedWithin: n * time.Millisecond,
			Timeout: n * time.Minute, MinInterval: n * time.Millisecond, Pulse: n * time.Second, SynchronousCommit: value, Gate: gate,
		}
	}
	if diff := cmp.Diff([]Settings{want("2", 2, "", "beat"), want("1", 1, "local", "lsn")}, []Settings{c.Clusters[0].Settings, c.Clusters[1].Settings}); diff != "" {
		t.Errorf("other settings (-want +got):\n%s", diff)
	}
}

func TestLoadWithoutAFile(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "nothing.yml")
	for _, file := range []string{missing, t.TempDir()} {
		if _, err := Load(file); err == nil || !strings.Contains(err.Error(), "the configuration file "+file+" cannot be read: ") {
			t.Errorf("%s: %v", file, err)
		}
	}
	for _, file := range []string{"postgres://canary:" + marked + "@db/app", "host=db password=" + marked} {
		if _, err := Load(file); err == nil || strings.Contains(err.Error(), marked) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// TestPasswordsGoWithTheirUsers gives users, passwords and password files on each level, and
// looks at what the node gets of them.
func TestPasswordsGoWithTheirUsers(t *testing.T) {
	for name, test := range map[string]struct {
		defaults, cluster, dsn string
		password, file         string // of the node
	}{
		"of the defaults":              {"dsn: user=canary password=one", "", "host=a", "one", ""},
		"of the cluster":               {"dsn: user=canary password=one", "dsn: password=two", "host=a", "two", ""},
		"of the node":                  {"dsn: user=canary password=one", "dsn: password=two", "host=a password=three", "three", ""},
		"the same user":                {"dsn: user=canary password=one", "", "host=a user=canary", "one", ""},
		"another user":                 {"dsn: user=canary password=one", "", "host=a user=other", "", ""},
		"another user's":               {"dsn: user=canary password=one", "dsn: user=other", "host=a", "", ""},
		"of nobody":                    {"dsn: password=one", "", "host=a user=other", "one", ""},
		"a file":                       {"password_file: /one", "", "host=a user=canary", "", "/one"},
		"a file's user":                {"{dsn: user=canary, password_file: /one}", "", "host=a", "", "/one"},
		"another than the file's":      {"{dsn: user=canary, password_file: /one}", "", "host=a user=other", "", ""},
		"another cluster's":            {"{dsn: user=canary, password_file: /one}", "dsn: user=other", "host=a", "", ""},
		"another cluster's, with file": {"{dsn: user=canary, password_file: /one}", "dsn: user=other, password_file: /two", "host=a", "", "/two"},
		"a file for a password":        {"dsn: user=canary password=one", "password_file: /two", "host=a", "", "/two"},
		"a password for a file":        {"password_file: /one", "dsn: password=two", "host=a", "two", ""},
		"a node's for a file":          {"password_file: /one", "", "host=a password=three", "three", ""},
		"no file":                      {"password_file: /one", "password_file: ''", "host=a", "", ""},
		"another than the service's":   {"{dsn: service=main, password_file: /one}", "", "host=a user=other", "", ""},
		"the service's":                {"{dsn: service=main, password_file: /one}", "", "host=a", "", "/one"},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := "{name: a, nodes: [{name: a, dsn: " + test.dsn + "}]"
			if test.cluster != "" {
				cluster += ", " + test.cluster
			}
			node := loaded(t, "defaults: "+flow(test.defaults)+"\nclusters: ["+cluster+"}]\n").Clusters[0].Nodes[0]
			_, password, _ := strings.Cut(node.DSN, "password='")
			if password, _, _ = strings.Cut(password, "'"); password != test.password || node.PasswordFile != test.file {
				t.Errorf("the node has password %q and file %q", password, node.PasswordFile)
			}
		})
	}
}

func flow(text string) string {
	if strings.HasPrefix(text, "{") {
		return text
	}
	return "{" + text + "}"
}

func TestPathsBeginAtTheFile(t *testing.T) {
	file := written(t, "defaults: {password_file: secrets/one}\nclusters:\n- {name: a, nodes: [{name: a, dsn: host=a}]}\n"+
		"- {name: b, password_file: ../two, nodes: [{name: b, dsn: host=b}]}\n")
	c, err := Load(file)
	must(t, err)
	directory := filepath.Dir(file)
	got := []string{c.Clusters[0].PasswordFile, c.Clusters[1].PasswordFile, c.Clusters[1].Nodes[0].PasswordFile}
	two := filepath.Join(directory, "..", "two")
	if diff := cmp.Diff([]string{filepath.Join(directory, "secrets", "one"), two, two}, got); diff != "" {
		t.Error(diff)
	}
}
