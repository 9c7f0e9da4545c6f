//go:build unix

package dashboards

import (
	"context"
	"fmt"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/prometheus"
)

// ready waits until a Prometheus answers queries, which it does when it has read its blocks.
func ready(ctx context.Context, p *prometheus.Server) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		_, _, _, err := p.API.Query(ctx, "vector(1)", time.Now())
		if err == nil {
			return nil
		}
		if lab.Sleep(ctx, 100*time.Millisecond) != nil {
			return fmt.Errorf("waiting until Prometheus is ready: %w", err)
		}
	}
}
