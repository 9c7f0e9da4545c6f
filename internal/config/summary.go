package config

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Summary says in lines what the clusters are, without what connects to them.
func (c *Config) Summary() string {
	var b strings.Builder
	fmt.Fprintln(&b, count(len(c.Clusters), "cluster"))
	for _, cluster := range c.Clusters {
		fmt.Fprintf(&b, "  %s: %s", cluster.Name, cluster.where())
		for _, label := range slices.Sorted(maps.Keys(cluster.Labels)) {
			fmt.Fprintf(&b, " %s=%q", label, cluster.Labels[label])
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// where says where the nodes are.
func (c *Cluster) where() string {
	d := c.Discover
	switch {
	case d == nil:
		names := make([]string, len(c.Nodes))
		for i, n := range c.Nodes {
			names[i] = n.Name
		}
		return count(len(names), "node") + " " + strings.Join(names, " ")
	case len(d.Patroni) > 0:
		return "nodes of Patroni at " + strings.Join(d.Patroni, " ")
	case d.SRV != "":
		return "nodes of the SRV records of " + d.SRV
	case d.Port != 0:
		return "nodes at the addresses of " + d.DNS + ", port " + strconv.Itoa(d.Port)
	default:
		return "nodes at the addresses of " + d.DNS
	}
}

// String says in lines what is added, removed, changed and unchanged.
func (c Changes) String() string {
	var b strings.Builder
	for _, name := range c.Added {
		fmt.Fprintf(&b, "  added: %s\n", name)
	}
	for _, name := range c.Removed {
		fmt.Fprintf(&b, "  removed: %s\n", name)
	}
	for _, change := range c.Changed {
		fmt.Fprintf(&b, "  changed: %s\n", change)
	}
	fmt.Fprintf(&b, "  unchanged: %s\n", count(len(c.Unchanged), "cluster"))
	return b.String()
}

// String names the cluster and what differs.
func (c Change) String() string {
	var parts []string
	for _, part := range []struct {
		differs bool
		name    string
	}{{c.Settings, "settings"}, {c.Labels, "labels"}, {c.Discover, "discover"}, {c.Reordered, "the order of the nodes"}} {
		if part.differs {
			parts = append(parts, part.name)
		}
	}
	for _, part := range []struct {
		nodes []string
		what  string
	}{{c.Added, "added"}, {c.Removed, "removed"}, {c.Changed, "changed"}} {
		if len(part.nodes) > 0 {
			parts = append(parts, part.what+" "+strings.Join(part.nodes, " "))
		}
	}
	return c.Name + " (" + strings.Join(parts, ", ") + ")"
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return strconv.Itoa(n) + " " + what
}
