package server

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// ProbePath answers with a probe of the cluster that its parameter target names,
// and nothing else.
const ProbePath = "/probe"

// scraper serves scrapes of clusters.
type scraper struct {
	clusters      Clusters
	timeoutOffset time.Duration
	limits        Limits

	mu       sync.Mutex
	inFlight map[string]int // scrapes that are being answered, by the cluster's name
}

func newScraper(config Config) *scraper {
	return &scraper{
		clusters: config.Clusters, timeoutOffset: config.TimeoutOffset, limits: config.Limits.withDefaults(), inFlight: map[string]int{},
	}
}

// metrics answers with the exporter's own metrics and, where it probes a single cluster, with a probe of that.
func (s *scraper) metrics(single string, own prometheus.Gatherer) http.Handler {
	if single == "" {
		return promhttp.HandlerFor(own, promhttp.HandlerOpts{EnableOpenMetrics: true})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cluster, ok := s.clusters.Find(single)
		if !ok {
			http.Error(w, fmt.Sprintf("There is no cluster %q any more.", single), http.StatusNotFound)
			return
		}
		s.scrape(w, r, cluster, own)
	})
}

// probe answers with a probe of the cluster that the request names.
func (s *scraper) probe(w http.ResponseWriter, r *http.Request) {
	targets, given := r.URL.Query()["target"]
	switch {
	case !given || targets[0] == "":
		http.Error(w, "Which cluster? Ask for "+ProbePath+"?target=NAME. "+s.suggest(""), http.StatusBadRequest)
		return
	case len(targets) > 1:
		http.Error(w, "The parameter target is given several times: ask for one cluster.", http.StatusBadRequest)
		return
	}
	cluster, ok := s.clusters.Find(targets[0])
	if !ok {
		http.Error(w, fmt.Sprintf("There is no cluster %.100q. %s", targets[0], s.suggest(targets[0])), http.StatusNotFound)
		return
	}
	s.scrape(w, r, cluster, nil)
}

// scrape answers with a probe of a cluster, unless too many are being answered already.
func (s *scraper) scrape(w http.ResponseWriter, r *http.Request, cluster Cluster, own prometheus.Gatherer) {
	if !s.begin(cluster.Name) {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "Too many scrapes at the same time.", http.StatusServiceUnavailable)
		return
	}
	defer s.end(cluster.Name)
	s.allow(w, cluster)
	cluster.handler(own, s.timeoutOffset).ServeHTTP(w, r)
}

// begin takes one of the places for scrapes of a cluster.
func (s *scraper) begin(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inFlight[name] >= s.limits.InFlight {
		return false
	}
	s.inFlight[name]++
	return true
}

func (s *scraper) end(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inFlight[name]--; s.inFlight[name] == 0 {
		delete(s.inFlight, name)
	}
}
