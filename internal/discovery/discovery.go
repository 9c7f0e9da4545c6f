// Package discovery finds where a cluster's nodes are: it asks Patroni or DNS, again
// and again, and tells what changed. It says where to look; what a server is, and
// whether it answers, the servers are asked themselves.
package discovery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"time"
)

// Found is what a source says of a cluster.
type Found struct {
	Nodes      []Node      // at least one; by name, each name and each address once
	Paused     bool        // nobody fails over by himself: Patroni's maintenance mode
	Switchover *Switchover // the one that is scheduled; nil for none
	Skipped    []string    // what could not be used, and why, a line each, in the source's order
}

// Node is a server's place.
type Node struct {
	Name   string // in the cluster; a moved server keeps it where the source names servers
	Host   string // a host name or an IP address: of letters, digits, dots, colons, hyphens and underscores, with a zone perhaps
	Port   int    // 1 to 65535
	Leader bool   // the source takes it for the primary, which is a hint and no proof
	// Role and State are the source's words for people, such as replica and running;
	// they change while the node stays the same.
	Role, State string
	Labels      map[string]string // what else the source says of it; nil for nothing
}

// Switchover is one that is scheduled.
type Switchover struct {
	From, To string    // names of nodes; "" leaves the choice to the cluster manager
	At       time.Time // UTC
}

// Source is where nodes are found. One goroutine at a time may ask it.
type Source interface {
	// Kind is a word for the source: patroni, dns or srv.
	Kind() string
	// Find asks once, in bounded time. It returns what was found, with one node at
	// least, and after which time to ask again; an error says who did not tell.
	Find(ctx context.Context) (Found, time.Duration, error)
}

// defaultPort is PostgreSQL's.
const defaultPort = 5432

// mostNodes is how many servers a source may name. A mistake, or somebody else's answer,
// does not make the exporter connect to thousands.
const mostNodes = 100

// checkCount refuses more servers than a cluster has. The error goes on after what names them.
func checkCount(count int) error {
	if count > mostNodes {
		return fmt.Errorf("names %d servers, and a cluster has %d at the most", count, mostNodes)
	}
	return nil
}

// StateGone is the State of a node that its source names no more, and that is kept for a while.
const StateGone = "gone"

// Runs tells whether a State is that of a server that runs. Since Patroni 3.1 a replica that
// streams says so.
func Runs(state string) bool { return state == "running" || state == "streaming" }

var hostName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?$`)

// isHost tells a host name or an IP address from anything else. A path, a list or a
// quotation mark would have a meaning of its own in a connection string.
func isHost(host string) bool {
	if address, err := netip.ParseAddr(host); err == nil {
		return address.Zone() == "" || hostName.MatchString(address.Zone())
	}
	return hostName.MatchString(host)
}

// checkPlace refuses what cannot be connected to. The error goes on after the name of
// what has the host and the port.
func checkPlace(host string, port int) error {
	switch {
	case host == "":
		return errors.New("has no host")
	case !isHost(host):
		return fmt.Errorf("has the host %.100q, which is neither a host name nor an IP address", host)
	case port < 1 || port > 65535:
		return fmt.Errorf("has the port %d, which is not between 1 and 65535", port)
	}
	return nil
}

// place is what a node is connected to.
type place struct {
	host string
	port int
}

// sortNodes sorts by name.
func sortNodes(nodes []Node) {
	slices.SortFunc(nodes, func(a, b Node) int { return cmp.Compare(a.Name, b.Name) })
}
