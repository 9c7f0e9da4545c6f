package discovery

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// TestAddresses: every address is a node, asked for again when the answer has run out.
func TestAddresses(t *testing.T) {
	t.Parallel()
	many := make([]string, 0, 300)
	for i := range 60 { // They do not fit into one packet.
		many = append(many, fmt.Sprintf("many.test. 60 IN A 10.0.0.%d", i+1))
	}
	for i := range 101 {
		many = append(many, fmt.Sprintf("crowd.test. 60 IN A 10.0.1.%d", i+1), fmt.Sprintf("_s._tcp.crowd.test. 60 IN SRV 0 0 %d a.test.", i+1))
	}
	server := newNameServer(t, "127.0.0.1", "0", append(many,
		"one.test. 60 IN A 10.0.0.1",
		"both.test. 60 IN A 10.0.0.2", "both.test. 60 IN A 10.0.0.1", "both.test. 20 IN AAAA fd00::1",
		"six.test. 60 IN AAAA fd00::2",
		"twice.test. 60 IN A 10.0.0.1", "twice.test. 60 IN A 10.0.0.1", "twice.test. 60 IN AAAA ::ffff:10.0.0.1",
		"short.test. 0 IN A 10.0.0.1",
		"long.test. 86400 IN A 10.0.0.1",
		"alias.test. 30 IN CNAME alias2.test.", "alias2.test. 60 IN CNAME one.test.",
		"mail.test. 60 IN MX 1 one.test.",
		"dangling.test. 60 IN CNAME none.test.",
		"circle.test. 60 IN CNAME circle2.test.", "circle2.test. 60 IN CNAME circle.test.",
	)...)
	s := systemOf(t, "", "", server)
	for name, test := range map[string]struct {
		want  string // nodes, or of the error
		again time.Duration
	}{
		"one.test":      {"10.0.0.1:5432", time.Minute},
		"ONE.test.":     {"10.0.0.1:5432", time.Minute},
		"both.test":     {"10.0.0.1:5432 10.0.0.2:5432 [fd00::1]:5432", 20 * time.Second},
		"six.test":      {"[fd00::2]:5432", time.Minute},
		"twice.test":    {"10.0.0.1:5432", time.Minute},
		"short.test":    {"10.0.0.1:5432", minTTL},
		"long.test":     {"10.0.0.1:5432", maxTTL},
		"alias.test":    {"10.0.0.1:5432", 30 * time.Second},
		"10.9.8.7":      {"10.9.8.7:5432", maxTTL},
		"fd00::9":       {"[fd00::9]:5432", maxTTL},
		"none.test":     {"the addresses of none.test: DNS has no name none.test.", 0},
		"mail.test":     {"the addresses of mail.test: mail.test. has no address", 0},
		"dangling.test": {"DNS has no name none.test.", 0},
		"crowd.test":    {"the addresses of crowd.test: DNS names 101 servers, and a cluster has 100 at the most", 0},
		"circle.test":   {"the CNAMEs of circle.test. lead on and on", 0},
	} {
		found, again, err := newDNS(t, s, name).Find(t.Context())
		if got := namesOf(found, err); got != test.want && (err == nil || !strings.HasSuffix(got, test.want)) || again != test.again {
			t.Errorf("%s: found %s, again after %v; want %s, %v", name, got, again, test.want, test.again)
		}
	}
	if got := find(t, newSRV(t, s, "_s._tcp.crowd.test")); !strings.HasSuffix(got, "DNS names 101 servers, and a cluster has 100 at the most") {
		t.Errorf("found %s", got)
	}
	server.questions()
	find(t, newDNS(t, s, "alias.test"))
	if asked := server.questions(); len(asked) != 2 {
		t.Errorf("for an alias that the server follows it asked %q", asked)
	}
	if found, _, err := newDNS(t, s, "many.test").Find(t.Context()); err != nil || len(found.Nodes) != 60 {
		t.Errorf("found %s", namesOf(found, err))
	}
	if asked := server.questions(); !slices.Contains(asked, "many.test. A tcp") {
		t.Errorf("it asked %q, want TCP too", asked)
	}
}

// TestAddressNode: what a node of an address is.
func TestAddressNode(t *testing.T) {
	t.Parallel()
	s := systemOf(t, "", "", newNameServer(t, "127.0.0.1", "0", "one.test. 60 IN A 10.0.0.1", "one.test. 60 IN AAAA fd00::1"))
	d, err := NewDNS("one.test", 6432)
	must(t, err)
	d.system = s
	found, _, err := d.Find(t.Context())
	must(t, err)
	want := Found{Nodes: []Node{
		{Name: "10.0.0.1:6432", Host: "10.0.0.1", Port: 6432}, {Name: "[fd00::1]:6432", Host: "fd00::1", Port: 6432},
	}}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("found something else (-want +got):\n%s", diff)
	}
}

// TestCNAMEsThatTheServerDoesNotFollow are followed by asking on.
func TestCNAMEsThatTheServerDoesNotFollow(t *testing.T) {
	t.Parallel()
	server := newNameServer(t, "127.0.0.1", "0",
		"a.test. 60 IN CNAME b.test.", "b.test. 10 IN CNAME c.test.", "c.test. 60 IN A 10.0.0.1",
		"x.test. 60 IN CNAME y.test.", "y.test. 60 IN CNAME x.test.")
	server.followNot()
	s := systemOf(t, "", "", server)
	found, again, err := newDNS(t, s, "a.test").Find(t.Context())
	if got := namesOf(found, err); got != "10.0.0.1:5432" || again != 10*time.Second {
		t.Errorf("found %s, again after %v", got, again)
	}
	if got := find(t, newDNS(t, s, "x.test")); !strings.Contains(got, "lead on and on") {
		t.Errorf("found %s", got)
	}
}

