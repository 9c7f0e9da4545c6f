package pgnode

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMergeDSN(t *testing.T) {
	for name, test := range map[string]struct{ base, own, want string }{
		"nothing":                  {"", " \n", ""},
		"base alone":               {"user=canary host=a", "", "host='a' user='canary'"},
		"own alone":                {"", "postgres://canary:x%20y@a:1/app", "dbname='app' host='a' password='x y' port='1' user='canary'"},
		"pairs on pairs":           {"user=canary dbname=app sslmode=disable", "host=a dbname=other", "dbname='other' host='a' sslmode='disable' user='canary'"},
		"pairs on a URL":           {"postgres://canary:x@a/app?sslmode=require", "host=b", "dbname='app' host='b' password='x' sslmode='require' user='canary'"},
		"a URL on pairs":           {"user=canary application_name=mine", "postgres://a/app", "application_name='mine' dbname='app' host='a' user='canary'"},
		"a URL on a URL":           {"postgres://canary@a/app?connect_timeout=3", "postgresql://b/other?connect_timeout=4", "connect_timeout='4' dbname='other' host='b' user='canary'"},
		"quotes and backslashes":   {`password='it\'s \\ ='`, "host=a", `host='a' password='it\'s \\ ='`},
		"ignored ones stay":        {"keepalives=1", "host=a gssencmode=disable", "gssencmode='disable' host='a' keepalives='1'"},
		"a single port":            {"port=6432", "host=a,b", "host='a,b' port='6432'"},
		"a port of the URL's host": {"postgres://a:6432/app", "postgres://b", "dbname='app' host='b' port='6432'"},
		"a port alone":             {"host=a,b port=1,2", "port=3", "host='a,b' port='3'"},
		"hosts and ports":          {"host=a,b port=1,2", "postgres://c:3,d:4,e:5", "host='c,d,e' port='3,4,5'"},
		"empty ports of a list":    {"port=6432", "postgres://c,d", "host='c,d' port=','"},
		"the same user":            {"user=canary password=x", "user=canary host=a", "host='a' password='x' user='canary'"},
		"another user":             {"user=canary password=x", "user=other host=a", "host='a' user='other'"},
		"another user's password":  {"user=canary password=x", "user=other password=y", "password='y' user='other'"},
		"a user in a URL":          {"postgres://canary:x@a", "postgres://other@b", "host='b' user='other'"},
		"an empty user":            {"user=canary password=x", "user='' host=a", "host='a' user=''"},
		"a password of nobody":     {"password=x", "user=canary", "password='x' user='canary'"},
		"a password alone":         {"user=canary password=x", "password=y", "password='y' user='canary'"},
		"an empty password":        {"user=canary password=x", "password=''", "password='' user='canary'"},
		"another than a service's": {"service=main", "user=other", "password='' service='main' user='other'"},
		"a service's own":          {"service=main", "user=other password=y", "password='y' service='main' user='other'"},
		"beside a service":         {"service=main password=x", "user=other", "password='x' service='main' user='other'"},
		"a service with its user":  {"service=main user=canary password=x", "user=other", "password='' service='main' user='other'"},
		"an own service":           {"user=canary password=x dbname=app", "service=main", "dbname='app' password='x' service='main' user='canary'"},
		"an own service and host":  {"host=a", "service=main host=b", "host='b' service='main'"},
		"an own service and user":  {"service=main", "service=second user=other", "service='second' user='other'"},
		"another service":          {"service=main servicefile=/a", "service=second", "service='second' servicefile='/a'"},
		"the same service":         {"service=main host=a", "service=main", "host='a' service='main'"},
		"ssl=true":                 {"sslmode=verify-full", "postgres://a?ssl=true", "host='a' sslmode='require'"},
		"the alias of dbname":      {"database=app", "dbname=other", "dbname='other'"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := MergeDSN(test.base, test.own)
			must(t, err)
			if got != test.want {
				t.Errorf("it becomes %s, want %s", got, test.want)
			}
		})
	}
}

func TestMergeDSNRefuses(t *testing.T) {
	for name, test := range map[string]struct{ base, own, want string }{
		"ports of others":        {"host=a,b port=1,2 password=" + marked, "host=c", "has a list of ports for other hosts; give port beside host"},
		"a service after a host": {"host=a password=" + marked, "service=main", "names a service, and what it completes a host"},
		"another service":        {"service=main host=a", "service=second password=" + marked, "names a service, and what it completes a host"},
		"a bad base":             {marked, "host=a", "neither a postgres:// URL nor"},
		"a bad one":              {"host=a", "password=a " + marked, "neither a postgres:// URL nor"},
		"a parameter of none":    {"hostaddr=1.2.3.4 password=" + marked, "host=a", "the parameter hostaddr is not supported"},
		"a value of none":        {"host=a", "port=" + marked, "a port is not a number"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := MergeDSN(test.base, test.own)
			if err == nil || got != "" || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), marked) {
				t.Errorf("%q and %v, want %q", got, err, test.want)
			}
		})
	}
}

