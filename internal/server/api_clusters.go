package server

import (
	"net/http"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/report"
)

// clustersPath answers with what is known of the clusters.
const clustersPath = "/api/v1/clusters"

// clustersDocument is the answer.
type clustersDocument struct {
	Clusters []*report.Document `json:"clusters"`
}

// serveClusters answers with what is known of all clusters, in the order of their names.
func serveClusters(clusters Clusters) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		now, all := time.Now(), clustersDocument{Clusters: []*report.Document{}}
		for _, c := range clusters.All() {
			known := c.known(now)
			all.Clusters = append(all.Clusters, report.NewDocument(&known, false))
		}
		writeReport(w, all)
	}
}

// serveClusterJSON answers with what is known of the cluster that the path names, and with its last beats.
func serveClusterJSON(clusters Clusters) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name := r.PathValue("name")
		c, ok := clusters.Find(name)
		if !ok {
			http.Error(w, noCluster(clusters, name), http.StatusNotFound)
			return
		}
		known := c.known(time.Now())
		document := report.NewDocument(&known, false)
		document.AddBeats(c.Collector.Marks())
		writeReport(w, document)
	}
}

func writeReport(w http.ResponseWriter, document any) {
	w.Header().Set("Content-Type", "application/json")
	_ = report.JSON(w, document) // The server ignores that a client is gone.
}