// TestHostsFile wins, as in the C library.
func TestHostsFile(t *testing.T) {
	t.Parallel()
	server := newNameServer(t, "127.0.0.1", "0", "one.test. 60 IN A 10.0.0.1", "two.test. 60 IN A 10.0.0.2")
	s := systemOf(t, "127.0.0.1 localhost\n::1 localhost ip6\n10.1.1.1 One.Test alias # two.test\nnonsense two.test\n10.1.1.2\n", "", server)
	for name, want := range map[string]string{
		"localhost": "127.0.0.1:5432 [::1]:5432",
		"one.test":  "10.1.1.1:5432",
		"alias.":    "10.1.1.1:5432",
		"two.test":  "10.0.0.2:5432",
	} {
		if got := find(t, newDNS(t, s, name)); got != want {
			t.Errorf("%s: found %s, want %s", name, got, want)
		}
	}
	for _, asked := range server.questions() {
		if !strings.HasPrefix(asked, "two.test.") {
			t.Errorf("it asked %s", asked)
		}
	}
	must(t, os.Remove(s.hosts))
	if got := find(t, newDNS(t, s, "one.test")); got != "10.0.0.1:5432" {
		t.Errorf("without a file it found %s", got)
	}
}

// TestSearchList is gone through in the order of the C library.
func TestSearchList(t *testing.T) {
	t.Parallel()
	server := newNameServer(t, "127.0.0.1", "0",
		"carts.db.svc.test. 60 IN A 10.0.0.1", "carts.db.test. 60 IN A 10.0.0.2", "carts.db. 60 IN A 10.0.0.3")
	for options, want := range map[string]string{
		"search none.test svc.test test\noptions ndots:5": "10.0.0.1:5432",
		"search test svc.test\noptions ndots:5":           "10.0.0.2:5432",
		"search svc.test\noptions ndots:1":                "10.0.0.3:5432",
		"search .":                                        "10.0.0.3:5432",
		"domain svc.test\noptions ndots:2":                "10.0.0.1:5432",
		"":                                                "10.0.0.3:5432",
	} {
		if got := find(t, newDNS(t, systemOf(t, "", options, server), "carts.db")); got != want {
			t.Errorf("%q: found %s, want %s", options, got, want)
		}
	}
}

// TestHalfAnAnswer: an answer in part does not take nodes away.
func TestHalfAnAnswer(t *testing.T) {
	t.Parallel()
	both := []string{"one.test. 60 IN A 10.0.0.1", "one.test. 60 IN AAAA fd00::1"}
	server := newNameServer(t, "127.0.0.1", "0", both...)
	d := newDNS(t, systemOf(t, "", "options timeout:1 attempts:1", server), "one.test")
	server.fail("one.test. AAAA", dns.RcodeServerFailure)
	if got := find(t, d); got != "10.0.0.1:5432" {
		t.Errorf("with a server that knows no AAAA it found %s", got)
	}
	server.fail("one.test. AAAA", dns.RcodeSuccess)
	if got := find(t, d); got != "10.0.0.1:5432 [fd00::1]:5432" {
		t.Errorf("found %s", got)
	}
	for _, kind := range []string{"A", "AAAA"} {
		server.fail("one.test. "+kind, dns.RcodeServerFailure)
		if got := find(t, d); !strings.Contains(got, "SERVFAIL") {
			t.Errorf("without %s it found %s", kind, got)
		}
		server.fail("one.test. "+kind, dns.RcodeSuccess)
	}
	server.set(t, both[:1]...)
	if got := find(t, d); got != "10.0.0.1:5432" {
		t.Errorf("after the other address was taken away it found %s", got)
	}
}

// TestAnotherNameInTheSearchList is not taken while the one that had records cannot be asked.
func TestAnotherNameInTheSearchList(t *testing.T) {
	t.Parallel()
	server := newNameServer(t, "127.0.0.1", "0", "carts.a.test. 60 IN A 10.0.0.1", "carts.b.test. 60 IN A 10.0.0.2")
	d := newDNS(t, systemOf(t, "", "search a.test b.test\noptions timeout:1 attempts:1", server), "carts")
	fail := func(code int) {
		server.fail("carts.a.test. A", code)
		server.fail("carts.a.test. AAAA", code)
	}
	fail(dns.RcodeServerFailure)
	if got := find(t, d); got != "10.0.0.2:5432" {
		t.Errorf("at first it found %s", got)
	}
	fail(dns.RcodeSuccess)
	if got := find(t, d); got != "10.0.0.1:5432" {
		t.Errorf("found %s", got)
	}
	fail(dns.RcodeServerFailure)
	if got := find(t, d); !strings.Contains(got, "SERVFAIL about carts.a.test.") {
		t.Errorf("found %s", got)
	}
	fail(dns.RcodeNameError)
	if got := find(t, d); got != "10.0.0.2:5432" {
		t.Errorf("after the name was taken away it found %s", got)
	}
}

func TestDNSNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", ".", "a b", "postgres://u:secret@h/x", "a,b", "a'b", "-a", strings.Repeat("a", 254)} {
		_, first := NewDNS(name, 0)
		_, second := NewSRV(name)
		for _, err := range []error{first, second} {
			if err == nil || strings.Contains(err.Error(), "secret") {
				t.Errorf("%q: %v", name, err)
			}
		}
	}
	for _, port := range []int{-1, 65536} {
		if _, err := NewDNS("a", port); err == nil {
			t.Errorf("port %d is taken", port)
		}
	}
}
