package discovery

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// How soon DNS is asked again: when what it said has run out, but neither all the time
// nor hardly ever.
const (
	minTTL = 5 * time.Second
	maxTTL = 5 * time.Minute
	// unknownTTL is for answers that have none.
	unknownTTL = 30 * time.Second
)

// system is where the operating system keeps what it knows about names.
type system struct {
	resolvConf, hosts string
	port              string        // of the name servers
	fallback          *net.Resolver // where resolvConf names no server
}

var thisSystem = system{resolvConf: "/etc/resolv.conf", hosts: "/etc/hosts", port: "53", fallback: net.DefaultResolver}

// DNS finds a node at every address that a name has.
type DNS struct {
	name   string
	port   int
	system system
	search search
}

var _ Source = (*DNS)(nil)

// NewDNS returns the source for a host name, whose nodes listen on one port; 0 is 5432.
func NewDNS(name string, port int) (*DNS, error) {
	if port == 0 {
		port = defaultPort
	}
	if !isHost(strings.TrimSuffix(name, ".")) {
		return nil, errors.New("dns: what is given is no host name such as nodes.example") // A connection string may have slipped in.
	}
	if port < 1 || port > 65535 {
		return nil, fmt.Errorf("dns: the port %d is not between 1 and 65535", port)
	}
	return &DNS{name: name, port: port, system: thisSystem}, nil
}

// Kind is dns.
func (d *DNS) Kind() string { return "dns" }

// Find looks the name up: an address is itself, then the hosts file counts, then DNS.
func (d *DNS) Find(ctx context.Context) (Found, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, dnsTimeout)
	defer cancel()
	addresses, again, err := d.addresses(ctx)
	nodes := addressNodes(addresses, d.port)
	switch {
	case err != nil:
	case len(nodes) == 0:
		err = errors.New("there is none")
	default:
		if err = checkCount(len(nodes)); err != nil {
			err = fmt.Errorf("DNS %w", err)
		}
	}
	if err != nil {
		return Found{}, 0, fmt.Errorf("the addresses of %s: %w", d.name, err)
	}
	return Found{Nodes: nodes}, again, nil
}

func (d *DNS) addresses(ctx context.Context) ([]netip.Addr, time.Duration, error) {
	if address, err := netip.ParseAddr(d.name); err == nil {
		return []netip.Addr{address}, maxTTL, nil
	}
	if addresses := lookInHosts(d.system.hosts, d.name); len(addresses) > 0 {
		return addresses, unknownTTL, nil
	}
	resolver, known := readResolver(d.system.resolvConf, d.system.port)
	if !known {
		addresses, err := d.system.fallback.LookupNetIP(ctx, "ip", d.name)
		return addresses, unknownTTL, err
	}
	got, err := d.search.find(resolver.names(d.name), func(name string, had families) (answer, error) {
		four, six := resolver.askAddresses(ctx, name)
		return join(four, six, had)
	})
	return recordAddresses(got.records), bounded(got.ttl), err
}

// bounded is when to ask again after an answer that is good for so many seconds.
func bounded(ttl uint32) time.Duration {
	return min(max(time.Duration(ttl)*time.Second, minTTL), maxTTL)
}

// recordAddresses returns the addresses in records.
func recordAddresses(records []dns.RR) []netip.Addr {
	var addresses []netip.Addr
	for _, record := range records {
		var ip net.IP
		switch record := record.(type) {
		case *dns.A:
			ip = record.A
		case *dns.AAAA:
			ip = record.AAAA
		}
		if address, ok := netip.AddrFromSlice(ip); ok {
			addresses = append(addresses, address.Unmap())
		}
	}
	return addresses
}

// addressNodes returns a node for each address, once. It is named by its address and
// port, as a node that the user gives no name is: what a reverse lookup says changes,
// and may be missing or the same for several.
func addressNodes(addresses []netip.Addr, port int) []Node {
	var nodes []Node
	seen := map[netip.Addr]bool{}
	for _, address := range addresses {
		if address = address.Unmap(); seen[address] {
			continue
		}
		seen[address] = true
		host := address.String()
		nodes = append(nodes, Node{Name: net.JoinHostPort(host, strconv.Itoa(port)), Host: host, Port: port})
	}
	sortNodes(nodes)
	return nodes
}
