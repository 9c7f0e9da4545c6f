package discovery

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// SRV finds a node at every target of a name's SRV records.
type SRV struct {
	name   string
	system system
	search search
}

var _ Source = (*SRV)(nil)

// NewSRV returns the source for a name such as _postgresql._tcp.search.example.
func NewSRV(name string) (*SRV, error) {
	if !isHost(strings.TrimSuffix(name, ".")) {
		return nil, errors.New("srv: what is given is no name such as _postgresql._tcp.nodes.example")
	}
	return &SRV{name: name, system: thisSystem}, nil
}

// Kind is srv.
func (s *SRV) Kind() string { return "srv" }

// Find looks the name up in DNS. Priorities and weights say nothing: every server is a node.
func (s *SRV) Find(ctx context.Context) (Found, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, dnsTimeout)
	defer cancel()
	targets, again, err := s.targets(ctx)
	if err == nil {
		if err = checkCount(len(targets)); err != nil {
			err = fmt.Errorf("DNS %w", err)
		}
	}
	if err != nil {
		return Found{}, 0, fmt.Errorf("the SRV records of %s: %w", s.name, err)
	}
	found := targetNodes(targets)
	if len(found.Nodes) == 0 {
		reasons := append([]string{"none names a server"}, found.Skipped...)
		return Found{}, 0, fmt.Errorf("the SRV records of %s: %s", s.name, strings.Join(reasons, "; "))
	}
	return found, again, nil
}

// target is a server that an SRV record names.
type target struct {
	host string
	port uint16
}

func (s *SRV) targets(ctx context.Context) ([]target, time.Duration, error) {
	resolver, known := readResolver(s.system.resolvConf, s.system.port)
	if !known {
		_, records, err := s.system.fallback.LookupSRV(ctx, "", "", s.name)
		var targets []target
		for _, record := range records {
			targets = append(targets, target{record.Target, record.Port})
		}
		return targets, unknownTTL, err
	}
	got, err := s.search.find(resolver.names(s.name), func(name string, _ families) (answer, error) {
		return resolver.ask(ctx, name, dns.TypeSRV)
	})
	return recordTargets(got.records), bounded(got.ttl), err
}

// recordTargets returns the targets in records.
func recordTargets(records []dns.RR) []target {
	var targets []target
	for _, record := range records {
		if srv, is := record.(*dns.SRV); is {
			targets = append(targets, target{srv.Target, srv.Port})
		}
	}
	return targets
}

// targetNodes returns a node for each target, once, named by host and port.
func targetNodes(targets []target) Found {
	var found Found
	seen := map[string]bool{}
	for _, each := range targets {
		host := strings.ToLower(strings.TrimSuffix(each.host, "."))
		name := net.JoinHostPort(host, strconv.Itoa(int(each.port)))
		err := checkPlace(host, int(each.port))
		switch {
		case each.host == ".":
			found.Skipped = append(found.Skipped, `a target is ".", which means that there is none`)
		case err != nil:
			found.Skipped = append(found.Skipped, "a target "+err.Error())
		case !seen[name]:
			seen[name] = true
			found.Nodes = append(found.Nodes, Node{Name: name, Host: host, Port: int(each.port)})
		}
	}
	sortNodes(found.Nodes)
	return found
}
