package server

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// serveProbeNow probes the cluster that the path names for somebody who looks at its page, and leads back there. Other sites
// cannot ask for that in a browser's name.
func (p *pages) serveProbeNow(scrapes *scraper) http.Handler {
	probe := func(w http.ResponseWriter, r *http.Request) {
		name := r.PathValue("name")
		cluster, ok := p.clusters.Find(name)
		switch {
		case p.readOnly:
			http.Error(w, "Probing from a page is off: the exporter runs with --web.read-only.", http.StatusForbidden)
			return
		case !ok:
			http.Error(w, noCluster(p.clusters, name), http.StatusNotFound)
			return
		case !scrapes.begin(name):
			w.Header().Set("Retry-After", "1")
			http.Error(w, "Too many scrapes at the same time.", http.StatusServiceUnavailable)
			return
		}
		defer scrapes.end(name)
		scrapes.allow(w, cluster)
		ctx, cancel := context.WithTimeout(r.Context(), cluster.handler(nil, scrapes.timeoutOffset).LongestAnswer())
		defer cancel()
		cluster.Collector.ProbeNow(ctx)
		// http.Redirect would lose the prefix of a proxy.
		w.Header().Set("Location", "../"+url.PathEscape(name))
		w.WriteHeader(http.StatusSeeOther)
	}
	return http.NewCrossOriginProtection().Handler(http.HandlerFunc(probe))
}

// allow gives an answer the time that a probe of the cluster takes. The server's own limits are those of what takes no time. Where
// a connection has none, as in a test, there is nothing to extend.
func (s *scraper) allow(w http.ResponseWriter, cluster Cluster) {
	connection := http.NewResponseController(w)
	until := time.Now().Add(cluster.handler(nil, s.timeoutOffset).LongestAnswer() + s.limits.Transfer)
	_, _ = connection.SetReadDeadline(until), connection.SetWriteDeadline(until)
}
