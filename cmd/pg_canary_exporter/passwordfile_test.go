package main

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster/pgtest"
)

// TestPasswordFile takes every password from a file: the administrator's, the role's, and the
// exporter's own, with the flag and with its variable.
func TestPasswordFile(t *testing.T) {
	servers := pgtest.New(t, pgcluster.Options{})
	admin, err := url.Parse(servers.Primary().SuperDSN())
	must(t, err)
	password, _ := admin.User.Password()
	admin.User = url.User(admin.User.Username())
	file := func(name, content string) string {
		t.Helper()
		path := filepath.Join(t.TempDir(), name)
		must(t, os.WriteFile(path, []byte(content+"\n"), 0o600))
		return path
	}
	of := map[string]string{"admin": file("admin", password), "role": file("role", marked), "wrong": file("wrong", "not-"+marked)}
	canary := (&url.URL{Scheme: "postgres", User: url.User("canary"), Host: servers.Primary().Addr(), Path: "/postgres", RawQuery: "sslmode=disable"}).String()

	setup := []string{"setup", "--primary.dsn=" + admin.String(), "--role.password-file=" + of["role"]}
	works := func(args ...string) {
		t.Helper()
		if _, stderr, status := runWith(t, args...); status != 0 {
			t.Errorf("%v: status %d, %s", args, status, stderr)
		}
	}
	fails := func(want string, args ...string) {
		t.Helper()
		stdout, stderr, status := runWith(t, args...)
		if status == 0 || !strings.Contains(stdout+stderr, want) {
			t.Errorf("%v: status %d, %s%s; want %q", args, status, stdout, stderr, want)
		}
	}
	check := []string{"check", "--no-replica", "--primary.dsn=" + canary}
	fails("password authentication failed", append(setup, "--password-file="+of["wrong"])...)
	fails("the password file cannot be read: no such file", append(setup, "--password-file="+of["admin"]+".not")...)
	works(append(setup, "--password-file="+of["admin"])...)
	works(append(check, "--password-file="+of["role"])...)
	fails("the password in the password file", append(check, "--password-file="+of["wrong"])...)
	t.Setenv("PG_CANARY_PASSWORD_FILE", of["role"])
	works(check...)
	fails("--config.file describes how clusters are probed: put what the flags --password-file", "--config.file=x.yml")
}
