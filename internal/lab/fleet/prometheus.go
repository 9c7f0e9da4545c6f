//go:build unix

package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	running "github.com/pg-canary/pg_canary_exporter/internal/lab/prometheus"
)

// prometheus is one in a process of its own.
type prometheus struct{ *running.Server }

// count returns the one number that an expression has now; 0 where it has none, and while Prometheus
// is not ready to answer.
func (p *prometheus) count(ctx context.Context, expression string) (int, error) {
	value, _, _, err := p.API.Query(ctx, expression, time.Now())
	var refused *promv1.Error
	if errors.As(err, &refused) && refused.Type == promv1.ErrServer {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("asking Prometheus: %w", err)
	}
	vector, ok := value.(model.Vector)
	if !ok || len(vector) == 0 {
		return 0, nil
	}
	return int(vector[0].Value), nil
}

// points are the samples of a series.
type points struct {
	target string
	values []model.SamplePair
}

// raw returns all samples of a job's metric between two moments.
func (p *prometheus) raw(ctx context.Context, job, metric string, from, to time.Time) ([]points, error) {
	length := max(to.Sub(from).Round(time.Millisecond), time.Millisecond)
	expression := fmt.Sprintf("%s{job=%q}[%s]", metric, job, model.Duration(length))
	value, _, _, err := p.API.Query(ctx, expression, to)
	if err != nil {
		return nil, fmt.Errorf("asking Prometheus for %s: %w", metric, err)
	}
	matrix, ok := value.(model.Matrix)
	if !ok {
		return nil, fmt.Errorf("asking Prometheus for %s: it answers with %T", metric, value)
	}
	var list []points
	for _, series := range matrix {
		list = append(list, points{string(series.Metric[targetLabel]), series.Values})
	}
	return list, nil
}
