package main

import (
	"errors"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// marked is a password that must not appear in any output.
const marked = "pa55-MARKED"

// runWith runs the program and returns what it wrote and its exit status.
func runWith(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, errs lab.Log
	status = exitStatus(run(t.Context(), args, &out, &errs), &errs)
	for _, text := range []string{out.String(), errs.String()} {
		if strings.Contains(text, marked) {
			t.Errorf("%v gives the password away:\n%s", args, text)
		}
	}
	return out.String(), errs.String(), status
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// prepared returns a primary that is set up, with a role whose password is marked.
func prepared(t *testing.T) (*pgcluster.Cluster, string) {
	t.Helper()
	servers := pgtest.New(t, pgcluster.Options{})
	must(t, pgnode.Setup{Role: "canary", Password: marked}.Run(t.Context(), servers.Primary().SuperDSN()))
	return servers, servers.Primary().DSN("canary", marked, "postgres")
}

// TestHelp looks for what each command does: kingpin's own compact help has the
// names alone.
func TestHelp(t *testing.T) {
	o := newOptions()
	var help strings.Builder
	o.app.UsageWriter(&help).Terminate(nil)
	if _, err := o.app.Parse([]string{"--help"}); err != nil {
		t.Fatal(err)
	}
	words := strings.Join(strings.Fields(help.String()), " ")
	for _, want := range []string{
		"serve Answer scrapes", "check Run one probe", "setup Create the schema", "config Check a configuration file", "--web.telemetry-path", "$PG_CANARY_PRIMARY_DSN",
	} {
		if !strings.Contains(words, want) {
			t.Errorf("the help lacks %q:\n%s", want, help.String())
		}
	}
	if strings.Contains(help.String(), "healthy") {
		t.Error("the help shows the hidden command")
	}
}

func TestMistakesInFlags(t *testing.T) {
	const dsn = "--primary.dsn=postgres://canary:" + marked + "@db/app"
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"no primary":        {[]string{"check"}, "give --primary.dsn or PG_CANARY_PRIMARY_DSN"},
		"serve, no primary": {nil, "give --primary.dsn or PG_CANARY_PRIMARY_DSN"},
		"setup, no primary": {[]string{"setup"}, "administrator's connection string in --primary.dsn or PG_CANARY_PRIMARY_DSN"},
		"unknown flag":      {[]string{"--nonsense"}, "--nonsense"},
		"unknown command":   {[]string{"nonsense"}, "nonsense"},
		"a DSN that does not parse": {
			[]string{"--primary.dsn=postgres://canary:x/" + marked + "@db/app"}, "--primary.dsn: the connection string has more than one @, or one after the host",
		},
		"a replica's DSN that does not": {
			[]string{dsn, "--replica.dsn=host=a", "--replica.dsn=" + marked}, "--replica.dsn (number 2): the connection string is neither",
		},
		"one name twice": {
			[]string{dsn, "--replica.dsn=host=a", "--replica.dsn=host=b", "--primary.name=a", "--replica.name=", "--replica.name=a"},
			`--replica.name (number 2): --primary.name has the name "a" already`,
		},
		"one name for two replicas": {
			[]string{dsn, "--replica.dsn=host=a", "--replica.dsn=host=b", "--replica.name=a", "--replica.name=a"},
			`--replica.name (number 2): --replica.name (number 1) has the name "a" already`,
		},
		"more names than replicas": {
			[]string{dsn, "--replica.dsn=host=a", "--replica.name=a", "--replica.name=b"},
			"--replica.name (number 2): there is no --replica.dsn with that number, only 1",
		},
		"a strange name":        {[]string{dsn, "--primary.name=a b"}, "--primary.name: that is not a name for a node (3 bytes): use 1 to 63 letters"},
		"a string in its place": {[]string{dsn, "--primary.name=postgres://canary:" + marked + "@db"}, "--primary.name: that is not a name"},
		"a long section":        {[]string{dsn, "--canary.section=" + strings.Repeat("x", 1000)}, "use 1 to 63 letters"},
		"a section with quote":  {[]string{dsn, `--canary.section=a'"b`}, "use 1 to 63 letters"},
		"a strange cluster":     {[]string{dsn, "--cluster.name=a b"}, `--cluster.name: "a b" (3 bytes) is not a name for a cluster`},
		"set up for a strange cluster": {
			[]string{"setup", dsn, "--cluster.name=.a"}, `--cluster.name: ".a" (2 bytes) is not a name for a cluster`,
		},
		"a verdict after the wait": {
			[]string{dsn, "--probe.synced-within=2s"}, "--probe.wait=1s does not exceed --probe.synced-within=2s",
		},
		"no time":             {[]string{dsn, "--probe.timeout=0s"}, "must be above 0"},
		"no duration":         {[]string{dsn, "--probe.wait=soon"}, "soon"},
		"a negative interval": {[]string{dsn, "--probe.min-interval=-1ms"}, "--probe.min-interval=-1ms is below 0"},
		"another's path":      {[]string{dsn, "--web.telemetry-path=/-/healthy"}, "--web.telemetry-path: \"/-/healthy\" is reserved for the exporter"},
		"a strange path":      {[]string{dsn, "--web.telemetry-path=metrics"}, "give a path such as /metrics"},
		"the probe's path":    {[]string{dsn, "--web.telemetry-path=/probe"}, "--web.telemetry-path: \"/probe\" is reserved for the exporter"},
		"a strange commit":    {[]string{dsn, "--probe.synchronous-commit=maybe"}, "maybe"},
		"a strange gate":      {[]string{dsn, "--gate=maybe"}, "maybe"},
		"no web config":       {[]string{dsn, "--web.listen-address=127.0.0.1:0", "--web.config.file=/does/not/exist"}, "/does/not/exist"},
		"no role":             {[]string{"setup", dsn, "--role=pg_canary"}, "reserves names that begin with pg_"},
		"a strange role":      {[]string{"setup", dsn, "--role=a'b"}, "not a role name"},
		"no password file":    {[]string{"setup", dsn, "--role.password-file=/does/not/exist"}, "--role.password-file: open /does/not/exist"},
		"the password as a flag": {
			[]string{"setup", dsn, "--role.password=" + "secret"}, "unknown long flag '--role.password'",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("PG_CANARY_PRIMARY_DSN", "")
			_, stderr, status := runWith(t, test.args...)
			if !strings.Contains(stderr, test.want) || status == 0 {
				t.Errorf("status %d and %q; want a failure that says %q", status, stderr, test.want)
			}
		})
	}
}

func TestExitStatus(t *testing.T) {
	var out lab.Log
	if got := exitStatus(&statusError{status: 1}, &out); got != 1 || out.String() != "" {
		t.Errorf("status %d, output %q", got, out.String())
	}
	if got := exitStatus(errors.New("oh"), &out); got != 2 || out.String() != "pg_canary_exporter: oh\n" {
		t.Errorf("status %d, output %q", got, out.String())
	}
}
