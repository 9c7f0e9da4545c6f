package fleet

import (
	"reflect"

	"github.com/pg-canary/pg_canary_exporter/internal/config"
	"github.com/pg-canary/pg_canary_exporter/internal/discovery"
)

// newSource returns where the nodes of a cluster are looked up.
func newSource(d config.Discover) (discovery.Source, error) {
	switch {
	case len(d.Patroni) > 0:
		return discovery.NewPatroni(discovery.PatroniOptions{URLs: d.Patroni})
	case d.SRV != "":
		return discovery.NewSRV(d.SRV)
	default:
		return discovery.NewDNS(d.DNS, d.Port)
	}
}

// sameSource says whether the nodes are looked up at the same place.
func sameSource(a, b *config.Discover) bool { return reflect.DeepEqual(a, b) }
