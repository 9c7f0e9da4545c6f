package pgnode

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

// TestPassfiles has a server ask for a password that no file has, in each place where the
// file can be named, and then writes the file.
func TestPassfiles(t *testing.T) {
	d := newStage(t).database(t)
	must(t, d.setup())
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("PGPASSWORD", "")
	path := func(name string) string { return filepath.Join(dir, name) }
	good := fmt.Sprintf("%s:%d:%s:%s:%s\n", d.server.Host, d.server.Port, d.name, d.role, rolePassword)
	must(t, os.WriteFile(path("other"), []byte("elsewhere:*:*:*:x\n"), 0o600))
	must(t, os.WriteFile(path("services"), []byte("[canary]\npassfile="+path("of-service")+"\n"), 0o600))
	bare := fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", d.role, d.server.Addr(), d.name)
	for name, test := range map[string]struct{ dsn, variable, file, wrong string }{
		"in the string":   {dsn: bare + "&passfile=" + url.QueryEscape(path("missing")), file: "missing", wrong: "does not exist"},
		"in the variable": {dsn: bare, variable: path("of-variable"), file: "of-variable", wrong: "does not exist"},
		"in the service": {
			dsn:  bare + "&service=canary&servicefile=" + url.QueryEscape(path("services")),
			file: "of-service", variable: path("of-variable-too"), wrong: "does not exist",
		},
		"the default": {dsn: bare, file: ".pgpass", wrong: "does not exist"},
		"no line": {
			dsn: bare + "&passfile=" + url.QueryEscape(path("other")), file: "other",
			wrong: fmt.Sprintf("has no line with a password for %s:%d:%s:%s", d.server.Host, d.server.Port, d.name, d.role),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("PGPASSFILE", test.variable)
			err := withReason(d.dial(t, test.dsn))
			want := "no password was found: there is none in the connection string, and the passfile " + path(test.file) + " " + test.wrong
			if probe.ReasonOf(err) != probe.ReasonAuth || !strings.Contains(fmt.Sprint(err), want) {
				t.Errorf("%v, want %q", err, want)
			}
			must(t, os.WriteFile(path(test.file), []byte(good), 0o600))
			must(t, d.dial(t, test.dsn))
			must(t, os.Remove(path(test.file)))
		})
	}
}

func TestUnreadablePassfile(t *testing.T) {
	config, err := parseDSN("host=db user=canary password=x")
	must(t, err)
	dir := t.TempDir() // No file, which root cannot read either.
	if got, want := passfileFault(dir, config), "the passfile "+dir+" cannot be read: is a directory"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := passfileFault("", config); got != "" {
		t.Errorf("%q of no file", got)
	}
}

// TestReasonsOfFiles reads connection strings whose files are not there, or hold what they should not.
func TestReasonsOfFiles(t *testing.T) {
	dir := t.TempDir()
	junk := filepath.Join(dir, "junk")
	must(t, os.WriteFile(junk, []byte("junk"), 0o600))
	missing := filepath.Join(dir, "missing")
	for dsn, want := range map[string]struct {
		reason probe.Reason
		says   string
	}{
		"host=db sslrootcert=" + missing:                               {probe.ReasonTLS, "the file of sslrootcert cannot be read: no such file or directory"},
		"host=db sslrootcert=" + junk:                                  {probe.ReasonTLS, "the file of sslrootcert holds no certificate"},
		"host=db sslcert=" + junk + " sslkey=" + missing:               {probe.ReasonTLS, "the file of sslkey cannot be read"},
		"host=db sslcert=" + junk + " sslkey=" + junk:                  {probe.ReasonTLS, "the file of sslkey holds no key"},
		"service=a servicefile=" + missing:                             {probe.ReasonOther, "the service is not in the service file"},
		"service=a servicefile=" + junk:                                {probe.ReasonOther, "the service is not in the service file"},
		"service=a sslrootcert=" + missing + " servicefile=" + missing: {probe.ReasonOther, "the service is not in the service file"},
	} {
		_, err := readDSN(dsn)
		if err = withReason(err); probe.ReasonOf(err) != want.reason || !strings.HasPrefix(fmt.Sprint(err), want.says) {
			t.Errorf("%s: %v (%s), want %q (%s)", dsn, err, probe.ReasonOf(err), want.says, want.reason)
		}
	}
}
