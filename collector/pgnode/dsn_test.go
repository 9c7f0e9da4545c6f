package pgnode

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// parseDSN returns what a connection string says to the driver.
func parseDSN(dsn string) (*pgconn.Config, error) {
	c, err := readDSN(dsn)
	return c.config, err
}

func TestNewNamesTheNode(t *testing.T) {
	t.Setenv("PGPORT", "")
	for dsn, want := range map[string]string{
		"postgres://canary@db/app":                               "db:5432",
		"postgresql://canary:secret@db:6000/app?sslmode=disable": "db:6000",
		"host=db port=6000 user=canary dbname=app":               "db:6000",
		"host=/var/run/postgresql user=canary":                   "/var/run/postgresql:5432",
		"postgres://canary@[::1]:6000/app":                       "[::1]:6000",
		"host=a,b port=6000,6001 user=canary":                    "a:6000,b:6001",
		"postgres://user%40server:secret@db/app":                 "db:5432",
		" \t host=db user=canary\r\n":                            "db:5432",
		"\ufeffpostgres://canary@db/app\u00a0\n":                 "db:5432",
		"host=db\n  port=6000\n  user=canary\n":                  "db:6000",
		"host = 'db' password = 'it\\'s =; @ \\\\'":              "db:5432",
		"host=db password=a;b=c:d@e/f,g?h&i user=canary":         "db:5432",
		"postgres://canary:a;b=c:d?e&f#g,h@db/app":               "db:5432",
		"postgres://a,b:6000,[fe80::1%25eth0]/app":               "a:5432,b:6000,[fe80::1%eth0]:5432",
		"postgres:///app?host=db&port=6000&user=o'brien":         "db:6000",
		"postgres://%2Fvar%2Frun%2Fpostgresql/app":               "/var/run/postgresql:5432",
		"host=fe80::1%eth0 port=6000":                            "[fe80::1%eth0]:6000",
		"host=db user='o\\'brien ü' dbname='my data/base'":       "db:5432",
		"postgres://canary@db/app?ssl=true&connect_timeout=3":    "db:5432",
		"host=db_1.example. options='-c geqo=off'":               "db_1.example.:5432",
	} {
		t.Run(dsn, func(t *testing.T) {
			node, err := New(dsn, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if node.Name() != want {
				t.Errorf("name %q, want %q", node.Name(), want)
			}
		})
	}
}

func TestCheckSection(t *testing.T) {
	for _, name := range []string{"default", "a", "prod-eu.1:blue_2", strings.Repeat("x", 63)} {
		if err := CheckSection(name); err != nil {
			t.Errorf("CheckSection(%q): %v", name, err)
		}
	}
	for _, name := range []string{"", "a'b", `a"b`, "a b", "-a", "é", strings.Repeat("x", 64), strings.Repeat("x", 1000), "a\n"} {
		err := CheckSection(name)
		if err == nil {
			t.Errorf("CheckSection(%q) accepts it", name)
		} else if !strings.Contains(err.Error(), "1 to 63 letters") || len(err.Error()) > 300 {
			t.Errorf("CheckSection: the message %q does not say what to do, or is too long", err)
		}
	}
}
