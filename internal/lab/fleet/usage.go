//go:build unix

package fleet

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/exporter"
)

// sample is what the exporter's process has used at a moment.
type sample struct {
	at time.Time
	exporter.Usage
	// dials are the attempts to connect that it has begun.
	dials int
}

// recorder takes a sample a second.
type recorder struct {
	usage  func() (exporter.Usage, error)
	dials  func(context.Context) (int, error)
	ending context.CancelFunc
	ended  chan struct{}

	mu      sync.Mutex
	samples []sample
	err     error
}

// record begins to take samples.
func record(ctx context.Context, usage func() (exporter.Usage, error), dials func(context.Context) (int, error)) *recorder {
	ctx, end := context.WithCancel(ctx)
	r := &recorder{usage: usage, dials: dials, ending: end, ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
		for ticks := time.NewTicker(time.Second); ; {
			r.take(ctx)
			select {
			case <-ticks.C:
			case <-ctx.Done():
				ticks.Stop()
				return
			}
		}
	}()
	return r
}

func (r *recorder) take(ctx context.Context) {
	used, err := r.usage()
	dials, dialsErr := r.dials(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch err := errors.Join(err, dialsErr); {
	case ctx.Err() != nil: // It was told to end.
	case err != nil:
		r.err = err
	default:
		r.samples = append(r.samples, sample{time.Now(), used, dials})
	}
}

// dialsOf returns how many attempts to connect an exporter has begun.
func dialsOf(e *exporter.Exporter) func(context.Context) (int, error) {
	return func(ctx context.Context) (int, error) {
		samples, err := e.Scrape(ctx)
		if err != nil {
			return 0, err
		}
		return int(samples.Value("pg_canary_dials_total")), nil
	}
}

// noDials is for a program that does not tell.
func noDials(context.Context) (int, error) { return 0, nil }

func (r *recorder) stop() {
	r.ending()
	<-r.ended
}

// between returns what was used between two moments.
func (r *recorder) between(from, to time.Time) (used, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var within []sample
	for _, s := range r.samples {
		if !s.at.Before(from) && !s.at.After(to) {
			within = append(within, s)
		}
	}
	return summarizeUsage(within), r.err
}

// used is what a process used over a time.
type used struct {
	cpu      float64 // of a core
	resident int     // bytes, the most
	growth   int     // bytes, from the first quarter's median to that of the last
	dials    int     // in a second, the most
}

func summarizeUsage(samples []sample) used {
	var u used
	if len(samples) < 2 {
		return u
	}
	first, last := samples[0], samples[len(samples)-1]
	u.cpu = (last.CPU - first.CPU).Seconds() / last.at.Sub(first.at).Seconds()
	var resident []int
	for i, s := range samples {
		resident = append(resident, s.Resident)
		u.resident = max(u.resident, s.Resident)
		if i > 0 {
			before := samples[i-1]
			u.dials = max(u.dials, int(float64(s.dials-before.dials)/s.at.Sub(before.at).Seconds()))
		}
	}
	quarter := max(1, len(resident)/4)
	begin := lab.Quantile(append([]int(nil), resident[:quarter]...), 0.5)
	u.growth = lab.Quantile(append([]int(nil), resident[len(resident)-quarter:]...), 0.5) - begin
	return u
}
