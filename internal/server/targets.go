package server

import (
	"maps"
	"net/http"
)

// TargetsPath is Prometheus's HTTP service discovery.
const TargetsPath = "/targets"

// target is a cluster for Prometheus's HTTP service discovery.
type target struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

// targets returns the clusters for the service discovery: what is to be scraped is a probe of each of them, at the exporter's
// address. The label instance is the cluster's name, so that rules and dashboards tell them apart.
func targets(clusters []Cluster, address string) []target {
	all := make([]target, 0, len(clusters)) // An empty list, and not null, says that there are none.
	for _, c := range clusters {
		labels := map[string]string{}
		maps.Copy(labels, c.Labels)
		labels["cluster"], labels["instance"] = c.Name, c.Name
		labels["__metrics_path__"], labels["__param_target"] = ProbePath, c.Name
		all = append(all, target{Targets: []string{address}, Labels: labels})
	}
	return all
}

// serveTargets answers with the clusters, at the address that the client came to.
func serveTargets(clusters Clusters) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, targets(clusters.All(), r.Host))
	}
}
