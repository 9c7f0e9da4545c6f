package fleet

import (
	"testing"

	"github.com/pg-canary/pg_canary_exporter/internal/config"
	"github.com/pg-canary/pg_canary_exporter/internal/discovery"
)

// TestOnlyOtherPlacesExchangeNodes: what Patroni says of a node besides may change as it likes; its connection stays.
func TestOnlyOtherPlacesExchangeNodes(t *testing.T) {
	t.Parallel()
	c := config.Cluster{Name: "orders", Settings: config.Settings{DSN: "user='canary'", Section: "orders"}, Discover: &config.Discover{Patroni: []string{"http://a:8008"}}}
	nodes := func(change func(a, b *discovery.Node)) []discovery.Node {
		a := discovery.Node{Name: "a", Host: "10.0.0.1", Port: 5432, Leader: true, Role: "leader", State: "running"}
		b := discovery.Node{Name: "b", Host: "10.0.0.2", Port: 5432, Role: "replica", State: "running"}
		change(&a, &b)
		return []discovery.Node{a, b}
	}
	built := func(found []discovery.Node, before []built) []built {
		t.Helper()
		wanted, unusable := wantedNodes(c, &discovery.Found{Nodes: found}, before)
		after, errs := build(c, wanted, before, nil)
		if len(unusable)+len(errs) > 0 {
			t.Fatal(unusable, errs)
		}
		return after
	}
	before := built(nodes(func(*discovery.Node, *discovery.Node) {}), nil)
	for name, test := range map[string]struct {
		change func(a, b *discovery.Node)
		kept   int
	}{
		"nothing":               {func(*discovery.Node, *discovery.Node) {}, 2},
		"no leader":             {func(a, _ *discovery.Node) { a.Leader, a.Role, a.State = false, "replica", "stopping" }, 2},
		"another leader":        {func(a, b *discovery.Node) { a.Leader, b.Leader, a.Role, b.Role = false, true, "replica", "leader" }, 2},
		"a clone is being made": {func(_, b *discovery.Node) { b.State = "creating replica" }, 2},
		"known no more":         {func(_, b *discovery.Node) { b.Role, b.State = "", discovery.StateGone }, 2},
		"a tag":                 {func(_, b *discovery.Node) { b.Labels = map[string]string{"nofailover": "true"} }, 2},
		"another port":          {func(_, b *discovery.Node) { b.Port = 5433 }, 1},
		"another host":          {func(a, _ *discovery.Node) { a.Host = "10.0.0.3" }, 1},
		"another name":          {func(_, b *discovery.Node) { b.Name = "c" }, 1},
		"each at the other's":   {func(a, b *discovery.Node) { a.Host, b.Host = b.Host, a.Host }, 0},
	} {
		after := built(nodes(test.change), before)
		kept := 0
		for _, each := range after {
			for _, was := range before {
				if was.node == each.node {
					kept++
				}
			}
		}
		if same := sameNodes(before, after); kept != test.kept || same != (test.kept == 2) || len(after) != 2 {
			t.Errorf("%s: %d of %d nodes are kept, and they are the same: %v", name, kept, len(after), same)
		}
	}
}
