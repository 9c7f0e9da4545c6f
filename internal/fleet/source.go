package fleet

import (
	"net"
	"reflect"
	"strconv"

	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
	"github.com/pg-canary/pg_canary_exporter/internal/config"
	"github.com/pg-canary/pg_canary_exporter/internal/discovery"
)

// newSource returns where the nodes of a cluster are looked up.
func newSource(d config.Discover) (discovery.Source, error) {
	switch {
	case len(d.Patroni) > 0:
		return discovery.NewPatroni(discovery.PatroniOptions{URLs: d.Patroni, CAFile: d.CAFile, CertFile: d.CertFile, KeyFile: d.KeyFile})
	case d.SRV != "":
		return discovery.NewSRV(d.SRV)
	default:
		return discovery.NewDNS(d.DNS, d.Port)
	}
}

// sameSource says whether the nodes are looked up at the same place.
func sameSource(a, b *config.Discover) bool { return reflect.DeepEqual(a, b) }

// withPort returns a cluster that says at which port its nodes are, where only addresses of them are found: without one of
// its own it is that of the connection string.
func withPort(c config.Cluster) (config.Cluster, error) {
	if c.Discover == nil || c.Discover.DNS == "" || c.Discover.Port != 0 {
		return c, nil
	}
	dsn, err := pgnode.AtHost(c.DSN, "localhost", 0)
	if err != nil {
		return c, err
	}
	address, err := pgnode.ReadAddress(dsn)
	if err != nil {
		return c, err
	}
	_, port, err := net.SplitHostPort(address.Hosts)
	if err != nil {
		return c, err
	}
	discover := *c.Discover
	discover.Port, err = strconv.Atoi(port)
	c.Discover = &discover
	return c, err
}
