package dashboards

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/dashboard"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/prometheus"
	"github.com/prometheus/common/model"
)

func TestExplore(t *testing.T) {
	h := History{Dir: t.TempDir(), End: time.Now().Truncate(time.Minute), Scrapes: 120, Interval: 30 * time.Second}
	clusters := Fleet(20, h.Scrapes, h.Interval)
	start := time.Now()
	if err := h.Write(t.Context(), clusters); err != nil {
		t.Fatal(err)
	}
	t.Log("written", time.Since(start))
	qs, err := dashboard.Queries("../../../dashboards")
	if err != nil {
		t.Fatal(err)
	}
	rules := ""
	if os.Getenv("RULES") != "" {
		rules = Rules()
	}
	err = h.Serve(t.Context(), rules, func(p *prometheus.Server) error {
		t.Log("served", time.Since(start))
		for _, c := range clusters {
			r := Reader{Variables: map[string]string{"job": c.Job, "instance": c.Instance, "cluster": c.Cluster, "replica": ".*"}, Range: time.Hour, End: h.End, Interval: h.Interval, Width: 1920}
			fmt.Println("=====", c.Situation)
			for _, q := range qs {
				if strings.Contains(q.File, "fleet") && c.Situation != Healthy {
					continue
				}
				if strings.Contains(q.File, "fleet") {
					r.Variables["job"], r.Variables["cluster"] = "pg_canary", ".*"
				} else {
					r.Variables["cluster"] = c.Cluster
				}
				v, err := r.Answer(t.Context(), p.API, q)
				if err != nil {
					t.Error(err)
					continue
				}
				fmt.Println(q.File, q.Where)
				switch v := v.(type) {
				case model.Vector:
					for _, s := range v {
						fmt.Println("    ", s.Metric, s.Value)
					}
				case model.Matrix:
					for _, s := range v {
						fmt.Println("    ", s.Metric, len(s.Values), "first", s.Values[0], "last", s.Values[len(s.Values)-1])
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Log("done", time.Since(start))
}
