package server

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

// BenchmarkPages is what looking costs: the list of a thousand clusters of three nodes, and the page of one.
func BenchmarkPages(b *testing.B) {
	var clusters fakeClusters
	s, now := situations()["healthy"], time.Now()
	for i := range 1000 {
		c, _ := in(fmt.Sprintf("shop-%04d", i), s, now)
		clusters = append(clusters, c)
	}
	handler, err := newPages(Config{Clusters: clusters, MetricsPath: "/metrics"})
	must(b, err)
	for name, page := range map[string]http.HandlerFunc{"list": handler.serveRoot, "cluster": func(w http.ResponseWriter, r *http.Request) {
		r.SetPathValue("name", "shop-0001")
		handler.serveCluster(w, r)
	}} {
		b.Run(name, func(b *testing.B) {
			bytes := 0
			for b.Loop() {
				bytes = len(plainAnswer(page, "/"))
			}
			b.ReportMetric(float64(bytes), "bytes/page")
		})
	}
}
