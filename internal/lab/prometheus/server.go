//go:build unix

package prometheus

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/prometheus/client_golang/api"
	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/install"
)

// Server is a Prometheus in a process of its own.
type Server struct {
	*Process
	API promv1.API

	idle api.CloseIdler
}

// DataDir is where a Prometheus that was started with a directory has its data.
func DataDir(dir string) string { return filepath.Join(dir, "data") }

// Start starts one with a configuration, and its files in a directory. The caller has to Stop it.
func Start(ctx context.Context, launcher Launcher, dir, config string) (*Server, error) {
	path, err := install.Prometheus(ctx, io.Discard)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return nil, err
	}
	s := &Server{}
	s.Process, err = StartProcess(ctx, launcher, path, "--config.file="+file, "--storage.tsdb.path="+DataDir(dir))
	if err != nil {
		return nil, err
	}
	client, err := api.NewClient(api.Config{Address: "http://" + s.Address})
	if err != nil {
		return nil, errors.Join(err, s.Process.Stop())
	}
	s.API = promv1.NewAPI(client)
	s.idle, _ = client.(api.CloseIdler)
	return s, nil
}

// Stop ends it and waits until it has ended.
func (s *Server) Stop() error {
	if s.idle != nil {
		s.idle.CloseIdleConnections()
	}
	return s.Process.Stop()
}
