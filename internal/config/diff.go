package config

import "slices"

// Changes are what differs between two configurations. The names are in the order of the new one,
// those that went in the order of the old one.
type Changes struct {
	Added, Removed, Unchanged []string
	Changed                   []Change
}

// Any says whether anything differs.
func (c Changes) Any() bool { return len(c.Added)+len(c.Removed)+len(c.Changed) > 0 }

// Change is what differs in a cluster.
type Change struct {
	Name string
	// Settings, Labels and Discover are true where those differ.
	Settings, Labels, Discover bool
	// Added, Removed and Changed are the names of nodes.
	Added, Removed, Changed []string
	// Reordered is true where the nodes that stay have another order.
	Reordered bool
}

func (c Change) any() bool {
	return c.Settings || c.Labels || c.Discover || c.Reordered || len(c.Added)+len(c.Removed)+len(c.Changed) > 0
}

// Diff returns what an exporter that runs with the old configuration has to change for the new one.
func Diff(was, is Digest) Changes {
	var changes Changes
	before := map[string]ClusterDigest{}
	for _, cluster := range was.Clusters {
		before[cluster.Name] = cluster
	}
	stays := map[string]bool{}
	for _, cluster := range is.Clusters {
		old, ok := before[cluster.Name]
		stays[cluster.Name] = true
		if !ok {
			changes.Added = append(changes.Added, cluster.Name)
		} else if change := diffCluster(old, cluster); change.any() {
			changes.Changed = append(changes.Changed, change)
		} else {
			changes.Unchanged = append(changes.Unchanged, cluster.Name)
		}
	}
	for _, cluster := range was.Clusters {
		if !stays[cluster.Name] {
			changes.Removed = append(changes.Removed, cluster.Name)
		}
	}
	return changes
}

func diffCluster(was, is ClusterDigest) Change {
	change := Change{
		Name: is.Name, Settings: was.Settings != is.Settings, Labels: was.Labels != is.Labels, Discover: was.Discover != is.Discover,
	}
	before, after := byName(was.Nodes), byName(is.Nodes)
	var stayed, stay []string
	for _, node := range is.Nodes {
		old, ok := before[node.Name]
		switch {
		case !ok:
			change.Added = append(change.Added, node.Name)
			continue
		case old != node.Digest:
			change.Changed = append(change.Changed, node.Name)
		}
		stay = append(stay, node.Name)
	}
	for _, node := range was.Nodes {
		if _, ok := after[node.Name]; ok {
			stayed = append(stayed, node.Name)
		} else {
			change.Removed = append(change.Removed, node.Name)
		}
	}
	change.Reordered = !slices.Equal(stayed, stay)
	return change
}

func byName(nodes []NodeDigest) map[string]string {
	digests := map[string]string{}
	for _, node := range nodes {
		digests[node.Name] = node.Digest
	}
	return digests
}
