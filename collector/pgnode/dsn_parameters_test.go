package pgnode

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"
)

// TestDroppedParameters goes over every parameter that means nothing here, in
// both kinds of connection string: it is named and never sent.
func TestDroppedParameters(t *testing.T) {
	values := map[string]string{}
	for _, name := range ignoredParameters {
		values[name] = "1"
	}
	for name, harmlessOnes := range harmlessValues {
		values[name] = harmlessOnes[1]
	}
	for name, value := range values {
		for _, dsn := range []string{"host=db " + name + "=" + value, "postgres://db/app?" + name + "=" + value} {
			node, err := New(dsn, Options{})
			if err != nil {
				t.Errorf("%s: %v", dsn, err)
				continue
			}
			if diff := cmp.Diff([]string{name}, node.Dropped()); diff != "" {
				t.Errorf("%s: dropped: %s", dsn, diff)
			}
			if diff := cmp.Diff(map[string]string{"application_name": "pg_canary_exporter"}, configOf(t, dsn).RuntimeParams); diff != "" {
				t.Errorf("%s: settings that are sent: %s", dsn, diff)
			}
		}
	}
}

func TestSettingsThatAreSent(t *testing.T) {
	t.Setenv("PGTZ", "UTC")
	t.Setenv("PGOPTIONS", "-c geqo=off")
	node, err := New("host=db application_name=mine", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"application_name": "mine", "options": "-c geqo=off"}, configOf(t, "host=db application_name=mine").RuntimeParams); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"timezone"}, node.Dropped()); diff != "" {
		t.Error(diff)
	}
}

func TestServiceFile(t *testing.T) {
	for name, test := range map[string]struct{ content, want string }{
		"good":              {"host=db\nuser=canary\npassword=" + marked + "\nkeepalives=1", ""},
		"semicolons":        {"host=db;password=" + marked, "runs into the next pair"},
		"unknown parameter": {"host=db\n" + marked + "=x", "a parameter that libpq does not know"},
		"hostaddr":          {"host=db\nhostaddr=" + marked, "the parameter hostaddr is not supported"},
		"sslmode":           {"host=db\nsslmode=" + marked, "sslmode is not one of"},
		"session":           {"host=db\ntarget_session_attrs=" + marked, "target_session_attrs is not one of"},
		"port":              {"host=db\nport=" + marked, "a port is not a number"},
		"user":              {"host=db\nuser=canary:" + marked, "the user has one of the characters"},
		"options":           {"host=db\noptions=password=" + marked, "runs into the next pair"},
		"certificate":       {"host=db\nsslrootcert=/" + marked, "the file of sslrootcert cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "service.conf")
			if err := os.WriteFile(file, []byte("[main]\n"+test.content+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			t.Setenv("PGSERVICEFILE", file)
			node, err := New("service=main", Options{})
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want == "" && (node.Name() != "db:5432" || fmt.Sprint(node.Dropped()) != "[keepalives]" || configOf(t, "service=main").Password != marked):
				t.Errorf("it became %s, dropped %v", node.Name(), node.Dropped())
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), marked)):
				t.Errorf("error %v, want %q and no password", err, test.want)
			}
		})
	}
}

func TestEnvironment(t *testing.T) {
	for variable, want := range map[string]string{
		"PGUSER": "the value of user runs", "PGDATABASE": "the value of database runs", "PGPORT": "a port is not",
		"PGSSLMODE": "sslmode is not one of", "PGHOSTADDR": "the variable PGHOSTADDR is set", "PGREQUIREPEER": "the variable PGREQUIREPEER is set",
		"PGGSSENCMODE": "the variable PGGSSENCMODE is set", "PGCONNECT_TIMEOUT": "connect_timeout", "PGSSLNEGOTIATION": "sslnegotiation is not one of",
		"PGCHANNELBINDING": "channel_binding is not one of", "PGMINPROTOCOLVERSION": "min_protocol_version is not one of",
		"PGREQUIREAUTH": "require_auth", "PGSSLCERTMODE": "sslcertmode is not one of", "PGAPPNAME": "runs into the next pair",
	} {
		t.Run(variable, func(t *testing.T) {
			t.Setenv(variable, "x;password="+marked)
			if _, err := New("host=db", Options{}); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), marked) {
				t.Errorf("error %v, want %q and no password", err, want)
			}
		})
	}
}

// TestReadsAsTheDriverDoes compares what is understood with what the driver
// reads from the same string.
func TestReadsAsTheDriverDoes(t *testing.T) {
	for _, dsn := range []string{
		"postgres://canary:se%20cret%40@a:1,b,[::1]:3/my%2Fapp?target_session_attrs=any&sslmode=require",
		"postgres://h1,h2", "postgresql://:secret@/app?host=/tmp", "postgres://localhost/x?host=db&port=1", "postgres://a%2Cb",
		`host = a,b port=,6000 user='o\'brien' password='\\ \'=x' dbname = my\ app`, "password= host=db", "database=x\vuser=''",
		"postgres://canary:a?b:c&d=e@db?sslmode=disable&", "host=db sslmode=allow channel_binding=require",
	} {
		want, err := pgconn.ParseConfig(dsn)
		if err != nil {
			t.Fatal(err)
		}
		got, err := readDSN(dsn)
		if err != nil {
			t.Errorf("%q: %v", dsn, err)
			continue
		}
		if diff := cmp.Diff(read(want), read(got.config)); diff != "" {
			t.Errorf("%q is read otherwise: %s", dsn, diff)
		}
	}
}

// read is what a configuration says about where to and who.
func read(c *pgconn.Config) []string {
	said := []string{c.User, c.Password, c.Database, fmt.Sprint(c.Host, " ", c.Port, " ", c.TLSConfig != nil), c.ChannelBinding}
	for _, fallback := range c.Fallbacks {
		said = append(said, fmt.Sprint(fallback.Host, " ", fallback.Port, " ", fallback.TLSConfig != nil))
	}
	return said
}
