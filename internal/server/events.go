package server

import (
	"encoding/json"
	"net/http"

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

// writeEvents writes the events of a cluster as JSON.
func writeEvents(w http.ResponseWriter, cluster string, events []collector.Event) {
	document := eventsDocument{Events: make([]clusterEvent, 0, len(events))}
	for _, e := range events {
		document.Events = append(document.Events, clusterEvent{cluster, e})
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(document) // The server ignores that a client is gone.
}
