package server

import "github.com/pg-canary/pg_canary_exporter/internal/fleet"

// fleetClusters are the clusters of a fleet.
type fleetClusters struct{ *fleet.Fleet }

// Running returns the clusters of a fleet, as they are at any time.
func Running(f *fleet.Fleet) Clusters { return fleetClusters{f} }

// Find returns the one of a name.
func (f fleetClusters) Find(name string) (Cluster, bool) {
	member := f.Member(name)
	if member == nil {
		return Cluster{}, false
	}
	return clusterOf(member), true
}

// All returns all of them.
func (f fleetClusters) All() []Cluster {
	members := f.Members()
	all := make([]Cluster, len(members))
	for i, member := range members {
		all[i] = clusterOf(member)
	}
	return all
}

func clusterOf(m *fleet.Member) Cluster {
	return Cluster{Name: m.Name(), Labels: m.Labels(), Collector: m.Collector(), Gate: m.Gate(), Beside: m.Beside(), Timeout: m.Timeout()}
}
