package pgnode

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestCheckDSN gives every string that New refuses. What refers to files alone is in order.
func TestCheckDSN(t *testing.T) {
	onlyOfFiles := map[string]bool{"unreadable certificate": true, "certificate without its key": true, "service that is nowhere": true}
	for name, test := range refusedStrings {
		err := CheckDSN(test.dsn)
		switch {
		case onlyOfFiles[name]:
			must(t, err)
		case err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), marked):
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	for dsn, want := range map[string]string{
		"host=a,b port=1,2,3": portsAndHosts, "port=1,2": portsAndHosts, "require_auth=luck": "require_auth is not a list",
		"min_protocol_version=latest max_protocol_version=3.0": "min_protocol_version is above",
	} {
		if err := CheckDSN(dsn); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", dsn, err, want)
		}
	}
}

// TestCheckDSNTakesWhatNewTakes gives strings in order, in an environment that is not.
func TestCheckDSNTakesWhatNewTakes(t *testing.T) {
	good := []string{
		"user=canary", "host=db require_auth=scram-sha-256", "postgres://canary@h1:1,h2:2/app?target_session_attrs=standby",
		"service=main", "host=/run user='o\\'brien'", "host=a,b port=1", "postgres://h1,h2 ", "options='-c geqo=off' max_protocol_version=3.2",
	}
	for _, dsn := range good[:3] {
		if _, err := New(dsn, Options{}); err != nil {
			t.Errorf("%s: %v", dsn, err)
		}
	}
	for _, variable := range []string{"PGPORT", "PGSSLMODE", "PGSSLROOTCERT", "PGSERVICE", "PGUSER", "PGHOST", "PGREQUIREAUTH", "PGMINPROTOCOLVERSION"} {
		t.Setenv(variable, "x;password="+marked)
	}
	for _, dsn := range good {
		if err := CheckDSN(dsn); err != nil {
			t.Errorf("%s: %v", dsn, err)
		}
		if _, err := New(dsn, Options{}); err == nil {
			t.Errorf("%s is taken by New, whatever the environment says", dsn)
		}
	}
}

// TestNamedNodeComesWithItsFiles makes a node before a file that it needs is there.
func TestNamedNodeComesWithItsFiles(t *testing.T) {
	d := newStage(t).database(t)
	must(t, d.setup())
	root := filepath.Join(t.TempDir(), "root.crt")
	dsn := d.server.DSN(d.role, rolePassword, d.name) + "&sslrootcert=" + root
	if _, err := New(dsn, Options{}); err == nil {
		t.Error("a node without a name is taken")
	}
	node, err := New(dsn, Options{Name: "a", Section: DefaultSection, StatementTimeout: 5 * time.Second})
	must(t, err)
	defer func() { must(t, node.Close(t.Context())) }()
	if err := node.Connect(t.Context()); err == nil || !strings.Contains(err.Error(), "the file of sslrootcert cannot be read") {
		t.Errorf("connecting without the file: %v", err)
	}
	must(t, os.WriteFile(root, pemOf(selfSigned(t)), 0o600))
	node.Prepare()
	must(t, node.Connect(t.Context()))
	if _, err := New("host=db port=x", Options{Name: "a"}); err == nil {
		t.Error("a node with a name and a bad connection string is taken")
	}
}
