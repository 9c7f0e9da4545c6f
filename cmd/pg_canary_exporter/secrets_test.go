package main

import (
	"os"
	"strings"
	"testing"

	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// misspelt returns connection strings as operators misspell them, each with the
// password, and a word of what is said.
func misspelt(server *pgcluster.Server) map[string]string {
	url := server.DSN("canary", marked, "postgres")
	bare := strings.TrimPrefix(url, "postgres://")
	pairs := func(is, between string) string {
		return strings.Join([]string{"host" + is + server.Host, "user" + is + "canary", "password" + is + marked, "dbname" + is + "postgres"}, between)
	}
	return map[string]string{
		`"` + url + `"`:                              "quotes",
		"'" + url + "'":                              "quotes",
		"“" + url + "”":                              "quotes",
		"pgsql://" + bare:                            "a scheme other than postgres",
		"jdbc:postgresql://" + bare:                  "a scheme other than postgres",
		"POSTGRES://" + bare:                         "lower case",
		"postgres:/" + bare:                          "postgres://",
		bare:                                         "lacks the scheme",
		"//" + bare:                                  "lacks the scheme",
		pairs("=", ";"):                              "not by ';'",
		pairs("=", ","):                              "not by ','",
		pairs("=", "&"):                              "not by '&'",
		pairs("=", "\u00a0"):                         "runs into the next pair",
		pairs(": ", " "):                             "keyword=value",
		pairs("=", ";") + ";Pooling=true":            "not by ';'",
		"Server=db;Password=" + marked:               "semicolons",
		url + "," + url:                              "second ://",
		"export PGPASSWORD=" + marked:                "variable",
		"PG_CANARY_PRIMARY_DSN=" + url:               "variable",
		marked + "=" + url:                           "",
		url + "&" + marked + "=1":                    "after the ?",
		"host=" + server.Host + " x" + marked + "=1": "keyword number 2",
		"postgres://canary:12/" + marked + "@" + server.Addr() + "/postgres": "percent-encoded",
		"postgres://canary%3A" + marked + "@" + server.Addr() + "/postgres":  "plain :",
		"postgres://" + server.Addr() + "/postgres;password=" + marked:       "not by ';'",
	}
}

// TestMisspeltStringsStaySecret gives every command every misspelt string, in
// flags and variables, beside a server that would log what it is sent.
func TestMisspeltStringsStaySecret(t *testing.T) {
	servers, good := prepared(t)
	server := servers.Primary()
	// What is not refused goes to the server that PGHOST and PGPORT name.
	host, port, _ := strings.Cut(server.Addr(), ":")
	for variable, value := range map[string]string{"PGHOST": host, "PGPORT": port, "PGUSER": "canary", "PGPASSWORD": marked, "PGDATABASE": "postgres"} {
		t.Setenv(variable, value)
	}
	must(t, server.SetConfig(t.Context(), map[string]string{"log_connections": "on", "log_statement": "all", "log_line_prefix": "'%p %u %d %a '"}))
	for dsn, want := range misspelt(server) {
		if _, err := pgnode.New(dsn, pgnode.Options{}); err == nil {
			t.Errorf("%q is taken", dsn) // And would be served without end.
			continue
		}
		for _, args := range [][]string{
			{"check", "--primary.dsn=" + dsn},
			{"check", "--primary.dsn", dsn},
			{"check", "--primary.dsn=" + good, "--replica.dsn=" + dsn},
			{"setup", "--primary.dsn=" + dsn},
			{"--primary.dsn=" + dsn, "--log.level=debug", "--web.listen-address=127.0.0.1:0"},
			{"--primary.dsn=" + good, "--replica.dsn=" + dsn, "--log.level=debug", "--web.listen-address=127.0.0.1:0"},
		} {
			refuses(t, want, args...)
		}
		t.Setenv("PG_CANARY_PRIMARY_DSN", dsn)
		refuses(t, want, "check")
		t.Setenv("PG_CANARY_PRIMARY_DSN", good)
		t.Setenv("PG_CANARY_REPLICA_DSN", dsn)
		refuses(t, want, "check")
		t.Setenv("PG_CANARY_PRIMARY_DSN", "")
		t.Setenv("PG_CANARY_REPLICA_DSN", "")
	}
	log, err := os.ReadFile(server.LogFile())
	must(t, err)
	if strings.Contains(string(log), marked) {
		t.Errorf("PostgreSQL's log has the password:\n%s", log)
	}
}

func refuses(t *testing.T, want string, args ...string) {
	t.Helper()
	stdout, stderr, status := runWith(t, args...)
	if status == 0 || stdout != "" || !strings.Contains(stderr, ".dsn") || !strings.Contains(stderr, want) {
		t.Errorf("%v: status %d, %q and %q; want it refused with %q", args, status, stdout, stderr, want)
	}
}

// TestStraySecretsInArguments splits connection strings as a shell does that
// was given no quotes, and forgets the flag.
func TestStraySecretsInArguments(t *testing.T) {
	for _, args := range [][]string{
		{"--primary.dsn", "host=db", "password=" + marked},
		{"check", "--primary.dsn=host=db", "password=" + marked},
		{"check", "--primary.dsn=postgres://canary:a", marked, "b@db/app"},
		{"check", "postgres://canary:" + marked + "@db/app"},
		{"postgres://canary:" + marked + "@db/app"},
		{"primary.dsn=host=db password=" + marked},
		{"-primary.dsn=postgres://canary:" + marked + "@db/app"},
		{"--primary_dsn=postgres://canary:" + marked + "@db/app"},
		{"--log.level=postgres://canary:" + marked + "@db/app"},
		{"--probe.wait=host=db password=" + marked},
		{"@/postgres://canary:" + marked + "@db/app"},
	} {
		if _, stderr, status := runWith(t, args...); status == 0 || stderr == "" {
			t.Errorf("%v: status %d, %q", args, status, stderr)
		}
	}
	t.Setenv("PG_CANARY_PRIMARY_DSN", "host=db password="+marked)
	runWith(t, "--no-such-flag")
	o := newOptions()
	var help strings.Builder
	o.app.UsageWriter(&help).Terminate(nil)
	_, err := o.app.Parse([]string{"--help"})
	must(t, err)
	if strings.Contains(help.String(), marked) {
		t.Error("the help gives the password away")
	}
}

// TestServeNeverShowsThePassword serves what is spelt oddly and rightly, looks at
// every page, the log and PostgreSQL's own, and finds the parameters that mean
// nothing named once.
func TestServeNeverShowsThePassword(t *testing.T) {
	servers, good := prepared(t)
	server := servers.Primary()
	must(t, server.SetConfig(t.Context(), map[string]string{"log_connections": "on", "log_statement": "all", "log_line_prefix": "'%p %u %d %a '"}))
	host, port, _ := strings.Cut(server.Addr(), ":")
	t.Setenv("PG_CANARY_PRIMARY_DSN", " \t\ufeff"+good+"&keepalives=1&client_encoding=UTF8\r\n")
	t.Setenv("PG_CANARY_REPLICA_DSN", "\r\n  host=localhost port="+port+" user=canary dbname=postgres sslmode=disable password='"+marked+"'\r\n\r\n"+
		"\thost = "+host+" port=1 user=canary password="+marked+";x gssencmode=disable\r\n")
	e := start(t, "--log.level=debug")
	for _, path := range []string{"/metrics", "/", "/-/healthy", "/-/ready", "/metrics?debug=1", "/elsewhere", "/debug/pprof/cmdline"} {
		e.get(path)
	}
	body, _ := e.get("/metrics")
	if !strings.Contains(body, "pg_canary_up 1") {
		t.Errorf("it does not work:\n%s", body)
	}
	for _, want := range []string{"node=" + server.Addr() + ` parameters="client_encoding keepalives"`, "node=" + host + ":1 parameters=gssencmode"} {
		if strings.Count(e.log.String(), want) != 1 {
			t.Errorf("the log does not have %s once:\n%s", want, e.log)
		}
	}
	e.stop()
	log, err := os.ReadFile(server.LogFile())
	must(t, err)
	if text := string(log); strings.Contains(text, marked) || !strings.Contains(text, "canary postgres pg_canary_exporter") {
		t.Errorf("PostgreSQL's log has the password, or nothing of the exporter:\n%s", text)
	}
}
