package pgnode

import (
	"cmp"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Address is what a node's connection string leads to, as far as a name may tell it.
type Address struct {
	// Name is the node's name as the user gives it; "" for none.
	Name string
	// Hosts is host:port, with commas between those of a list.
	Hosts string
	// Database is the name of the database.
	Database string
	// Attributes is target_session_attrs=… where that chooses among servers, else "".
	Attributes string
}

// ReadAddress returns what a connection string leads to. The error says what is wrong
// with the string and never quotes it.
func ReadAddress(dsn string) (Address, error) {
	to, err := readDSN(dsn)
	return to.address, err
}

// addressOf returns what the parsed settings lead to.
func addressOf(given settings, config *pgconn.Config) Address {
	a := Address{Hosts: nodeName(config), Database: cmp.Or(config.Database, config.User)}
	if wanted, _ := given.inForce("target_session_attrs", "PGTARGETSESSIONATTRS"); wanted != "" && wanted != "any" {
		a.Attributes = "target_session_attrs=" + wanted
	}
	return a
}

// The names that a node can have without one of its own, the shortest first.
var nameForms = []func(Address) string{
	func(a Address) string { return a.Hosts },
	Address.withDatabase,
	func(a Address) string { return a.Hosts + a.suffix() },
	func(a Address) string { return a.withDatabase() + a.suffix() },
}

func (a Address) withDatabase() string { return a.Hosts + "/" + a.Database }

func (a Address) suffix() string {
	if a.Attributes == "" {
		return ""
	}
	return "?" + a.Attributes
}

// Names names the nodes of a cluster, each differently, in their order: as the user
// does, else by host and port, where that alone is not unique with the database or the
// attributes, or both. Nodes that do not differ in these get #2, #3 and so on.
func Names(nodes []Address) []string {
	names, taken, sameHosts := make([]string, len(nodes)), map[string]bool{}, map[string][]int{}
	for i, node := range nodes {
		if node.Name == "" {
			sameHosts[node.Hosts] = append(sameHosts[node.Hosts], i)
			continue
		}
		names[i], taken[node.Name] = node.Name, true
	}
	for _, numbers := range sameHosts {
		form := shortestForm(nodes, numbers, taken)
		times := map[string]int{}
		for _, i := range numbers {
			names[i] = form(nodes[i])
			if times[names[i]]++; times[names[i]] > 1 {
				names[i] = fmt.Sprintf("%s#%d", names[i], times[names[i]])
			}
		}
	}
	return names
}

// shortestForm returns the first form that tells apart what can be told apart.
func shortestForm(nodes []Address, numbers []int, taken map[string]bool) func(Address) string {
	for _, form := range nameForms {
		names, different, free := map[string]bool{}, map[Address]bool{}, true
		for _, i := range numbers {
			name := form(nodes[i])
			names[name], different[nodes[i]] = true, true
			free = free && !taken[name]
		}
		if free && len(names) == len(different) {
			return form
		}
	}
	return nameForms[len(nameForms)-1]
}

// nodeName returns host:port of the server, or of all the servers that the
// connection string lists, separated by commas.
func nodeName(config *pgconn.Config) string {
	name := func(host string, port uint16) string {
		return net.JoinHostPort(host, strconv.Itoa(int(port)))
	}
	names := []string{name(config.Host, config.Port)}
	for _, fallback := range config.Fallbacks {
		// sslmode=prefer makes a second entry for the same server.
		if next := name(fallback.Host, fallback.Port); next != names[len(names)-1] {
			names = append(names, next)
		}
	}
	return strings.Join(names, ",")
}

// CheckName returns what is wrong with the name that a user gives to something, such as a
// node. It does not quote it: a connection string may have got into its place.
func CheckName(name, of string) error {
	if namePattern.MatchString(name) {
		return nil
	}
	return fmt.Errorf("that is not a name for a %s (%d bytes): %s", of, len(name), namesAre)
}
