//go:build unix

package fleet

import (
	"bytes"
	"strings"
	"testing"

	"github.com/go-kit/log"

	"github.com/pg-canary/pg_canary_exporter/internal/config"
	"github.com/pg-canary/pg_canary_exporter/internal/discovery"
)

// TestBuild: what a node is made of tells it apart from others, and nothing else does.
func TestBuild(t *testing.T) {
	t.Parallel()
	const dsn = "host=127.0.0.1 port=1 user=canary dbname=postgres sslmode=disable"
	a, b := config.Node{Name: "a", DSN: dsn}, config.Node{Name: "b", DSN: dsn + " keepalives=1"}
	c := config.Cluster{Name: "orders", Settings: config.Defaults()}
	before, errs := build(c, []config.Node{a, b}, nil, nil)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	elsewhere, fresh, slower := a, a, c
	elsewhere.DSN, fresh.FreshConnection, slower.Timeout = dsn+" connect_timeout=3", true, 2*c.Timeout
	pulsed := c
	pulsed.Pulse = 2 * config.ShortestPulse()
	for name, test := range map[string]struct {
		cluster config.Cluster
		wanted  []config.Node
		same    bool // as all of before
		kept    int  // of before
	}{
		"the same":             {c, []config.Node{a, b}, true, 2},
		"in another order":     {c, []config.Node{b, a}, true, 2},
		"with a pulse":         {pulsed, []config.Node{a, b}, true, 2},
		"one less":             {c, []config.Node{a}, false, 1},
		"one elsewhere":        {c, []config.Node{elsewhere, b}, false, 1},
		"one connected anew":   {c, []config.Node{fresh, b}, false, 1},
		"with another timeout": {slower, []config.Node{a, b}, false, 0},
		"none":                 {c, nil, false, 0},
	} {
		after, errs := build(test.cluster, test.wanted, before, nil)
		kept := 0
		for _, x := range after {
			for _, y := range before {
				if x.node == y.node {
					kept++
				}
			}
		}
		if len(errs) > 0 || len(after) != len(test.wanted) || sameNodes(before, after) != test.same || kept != test.kept {
			t.Errorf("%s: %v, %d nodes, %d kept, the same: %v", name, errs, len(after), kept, sameNodes(before, after))
		}
	}

	var said bytes.Buffer
	logDropped(log.NewLogfmtLogger(&said), nil, before)
	if text := said.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "node=b parameters=keepalives") {
		t.Errorf("what is not used is said as\n%s", text)
	}
	said.Reset()
	logDropped(log.NewLogfmtLogger(&said), before, before)
	if said.Len() > 0 {
		t.Errorf("it is said again:\n%s", said.String())
	}
}

// TestWantedNodes of what was found: the leader is the first, where the search for the primary starts, and of one that
// cannot be used it is said which it is.
func TestWantedNodes(t *testing.T) {
	t.Parallel()
	c := config.Cluster{Name: "orders", Settings: config.Defaults(), Discover: &config.Discover{DNS: "orders.example"}}
	c.DSN = "user='canary'"
	found := &discovery.Found{Nodes: []discovery.Node{
		{Name: "one", Host: "10.0.0.1", Port: 5432}, {Name: "bad name", Host: "10.0.0.2"}, {Name: "three", Host: "10.0.0.3", Leader: true},
	}}
	nodes, errs := wantedNodes(c, found, nil)
	if len(nodes) != 2 || nodes[0].Name != "three" || nodes[1].Name != "one" || len(errs) != 1 || !strings.Contains(errs[0].Error(), "bad name") {
		t.Errorf("%+v, %v", nodes, errs)
	}
	if found.Nodes[0].Name != "one" {
		t.Error("what was found has been changed")
	}
	if nodes, _ := wantedNodes(c, nil, []built{{specification: specification{Node: config.Node{Name: "before"}}}}); len(nodes) != 1 || nodes[0].Name != "before" {
		t.Errorf("before anything is found, the nodes are %+v", nodes)
	}
}

func TestSources(t *testing.T) {
	t.Parallel()
	for kind, d := range map[string]config.Discover{
		"patroni": {Patroni: []string{"http://a:8008"}}, "srv": {SRV: "_postgresql._tcp.example"}, "dns": {DNS: "a.example", Port: 5433},
	} {
		source, err := newSource(d)
		must(t, err)
		same := d
		if source.Kind() != kind || !sameSource(&d, &same) || sameSource(&d, nil) || sameSource(&d, &config.Discover{DNS: "b.example"}) {
			t.Errorf("%s: the source is of the kind %s", kind, source.Kind())
		}
	}
	if !sameSource(nil, nil) {
		t.Error("listed nodes are another source than listed nodes")
	}
}

// TestPortOfAddresses: DNS tells addresses alone.
func TestPortOfAddresses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		dsn      string
		discover config.Discover
		want     int
	}{
		{"", config.Discover{DNS: "a.example"}, 5432},
		{"user=canary port=6432", config.Discover{DNS: "a.example"}, 6432},
		{"user=canary port=6432", config.Discover{DNS: "a.example", Port: 7000}, 7000},
		{"user=canary port=6432", config.Discover{SRV: "_postgresql._tcp.example"}, 0},
	} {
		given := test.discover
		got, err := withPort(config.Cluster{Settings: config.Settings{DSN: test.dsn}, Discover: &given})
		must(t, err)
		if got.Discover.Port != test.want || given.Port != test.discover.Port {
			t.Errorf("%+v of %q: port %d, want %d", test.discover, test.dsn, got.Discover.Port, test.want)
		}
	}
	if listed, err := withPort(config.Cluster{}); err != nil || listed.Discover != nil {
		t.Errorf("listed nodes: %+v, %v", listed.Discover, err)
	}
}
