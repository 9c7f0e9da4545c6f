//go:build unix

package storm

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/exporter-toolkit/web"

	"github.com/pg-canary/pg_canary_exporter/internal/fleet"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/simulate"
	"github.com/pg-canary/pg_canary_exporter/internal/server"
)

// exporter is a fleet and its server, as the command wires them.
type exporter struct {
	fleet   *fleet.Fleet
	dir     string
	file    string // the configuration's
	address string
	log     *logged
	end     context.CancelFunc
	served  chan error
}

// logged takes the exporter's log. It finds the address, counts what net/http says of a handler that panicked, which a client
// that is gone never learns, and keeps nothing.
type logged struct {
	once    sync.Once
	address chan string
	panics  atomic.Int64
}

var listens = regexp.MustCompile(`msg="Listening on" address=(\S+)`)

func (l *logged) Write(line []byte) (int, error) {
	if found := listens.FindSubmatch(line); found != nil {
		l.once.Do(func() { l.address <- string(found[1]) })
	}
	if bytes.Contains(line, []byte("panic serving")) {
		l.panics.Add(1)
	}
	return len(line), nil
}

// startExporter starts one with a configuration of these clusters.
func startExporter(of []*simulate.Cluster) (*exporter, error) {
	dir, err := os.MkdirTemp("", "pg_canary_lab-")
	if err != nil {
		return nil, err
	}
	e := &exporter{dir: dir, file: filepath.Join(dir, "clusters.yml"), served: make(chan error, 1)}
	if err := e.write(firstState(of).text()); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	e.log = &logged{address: make(chan string, 1)}
	logger := log.NewSyncLogger(log.NewLogfmtLogger(e.log))
	e.fleet = fleet.New(func(name string) log.Logger { return log.With(logger, "cluster", name) })
	reloader := fleet.NewReloader(e.file, e.fleet, logger)
	ctx, end := context.WithCancel(context.Background())
	e.end = end
	if err := reloader.Reload(); err != nil { //nolint:contextcheck // It runs until it is closed.
		e.served <- nil
		return nil, errors.Join(err, e.stop())
	}
	addresses, noSocket, noFile := []string{"127.0.0.1:0"}, false, ""
	go func() {
		e.served <- server.Run(ctx, server.Config{
			Clusters: server.Running(e.fleet), Own: []prometheus.Collector{e.fleet}, Reload: reloader.Reload, Stop: e.fleet.Stop,
			MetricsPath: "/metrics", TimeoutOffset: 10 * time.Millisecond, Logger: logger,
			Web: &web.FlagConfig{WebListenAddresses: &addresses, WebSystemdSocket: &noSocket, WebConfigFile: &noFile},
		})
	}()
	select {
	case e.address = <-e.log.address:
		return e, nil
	case err := <-e.served:
		e.served <- err
		return nil, errors.Join(errors.New("the exporter's server did not start"), e.stop())
	}
}

// write puts a text into the configuration file, which is there as a whole at any time.
func (e *exporter) write(text string) error {
	part := e.file + ".part"
	if err := os.WriteFile(part, []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(part, e.file)
}

// reload has the file read, and returns the status of the answer.
func (e *exporter) reload(ctx context.Context, client *http.Client) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+e.address+"/-/reload", nil)
	if err != nil {
		return 0, err
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

// stop ends it as the command does.
func (e *exporter) stop() error {
	e.end()
	err := <-e.served
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return errors.Join(err, e.fleet.Close(ctx), os.RemoveAll(e.dir))
}
