package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCheck names files that are not there, each where it is said first.
func TestCheck(t *testing.T) {
	t.Setenv("PGSERVICEFILE", filepath.Join(t.TempDir(), "services"))
	dir := t.TempDir()
	file := filepath.Join(dir, "clusters.yml")
	must(t, os.WriteFile(filepath.Join(dir, "empty"), nil, 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "good"), []byte(marked), 0o600))
	must(t, os.WriteFile(file, []byte(`defaults:
  dsn: user=canary sslmode=verify-full sslrootcert=/missing/root.crt
  password_file: missing
clusters:
- name: a
  nodes: [{name: a1, dsn: host=a}, {name: a2, dsn: host=b}]
- name: b
  dsn: sslcert=/missing/`+marked+` sslkey=/missing/key sslrootcert=''
  password_file: empty
  nodes: [{name: b1, dsn: host=a}, {name: b2, dsn: service=nowhere sslcert='' sslkey=''}]
- name: c
  password_file: good
  dsn: sslrootcert=''
  discover: {srv: c.example}
- name: d
  discover: {srv: d.example}
`), 0o600))
	_, err := Check(file)
	got := strings.Split(strings.ReplaceAll(fmt.Sprint(err), file+":", ""), "\n")
	want := []string{
		"2:8: dsn: the file of sslrootcert cannot be read: no such file or directory",
		"3:18: password_file cannot be read: no such file or directory",
		"8:8: dsn: the file of sslkey cannot be read: no such file or directory",
		"9:18: password_file is empty",
		"10:52: dsn: the service is not in the service file that servicefile or PGSERVICEFILE names, or the file cannot be read",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("other faults (-want +got):\n%s", diff)
	}
	c, err := Load(file)
	must(t, err)
	if len(c.Clusters) != 4 {
		t.Errorf("it has %d clusters", len(c.Clusters))
	}
	must(t, os.WriteFile(file, []byte(minimal), 0o600))
	_, err = Check(file)
	must(t, err)
	t.Setenv("PGHOSTADDR", "192.0.2.1")
	if _, err := Check(file); err == nil || !strings.Contains(err.Error(), "the variable PGHOSTADDR is set") {
		t.Errorf("with PGHOSTADDR: %v", err)
	}
}
