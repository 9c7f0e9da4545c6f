package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/internal/config"
	"github.com/pg-canary/pg_canary_exporter/internal/fleet"
)

// nodeFlags are what the flags say of one node.
type nodeFlags struct{ dsn, name string }

// dsnFlag is the flag of a node's connection string, by the number of the node.
func dsnFlag(node int) string { return flagOfNode("dsn", node) }

func flagOfNode(flag string, node int) string {
	if node == 0 {
		return "--primary." + flag
	}
	return fmt.Sprintf("--replica.%s (number %d)", flag, node)
}

// nodes returns the nodes of the connection strings, the primary first.
func (o *options) nodes() ([]probe.Node, error) {
	described, err := o.configuration()
	if err != nil {
		return nil, err
	}
	cluster := described.Clusters[0]
	nodes := make([]probe.Node, len(cluster.Nodes))
	for i, n := range cluster.Nodes {
		node, err := fleet.NewNode(cluster, n)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", dsnFlag(i), err)
		}
		nodes[i] = node
	}
	return nodes, nil
}

// configuration returns what the flags describe: one cluster.
func (o *options) configuration() (*config.Config, error) {
	if err := o.checkCluster(); err != nil {
		return nil, err
	}
	given, err := o.nodeFlags()
	if err != nil {
		return nil, err
	}
	addresses := make([]pgnode.Address, len(given))
	for i, g := range given {
		if addresses[i], err = pgnode.ReadAddress(g.dsn); err != nil {
			return nil, fmt.Errorf("%s: %w", dsnFlag(i), err)
		}
		addresses[i].Name = g.name
	}
	names := pgnode.Names(addresses)
	fresh, err := o.freshNodes(names)
	if err != nil {
		return nil, err
	}
	cluster := config.Cluster{Name: o.ownCluster(), Settings: o.settings}
	for i, g := range given {
		cluster.Nodes = append(cluster.Nodes, config.Node{Name: names[i], DSN: g.dsn, FreshConnection: fresh[names[i]], PasswordFile: o.settings.PasswordFile})
	}
	return &config.Config{Clusters: []config.Cluster{cluster}}, nil
}

// freshNodes returns the names of the nodes that are connected anew for each probe.
func (o *options) freshNodes(names []string) (map[string]bool, error) {
	fresh := map[string]bool{}
	for i, name := range o.freshConnections {
		name = strings.TrimSpace(name)
		switch {
		case name == "": // A last empty line of the variable.
		case slices.Contains(names, name):
			fresh[name] = true
		default: // It is not quoted: a connection string could have slipped in there.
			return nil, fmt.Errorf("--probe.fresh-connection (number %d): no node has this name; the nodes are %s", i+1, strings.Join(names, " "))
		}
	}
	return fresh, nil
}

// nodeFlags puts each connection string together with its name, and checks the names.
func (o *options) nodeFlags() ([]nodeFlags, error) {
	given := []nodeFlags{{o.primaryDSN, strings.TrimSpace(o.primaryName)}}
	for _, dsn := range o.replicaDSNs {
		if strings.TrimSpace(dsn) != "" { // A last line of the variable may be empty.
			given = append(given, nodeFlags{dsn: dsn})
		}
	}
	for i, name := range o.replicaNames {
		name = strings.TrimSpace(name)
		switch number := i + 1; {
		case number < len(given):
			given[number].name = name
		case name != "":
			return nil, fmt.Errorf("%s: there is no --replica.dsn with that number, only %d", flagOfNode("name", number), len(given)-1)
		}
	}
	return given, checkNames(given)
}

// checkNames refuses names that are none, or that two nodes have.
func checkNames(given []nodeFlags) error {
	flagOf := map[string]string{}
	for i, g := range given {
		if g.name == "" {
			continue
		}
		flag := flagOfNode("name", i)
		if err := pgnode.CheckName(g.name, "node"); err != nil {
			return fmt.Errorf("%s: %w", flag, err)
		}
		if other, ok := flagOf[g.name]; ok {
			return fmt.Errorf("%s: %s has the name %q already", flag, other, g.name)
		}
		flagOf[g.name] = flag
	}
	return nil
}
