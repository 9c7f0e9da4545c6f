//go:build unix

package fleet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/exporter"
	running "github.com/pg-canary/pg_canary_exporter/internal/lab/prometheus"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/simulate"
)

// stage is an exporter with a configuration file, and a Prometheus that scrapes it.
type stage struct {
	*bench
	servers  *simulate.Fleet // nil where they are real
	config   *configuration
	file     string // of the configuration
	replicas int    // of each cluster
	own      time.Duration

	began      time.Time
	exporter   *exporter.Exporter
	log        reloadLog
	prometheus *prometheus
	recorder   *recorder
}

// onClusters does something on a stage of so many simulated clusters.
func (b *bench) onClusters(ctx context.Context, clusters, replicas int, do func(*stage) error) (err error) {
	servers, err := simulate.Start(simulate.Options{Clusters: clusters, Replicas: replicas})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, servers.Close()) }()
	for _, cluster := range servers.Clusters {
		for _, replica := range cluster.Replicas() {
			replica.SetReplay(ownDelay)
		}
	}
	s := &stage{bench: b, servers: servers, config: configure(servers.Clusters), replicas: replicas, own: ownDelay}
	return s.run(ctx, do)
}

// run starts the exporter and Prometheus, does something, and ends them.
func (s *stage) run(ctx context.Context, do func(*stage) error) (err error) {
	dir, err := os.MkdirTemp("", "pg_canary_fleet-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s.file = filepath.Join(dir, "fleet.yml")
	if err := s.config.write(s.file); err != nil {
		return err
	}
	s.began = time.Now()
	s.exporter, err = s.program.Start(ctx, exporter.Config{
		Args: []string{"--config.file=" + s.file, "--web.enable-lifecycle"}, Shared: true, Log: &s.log,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.exporter.Stop()) }()
	s.recorder = record(ctx, s.exporter.Usage, dialsOf(s.exporter))
	defer s.recorder.stop()
	return s.scraped(ctx, dir, discovery(s.exporter.Address), func(p *prometheus) error {
		s.prometheus = p
		return do(s)
	})
}

// scraped does something while a Prometheus scrapes targets and the control.
func (b *bench) scraped(ctx context.Context, dir, targets string, do func(*prometheus) error) (err error) {
	c, err := startControl(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.stop()) }()
	p, err := running.Start(ctx, b.program, dir, scrapeConfig(b.Interval)+targets+c.scrapeConfig())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Stop()) }()
	return do(&prometheus{p})
}

// rightness is how clusters came to be right.
type rightness struct {
	// first is how many clusters' first scrape was right, and all when every one had had a right one.
	first int
	all   time.Time
}

// waitRight waits until every cluster has had a scrape since a moment that says that all its replicas
// are synced. On a busy machine they need not all be at the same time.
func (s *stage) waitRight(ctx context.Context, since time.Time) (rightness, error) {
	const longest = 10 * time.Minute
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	want := len(s.config.Clusters) * s.replicas
	for {
		if err := lab.Sleep(ctx, 200*time.Millisecond); err != nil {
			return rightness{}, fmt.Errorf("not every cluster becomes right: %w", err)
		}
		select {
		case <-s.exporter.Ended():
			return rightness{}, errors.New("the exporter has ended")
		default:
		}
		were, err := s.prometheus.count(ctx, fmt.Sprintf("count(max_over_time(%s{job=%q}[%dms]) == 1)", syncedMetric, job, time.Since(since).Milliseconds()))
		if err != nil {
			return rightness{}, err
		}
		if were < want {
			continue
		}
		scrapes, err := s.scrapes(ctx, since, time.Now())
		if err != nil {
			return rightness{}, err
		}
		if first, all := firsts(scrapes, len(s.config.Clusters), s.replicas); !all.IsZero() {
			return rightness{first, all}, nil
		}
	}
}

// settled waits until every cluster was right, and everything has come to rest.
func (s *stage) settled(ctx context.Context) error {
	if _, err := s.waitRight(ctx, s.began); err != nil {
		return err
	}
	return s.settle(ctx)
}

// figures are what was measured over a time.
type figures struct {
	clusters int
	times
	used
	simulate.Counts
	control time.Duration // of the control's scrapes, the 99th percentile
}

// measure measures for a while.
func (s *stage) measure(ctx context.Context, length time.Duration) (figures, error) {
	if s.servers != nil {
		s.servers.Take()
	}
	from := time.Now()
	if err := lab.Sleep(ctx, length); err != nil {
		return figures{}, err
	}
	to := time.Now()
	f := figures{clusters: len(s.config.Clusters)}
	if s.servers != nil {
		f.Counts = s.servers.Take()
		if f.Unknown > 0 {
			return f, fmt.Errorf("the simulated servers did not know %d statements", f.Unknown)
		}
	}
	scrapes, err := s.scrapes(ctx, from, to)
	if err != nil {
		return f, err
	}
	f.times = summarize(scrapes, s.replicas, s.own)
	if f.control, err = s.prometheus.controlled(ctx, from, to); err != nil {
		return f, err
	}
	f.used, err = s.recorder.between(from, to)
	return f, err
}

// scrapes returns those between two moments, once Prometheus has stored the last.
func (s *stage) scrapes(ctx context.Context, from, to time.Time) ([]*scrape, error) {
	if err := lab.Sleep(ctx, time.Second); err != nil {
		return nil, err
	}
	return s.prometheus.scrapes(ctx, syncedMetric, from, to)
}
