package fleet

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/pg-canary/pg_canary_exporter/collector"
	"github.com/pg-canary/pg_canary_exporter/internal/config"
)

// lookInterval is how often the configuration file is looked at for a change.
const lookInterval = 2 * time.Second

// Reloader keeps a fleet as its configuration file says.
type Reloader struct {
	file   string
	fleet  *Fleet
	logger log.Logger

	reloading sync.Mutex // held while the file is read and put into force

	mu      sync.Mutex
	failed  bool      // the last attempt
	success time.Time // of the last one that succeeded
	seen    fileState // when it was last read
}

// NewReloader returns the reloader of a fleet, which has not read the file yet.
func NewReloader(file string, fleet *Fleet, logger log.Logger) *Reloader {
	return &Reloader{file: file, fleet: fleet, logger: logger}
}

// Reload reads the file and puts it into force. When there is anything wrong with it, it changes nothing, and the error
// says all that is wrong.
func (r *Reloader) Reload() error {
	r.reloading.Lock()
	defer r.reloading.Unlock()
	began := time.Now()
	seen := stateOf(r.file) // Before it is read: what changes meanwhile is a change.
	changes, err := r.apply()
	r.mu.Lock()
	r.seen, r.failed = seen, err != nil
	if err == nil {
		r.success = time.Now()
	}
	r.mu.Unlock()
	if err != nil {
		_ = level.Error(r.logger).Log("msg", "The configuration file cannot be used; what was in force stays", "file", r.file, "err", err)
		return err
	}
	_ = level.Info(r.logger).Log("msg", "The configuration is in force", "file", r.file, "clusters", len(r.fleet.Members()),
		"added", len(changes.Added), "changed", len(changes.Changed), "removed", len(changes.Removed), "took", time.Since(began).String())
	return nil
}

func (r *Reloader) apply() (config.Changes, error) {
	c, err := config.Load(r.file)
	if err != nil {
		return config.Changes{}, err
	}
	changes, err := r.fleet.Apply(c)
	if err != nil {
		return config.Changes{}, fmt.Errorf("%s: %w", r.file, err)
	}
	return changes, nil
}

// Watch reloads whenever the file has changed, or what a link of that name leads to, until ctx ends.
func (r *Reloader) Watch(ctx context.Context) {
	tick := time.NewTicker(lookInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		r.mu.Lock()
		seen := r.seen
		r.mu.Unlock()
		if now := stateOf(r.file); now != seen {
			_ = r.Reload() //nolint:contextcheck // It is logged, and what it starts runs until it is closed.
		}
	}
}

// fileState tells one content of a file apart from another one. It is empty where there is no file.
type fileState struct {
	modified time.Time
	size     int64
	identity string // of the file that the name leads to
}

func stateOf(file string) fileState {
	info, err := os.Stat(file)
	if err != nil {
		return fileState{}
	}
	return fileState{modified: info.ModTime(), size: info.Size(), identity: identityOf(file)}
}

// identityOf returns where a name leads to: a ConfigMap's files are links, of which one in the middle is exchanged.
func identityOf(file string) string {
	path, err := filepath.EvalSymlinks(file)
	if err != nil {
		return ""
	}
	return path
}

var _ prometheus.Collector = (*Reloader)(nil)

// Describe sends the descriptions of the metrics of the configuration file.
func (r *Reloader) Describe(descriptions chan<- *prometheus.Desc) {
	described(descriptions, reloadSuccessful, reloadTimestamp)
}

// Collect sends those metrics.
func (r *Reloader) Collect(metrics chan<- prometheus.Metric) {
	r.mu.Lock()
	defer r.mu.Unlock()
	metrics <- reloadSuccessful.Value(collector.ToFloat(!r.failed))
	if !r.success.IsZero() {
		metrics <- reloadTimestamp.Value(seconds(r.success))
	}
}
