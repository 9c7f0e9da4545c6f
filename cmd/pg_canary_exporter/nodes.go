package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

// nodeFlags are what the flags say of one node.
type nodeFlags struct {
	dsnFlag, dsn   string
	nameFlag, name string
}

// nodes returns the nodes of the connection strings, the primary first.
func (o *options) nodes() ([]probe.Node, error) {
	given, err := o.nodeFlags()
	if err != nil {
		return nil, err
	}
	addresses := make([]pgnode.Address, len(given))
	for i, g := range given {
		if addresses[i], err = pgnode.ReadAddress(g.dsn); err != nil {
			return nil, fmt.Errorf("%s: %w", g.dsnFlag, err)
		}
		addresses[i].Name = g.name
	}
	names := pgnode.Names(addresses)
	fresh, err := o.freshNodes(names)
	if err != nil {
		return nil, err
	}
	nodes := make([]probe.Node, len(given))
	o.dropped = map[string][]string{}
	for i, g := range given {
		settings := o.nodeOptions()
		settings.Name, settings.Fresh = names[i], fresh[names[i]]
		node, err := pgnode.New(g.dsn, settings)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", g.dsnFlag, err)
		}
		o.dropped[g.dsnFlag] = node.Dropped()
		nodes[i] = node
	}
	return nodes, nil
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
	given := []nodeFlags{{"--primary.dsn", o.primaryDSN, "--primary.name", strings.TrimSpace(o.primaryName)}}
	for _, dsn := range o.replicaDSNs {
		if strings.TrimSpace(dsn) == "" {
			continue // A last empty line of the variable.
		}
		number := len(given)
		given = append(given, nodeFlags{
			dsnFlag: fmt.Sprintf("--replica.dsn (number %d)", number), dsn: dsn,
			nameFlag: fmt.Sprintf("--replica.name (number %d)", number),
		})
	}
	for i, name := range o.replicaNames {
		name = strings.TrimSpace(name)
		switch number := i + 1; {
		case number < len(given):
			given[number].name = name
		case name != "":
			return nil, fmt.Errorf("--replica.name (number %d): there is no --replica.dsn with that number, only %d", number, len(given)-1)
		}
	}
	return given, checkNames(given)
}

// checkNames refuses names that are none, or that two nodes have.
func checkNames(given []nodeFlags) error {
	flagOf := map[string]string{}
	for _, g := range given {
		if g.name == "" {
			continue
		}
		if err := pgnode.CheckName(g.name); err != nil {
			return fmt.Errorf("%s: %w", g.nameFlag, err)
		}
		if other, ok := flagOf[g.name]; ok {
			return fmt.Errorf("%s: %s has the name %q already", g.nameFlag, other, g.name)
		}
		flagOf[g.name] = g.nameFlag
	}
	return nil
}
