package discovery

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestTargets: every target is a node.
func TestTargets(t *testing.T) {
	t.Parallel()
	server := newNameServer(t, "127.0.0.1", "0",
		"_postgresql._tcp.search.test. 60 IN SRV 0 0 5432 B.search.test.",
		"_postgresql._tcp.search.test. 20 IN SRV 10 5 5433 a.search.test.",
		"_postgresql._tcp.search.test. 60 IN SRV 20 5 5433 a.search.test.",
		"_postgresql._tcp.search.test. 60 IN SRV 10 5 5434 a.search.test.",
		`_postgresql._tcp.odd.test. 60 IN SRV 0 0 5432 a\ b.test.`,
		"_postgresql._tcp.odd.test. 60 IN SRV 0 0 0 c.test.",
		"_postgresql._tcp.odd.test. 60 IN SRV 0 0 5432 d.test.",
		"_postgresql._tcp.closed.test. 60 IN SRV 0 0 0 .",
		"_postgresql._tcp.address.test. 60 IN A 10.0.0.1",
	)
	s := systemOf(t, "", "search search.test", server)
	found, again, err := newSRV(t, s, "_postgresql._tcp").Find(t.Context())
	must(t, err)
	want := Found{Nodes: []Node{
		{Name: "a.search.test:5433", Host: "a.search.test", Port: 5433},
		{Name: "a.search.test:5434", Host: "a.search.test", Port: 5434},
		{Name: "b.search.test:5432", Host: "b.search.test", Port: 5432},
	}}
	if diff := cmp.Diff(want, found); diff != "" || again != 20*time.Second {
		t.Errorf("again after %v; found something else (-want +got):\n%s", again, diff)
	}
	found, _, err = newSRV(t, s, "_postgresql._tcp.odd.test").Find(t.Context())
	if got := namesOf(found, err); got != "d.test:5432" {
		t.Errorf("found %s", got)
	}
	if len(found.Skipped) != 2 || !strings.Contains(found.Skipped[0], "neither a host name nor") || found.Skipped[1] != "a target has the port 0, which is not between 1 and 65535" {
		t.Errorf("it says %q", found.Skipped)
	}
	for name, want := range map[string]string{
		"_postgresql._tcp.closed.test":  `none names a server; a target is ".", which means that there is none`,
		"_postgresql._tcp.none.test":    "DNS has no name _postgresql._tcp.none.test.",
		"_postgresql._tcp.address.test": "_postgresql._tcp.address.test. has no SRV record",
	} {
		if got := find(t, newSRV(t, s, name)); got != "the SRV records of "+name+": "+want {
			t.Errorf("found %s, want %s", got, want)
		}
	}
}
