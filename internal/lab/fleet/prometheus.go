//go:build unix

package fleet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/api"
	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/exporter"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/install"
)

// prometheus is one in a process of its own.
type prometheus struct {
	process *process
	api     promv1.API
	idle    api.CloseIdler
}

// startPrometheus starts one with a configuration, and its files in a directory.
func startPrometheus(ctx context.Context, program *exporter.Program, dir, config string) (*prometheus, error) {
	path, err := install.Prometheus(ctx, io.Discard)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return nil, err
	}
	p := &prometheus{}
	p.process, err = startProcess(ctx, program, path, "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"))
	if err != nil {
		return nil, err
	}
	client, err := api.NewClient(api.Config{Address: "http://" + p.process.address})
	if err != nil {
		return nil, errors.Join(err, p.process.stop())
	}
	p.api = promv1.NewAPI(client)
	p.idle, _ = client.(api.CloseIdler)
	return p, nil
}

// stop ends it and waits until it has ended.
func (p *prometheus) stop() error {
	if p.idle != nil {
		p.idle.CloseIdleConnections()
	}
	return p.process.stop()
}

// count returns the one number that an expression has now; 0 where it has none, and while Prometheus
// is not ready to answer.
func (p *prometheus) count(ctx context.Context, expression string) (int, error) {
	value, _, _, err := p.api.Query(ctx, expression, time.Now())
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
	value, _, _, err := p.api.Query(ctx, expression, to)
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
