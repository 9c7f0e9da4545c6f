package server

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/pg-canary/pg_canary_exporter/collector"
)

// eventsPath answers with the last things that happened.
const eventsPath = "/api/v1/events"

// eventsDocument is the answer.
type eventsDocument struct {
	Events []clusterEvent `json:"events"`
}

// clusterEvent is an event with the name of its cluster.
type clusterEvent struct {
	Cluster string `json:"cluster"`
	collector.Event
}

// mostEvents is how many are answered with.
const mostEvents = 1000

// serveEvents answers with the events of all clusters, or those that the parameter cluster names, the newest first.
func serveEvents(clusters Clusters) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		wanted, all := r.URL.Query()["cluster"], []clusterEvent{}
		for _, c := range clusters.All() {
			if len(wanted) > 0 && !slices.Contains(wanted, c.Name) {
				continue
			}
			for _, e := range c.Collector.Events() {
				all = append(all, clusterEvent{c.Name, e})
			}
		}
		writeJSON(w, newestFirst(all))
	}
}

// newestFirst returns the answer of events, of which those of one cluster are the newest first.
func newestFirst(all []clusterEvent) eventsDocument {
	slices.SortStableFunc(all, func(a, b clusterEvent) int { return b.At.Compare(a.At) })
	return eventsDocument{Events: all[:min(len(all), mostEvents)]}
}

// serveJSON answers with what a function returns; with 404 where that is nil.
func serveJSON(document func() any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if document == nil {
			http.NotFound(w, r)
			return
		}
		writeJSON(w, document())
	}
}

// writeJSON answers; the server ignores that a client is gone.
func writeJSON(w http.ResponseWriter, document any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(document)
}
