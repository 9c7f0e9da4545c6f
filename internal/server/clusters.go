package server

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pg-canary/pg_canary_exporter/collector"
)

// Clusters are those that the exporter probes. They may change at any time.
type Clusters interface {
	// Find returns the one of a name; false where there is none.
	Find(name string) (Cluster, bool)
	// All returns all of them, in the order of their names.
	All() []Cluster
}

// Cluster is one that can be probed.
type Cluster struct {
	// Name is what clients ask for, and Labels what its series are to have besides.
	Name   string
	Labels map[string]string
	// Collector is probed on every scrape.
	Collector *collector.Collector
	// Gate answers whether its nodes may be used.
	Gate Gate
	// Beside is what is published of the cluster beside its probe; nil for nothing.
	Beside prometheus.Gatherer
	// Timeout is how long a probe may take.
	Timeout time.Duration
}

// handler returns the handler of its scrapes, which publish other metrics too, unless those are nil.
func (c Cluster) handler(own prometheus.Gatherer, timeoutOffset time.Duration) *collector.Handler {
	also := own
	switch {
	case own == nil:
		also = c.Beside
	case c.Beside != nil:
		also = prometheus.Gatherers{c.Beside, own}
	}
	return &collector.Handler{Collector: c.Collector, Own: also, Timeout: c.Timeout, TimeoutOffset: timeoutOffset}
}

// longestAnswer is how long a scrape of any of the clusters may take.
func longestAnswer(clusters Clusters, timeoutOffset time.Duration) time.Duration {
	longest := time.Duration(0)
	for _, c := range clusters.All() {
		longest = max(longest, c.handler(nil, timeoutOffset).LongestAnswer())
	}
	return longest
}
