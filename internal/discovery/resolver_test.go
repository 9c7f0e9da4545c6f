package discovery

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestServersInTurn: one that fails is followed by the next.
func TestServersInTurn(t *testing.T) {
	t.Parallel()
	first := newNameServer(t, "127.0.0.1", "0", "one.test. 60 IN A 10.0.0.1")
	second := newNameServer(t, "127.0.0.2", first.port, "one.test. 60 IN A 10.0.0.2", "one.test. 60 IN AAAA fd00::2")
	s := systemOf(t, "", "options timeout:1 attempts:2", first, second)
	for _, code := range []int{dns.RcodeServerFailure, dns.RcodeRefused, silent} {
		first.fail("one.test. A", code)
		first.fail("one.test. AAAA", code)
		if got := find(t, newDNS(t, s, "one.test")); got != "10.0.0.2:5432 [fd00::2]:5432" {
			t.Errorf("where the first answers %d it found %s", code, got)
		}
	}
	second.fail("one.test. A", dns.RcodeServerFailure)
	second.fail("one.test. AAAA", dns.RcodeServerFailure)
	first.questions()
	got := find(t, newDNS(t, s, "one.test"))
	if want := "the addresses of one.test: name server 127.0.0.2:" + first.port + ": it answers SERVFAIL about one.test."; got != want {
		t.Errorf("found %s, want %s", got, want)
	}
	if asked := first.questions(); len(asked) != 4 { // Twice for each type.
		t.Errorf("the first was asked %q", asked)
	}
}

// TestNoResolvConf: what the system has instead is asked.
func TestNoResolvConf(t *testing.T) {
	t.Parallel()
	server := newNameServer(t, "127.0.0.1", "0", "one.test. 60 IN A 10.0.0.1",
		"_postgresql._tcp.test. 60 IN SRV 1 1 5433 a.test.", "_postgresql._tcp.test. 60 IN SRV 2 1 5434 b.test.")
	s := systemOf(t, "", "", server)
	s.fallback = resolverTo(func() (net.Conn, error) { return net.Dial("udp", "127.0.0.1:"+server.port) })
	for _, content := range []string{"search test\n", ""} {
		must(t, os.WriteFile(s.resolvConf, []byte(content), 0o600))
		if content == "" {
			s.resolvConf = filepath.Join(t.TempDir(), "none")
		}
		for source, want := range map[Source]string{
			newDNS(t, s, "one.test."):              "10.0.0.1:5432",
			newSRV(t, s, "_postgresql._tcp.test."): "a.test:5433 b.test:5434",
		} {
			found, again, err := source.Find(t.Context())
			if got := namesOf(found, err); got != want || again != unknownTTL {
				t.Errorf("%s found %s, again after %v", source.Kind(), got, again)
			}
		}
	}
	if got := find(t, newDNS(t, s, "none.test.")); !strings.Contains(got, "no such host") {
		t.Errorf("found %s", got)
	}
}

// TestDNSEndsWithItsCaller, though the name server is silent.
func TestDNSEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	server := newNameServer(t, "127.0.0.1", "0")
	server.fail("one.test. A", silent)
	server.fail("one.test. AAAA", silent)
	d := newDNS(t, systemOf(t, "", "options timeout:3600", server), "one.test")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, _, err := d.Find(ctx)
		ended <- err
	}()
	for len(server.questions()) == 0 {
		select {
		case err := <-ended:
			t.Fatalf("it ended with %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	cancel()
	if err := <-ended; err == nil {
		t.Error("it found something")
	}
}
