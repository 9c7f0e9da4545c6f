package pgnode

import (
	"strings"
	"testing"
)

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

// TestNewNeverQuotesTheString feeds a marked password through every way in which
// a connection string can be wrong.
func TestNewNeverQuotesTheString(t *testing.T) {
	const marked = "hunter2MARK"
	for name, test := range map[string]struct{ dsn, want string }{
		"empty":                   {" ", "is empty"},
		"neither URL nor pairs":   {marked, "neither a postgres:// URL nor keyword=value pairs"},
		"space in the password":   {"host=db password=a " + marked + " user=x", "neither"},
		"open quote":              {"host=db password='" + marked, "neither"},
		"slash in the password":   {"postgres://canary:x/" + marked + "@db:5432/app", "percent-encoded"},
		"digits and a slash":      {"postgres://canary:12/" + marked + "@db:5432/app", "more than one @"},
		"at sign in the password": {"postgres://canary:x@" + marked + "@db:5432/app", "more than one @"},
		"percent in the password": {"postgres://canary:%zz" + marked + "@db/app", "percent-encoded"},
		"port out of range":       {"postgres://canary:" + marked + "@db:99999/app", "not a valid URL"},
		"port that is no number":  {"host=db port=many password=" + marked, "neither"},
		"unknown sslmode":         {"postgres://canary:" + marked + "@db/app?sslmode=perhaps", "sslmode is none of"},
		"unreadable certificate":  {"postgres://canary:" + marked + "@db/app?sslmode=verify-full&sslrootcert=/does/not/exist", "cannot be read"},
		"service that is nowhere": {"service=nowhere servicefile=/dev/null password=" + marked, "service"},
		"a NUL byte":              {"postgres://canary:" + marked + "\x00@db/app", "not a valid URL"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(test.dsn, Options{})
			if err == nil {
				t.Fatal("it was accepted")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %q does not say %q", err, test.want)
			}
			if strings.Contains(err.Error(), marked) {
				t.Errorf("error %q gives the password away", err)
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
