package fleet

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/internal/config"
	"github.com/pg-canary/pg_canary_exporter/internal/discovery"
)

// specification is all that a node is made of: two of one specification are the same node.
type specification struct {
	config.Node
	options pgnode.Options
}

func specify(c config.Cluster, n config.Node, dials *pgnode.Dials) specification {
	options := NodeOptions(c, n)
	options.Dials, options.Rest = dials, restAfter
	return specification{n, options}
}

// restAfter is how long after the last scrape of a cluster its connections are closed.
const restAfter = 5 * time.Minute

// built is a node and what it was made of.
type built struct {
	specification
	node *pgnode.Node
}

func nodesOf(all []built) []probe.Node {
	nodes := make([]probe.Node, len(all))
	for i, b := range all {
		nodes[i] = b.node
	}
	return nodes
}

func namesOf(all []built) []string {
	names := make([]string, len(all))
	for i, b := range all {
		names[i] = b.node.Name()
	}
	return names
}

// wantedNodes returns the nodes that a cluster is to have: the listed ones, or those that were found last. As long as
// nothing was found, they are the ones that there are. An error says which one cannot be used, and why.
func wantedNodes(c config.Cluster, found *discovery.Found, before []built) (nodes []config.Node, errs []error) {
	if c.Discover == nil {
		return c.Nodes, nil
	}
	if found == nil {
		for _, b := range before {
			nodes = append(nodes, b.Node)
		}
		return nodes, nil
	}
	ordered := slices.Clone(found.Nodes)
	slices.SortStableFunc(ordered, func(a, b discovery.Node) int { // Where the search for the primary starts.
		return cmp.Compare(rank(a), rank(b))
	})
	for _, n := range ordered {
		node, err := FoundNode(c, n.Name, n.Host, n.Port)
		if err != nil {
			errs = append(errs, fmt.Errorf("node %s: %w", n.Name, err))
			continue
		}
		nodes = append(nodes, node)
	}
	return nodes, errs
}

func rank(n discovery.Node) int {
	if n.Leader {
		return 0
	}
	return 1
}

// sameNodes says whether two lists are of the same nodes, in whatever order.
func sameNodes(before, after []built) bool {
	return len(before) == len(after) && !slices.ContainsFunc(after, func(a built) bool {
		return !slices.ContainsFunc(before, func(b built) bool { return b.node == a.node })
	})
}

// logDropped logs which parameters of the connection strings of new nodes are not used.
func logDropped(logger log.Logger, before, after []built) {
	for _, a := range after {
		names := a.node.Dropped()
		if len(names) == 0 || slices.ContainsFunc(before, func(b built) bool { return b.node == a.node }) {
			continue
		}
		_ = level.Info(logger).Log("msg", "Ignoring parameters of the connection string that have no effect here",
			"node", a.node.Name(), "parameters", strings.Join(names, " "))
	}
}

// build makes nodes, but for those that there are already. It returns an error for each that cannot be made.
func build(c config.Cluster, wanted []config.Node, before []built, dials *pgnode.Dials) (after []built, errs []error) {
	for _, n := range wanted {
		s := specify(c, n, dials)
		if i := slices.IndexFunc(before, func(b built) bool { return b.specification == s }); i >= 0 {
			after = append(after, before[i])
			continue
		}
		node, err := pgnode.New(n.DSN, s.options)
		if err != nil {
			errs = append(errs, fmt.Errorf("node %s: %w", n.Name, err))
			continue
		}
		after = append(after, built{s, node})
	}
	return after, errs
}
