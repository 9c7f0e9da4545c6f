//go:build unix

package storm

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/simulate"
)

// node is one of a cluster's: its name, and which of the cluster's servers it leads to.
type node struct {
	name   string
	server int
}

// described is a cluster in a configuration; without nodes it is not there.
type described struct {
	nodes    []node
	settings string // as YAML has them
	team     string
	option   string // of each connection string
}

// there says whether the cluster is.
func (d described) there() bool { return len(d.nodes) > 0 }

// leads returns which server a node leads to; false where there is no such node.
func (d described) leads(name string) (int, bool) {
	i := slices.IndexFunc(d.nodes, func(n node) bool { return n.name == name })
	if i < 0 {
		return 0, false
	}
	return d.nodes[i].server, true
}

// names returns the names of the nodes, sorted.
func (d described) names() (names []string) {
	for _, n := range d.nodes {
		names = append(names, n.name)
	}
	slices.Sort(names)
	return names
}

// state is a configuration: the clusters by name.
type state struct {
	of   []*simulate.Cluster
	each map[string]described
}

// layouts are the nodes that a cluster may have. The names of some lead to another server than in the others.
var layouts = [][]node{
	{{"a", 0}, {"b", 1}, {"c", 2}},
	{{"a", 0}, {"b", 1}},
	{{"c", 2}, {"a", 0}},
	{{"b", 1}, {"c", 2}, {"a", 0}},
	{{"a", 0}, {"moved", 1}, {"c", 2}},
	{{"a", 0}, {"b", 2}, {"c", 1}},
	{{"a", 0}},
	{{"b", 1}, {"c", 2}},
	{{"a", 0}, {"b", 1}, {"c", 2}, {"twice", 1}},
}

const (
	firstSettings   = "wait: 300ms, synced_within: 100ms, timeout: 1s, min_interval: 20ms"
	longestInterval = "200ms"
)

var (
	someSettings = []string{
		firstSettings,
		"wait: 200ms, synced_within: 50ms, timeout: 500ms, min_interval: 0s",
		"wait: 300ms, synced_within: 100ms, timeout: 1s, min_interval: " + longestInterval,
		"wait: 300ms, synced_within: 100ms, timeout: 1s, min_interval: 20ms, pulse: 100ms",
		"wait: 200ms, synced_within: 100ms, timeout: 700ms, min_interval: 20ms, pulse: 300ms",
	}
	someTeams   = []string{"checkout", "billing", "search"}
	someOptions = []string{"", " application_name=storm", " connect_timeout=3"}
)

// firstState is the configuration in which every cluster has all its servers.
func firstState(of []*simulate.Cluster) state {
	s := state{of, map[string]described{}}
	for _, c := range of {
		s.each[c.Name] = described{layouts[0], firstSettings, someTeams[0], someOptions[0]}
	}
	return s
}

// changed returns another configuration, in which something is different of some clusters.
func (s state) changed(random *rand.Rand) state {
	next := state{s.of, maps.Clone(s.each)}
	for range 1 + random.IntN(4) {
		name := s.of[random.IntN(len(s.of))].Name
		d := next.each[name]
		switch {
		case !d.there():
			d = described{layouts[random.IntN(len(layouts))], someSettings[random.IntN(len(someSettings))], someTeams[0], someOptions[0]}
		case random.IntN(5) == 0 && next.count() > 1:
			d = described{}
		default:
			d = d.changed(random)
		}
		next.each[name] = d
	}
	return next
}

func (d described) changed(random *rand.Rand) described {
	switch random.IntN(5) {
	case 0, 1:
		d.nodes = layouts[random.IntN(len(layouts))]
	case 2:
		d.settings = someSettings[random.IntN(len(someSettings))]
	case 3:
		d.team = someTeams[random.IntN(len(someTeams))]
	default:
		d.option = someOptions[random.IntN(len(someOptions))]
	}
	return d
}

// count returns how many clusters there are.
func (s state) count() (count int) {
	for _, d := range s.each {
		if d.there() {
			count++
		}
	}
	return count
}

// text returns the configuration file.
func (s state) text() string {
	var text strings.Builder
	text.WriteString("clusters:\n")
	for _, c := range s.of {
		d := s.each[c.Name]
		if !d.there() {
			continue
		}
		fmt.Fprintf(&text, "- {name: %s, labels: {team: %s}, %s, nodes: [", c.Name, d.team, d.settings)
		for _, n := range d.nodes {
			fmt.Fprintf(&text, "{name: %s, dsn: %q}, ", nodeName(c.Name, n.name), c.Servers()[n.server].DSN()+d.option)
		}
		text.WriteString("]}\n")
	}
	return text.String()
}

// nodeName is that of a cluster's node, which no node of another cluster has.
func nodeName(cluster, name string) string { return cluster + "-" + name }

// broken returns a file with something wrong.
func broken(text string, random *rand.Rand) string {
	switch random.IntN(4) {
	case 0:
		return text + "- {name: ["
	case 1:
		return text + "misspelt: 1\n"
	case 2:
		return strings.Replace(text, "nodes:", "node:", 1)
	default:
		return text + strings.TrimPrefix(text, "clusters:\n") // Each cluster twice.
	}
}