// TestMergedIsReadAsWritten holds that a string means the same after it was split.
func TestMergedIsReadAsWritten(t *testing.T) {
	for _, dsn := range []string{
		"postgres://canary:se%20cret%40@a:1,b,[::1]:3/my%2Fapp?target_session_attrs=any&sslmode=require", "postgres://h1,h2",
		`host = a,b port=,6000 user='o\'brien' password='\\ \'=x' dbname = my\ app`, "password= host=db", "database=x\vuser=''",
	} {
		merged, err := MergeDSN(dsn, "")
		must(t, err)
		if diff := cmp.Diff(read(configOf(t, dsn)), read(configOf(t, merged))); diff != "" {
			t.Errorf("%q is read otherwise: %s", dsn, diff)
		}
	}
}

func TestAtHost(t *testing.T) {
	for name, test := range map[string]struct {
		dsn, host string
		port      int
		want      string // what it becomes, or what is said
	}{
		"nothing":         {"", "a", 0, "host='a'"},
		"a port":          {"port=6432 user=canary", "a", 5433, "host='a' port='5433' user='canary'"},
		"its own port":    {"port=6432 user=canary", "a", 0, "host='a' port='6432' user='canary'"},
		"in other places": {"host=a,b port=1,2", "::1", 3, "host='::1' port='3'"},
		"a list of ports": {"host=a,b port=1,2", "c", 0, "give port beside host"},
		"no host":         {"user=canary", "", 1, "characters that no host has"},
		"two hosts":       {"user=canary", "a,b", 1, "characters that no host has"},
		"more than one":   {"user=canary", "a' password='" + marked, 1, "the value of host runs into the next pair"},
		"no port":         {"user=canary", "a", 70000, "a port is not a number"},
		"a bad string":    {marked, "a", 1, "neither a postgres:// URL nor"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := AtHost(test.dsn, test.host, test.port)
			if err != nil {
				got = err.Error()
			}
			if !strings.Contains(got, test.want) || strings.Contains(got, marked) {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

func TestDSNPrintsNothing(t *testing.T) {
	dsn, err := SplitDSN("host=a password=" + marked)
	must(t, err)
	quiet(t, fmt.Sprint(dsn), fmt.Sprintf("%v %+v %#v %s %q", dsn, dsn, dsn, dsn, dsn), fmt.Sprintf("%v", []DSN{dsn}), dsn.Without("password").Text())
	if !dsn.Gives("password") || dsn.Gives("user") || dsn.Without("password").Gives("password") {
		t.Error("it gives something else")
	}
}

// FuzzMergeDSN holds that what is merged can be read, that no parameter gets lost but a password
// beside another user, and that an error quotes nothing.
func FuzzMergeDSN(f *testing.F) {
	for _, base := range []string{"", "user=canary password=x", "postgres://canary:x@a:1,b:2/app?sslmode=require", "service=main port=1", `options='-c a=b' user='\''`} {
		for _, own := range []string{"", "host=a", "postgres://other@b", "user=other", "service=second", "host=a,b port=1,2"} {
			f.Add(base, own)
		}
	}
	f.Fuzz(func(t *testing.T, base, own string) {
		if _, err := MergeDSN(base, own+" password="+marked); err != nil {
			quiet(t, err.Error())
		}
		merged, err := MergeDSN(base, own)
		if err != nil {
			return
		}
		under, errBase := SplitDSN(base)
		over, errOwn := SplitDSN(own)
		whole, errWhole := SplitDSN(merged)
		if errBase != nil || errOwn != nil || errWhole != nil {
			t.Fatalf("%q on %q becomes %q: %v %v %v", own, base, merged, errBase, errOwn, errWhole)
		}
		for name, value := range under.given {
			if over.has(name) {
				continue
			}
			lost := name == "password" && over.OtherUser(under)
			if got := whole.given[name]; got != value && !lost {
				t.Errorf("%q on %q: %s became %q", own, base, name, got)
			}
		}
		for name, value := range over.given {
			if got := whole.given[name]; got != value {
				t.Errorf("%q on %q: %s became %q", own, base, name, got)
			}
		}
		if over.OtherUser(under) && under.has("user") && !over.has("password") && whole.given["password"] != "" {
			t.Errorf("%q on %q has another user's password", own, base)
		}
	})
}
