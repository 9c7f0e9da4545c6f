//go:build unix

package fleet

import (
	"context"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
)

// scrape is one of a cluster, as Prometheus has it.
type scrape struct {
	target string
	at     model.Time
	// took is what Prometheus waited for, and samples how many came.
	took    time.Duration
	samples int
	// succeeded is false where there was no answer, and right of how many nodes it tells that they
	// are as they should be.
	succeeded bool
	right     int
}

// syncedMetric is 1 for each replica that is as it should be.
const syncedMetric = "pg_canary_synced"

// scrapes returns all scrapes between two moments that have ended. A metric tells which nodes are as they should be.
// One that ends between two of the queries is in the later ones alone: it is none of them.
func (p *prometheus) scrapes(ctx context.Context, metric string, from, to time.Time) ([]*scrape, error) {
	type key struct {
		target string
		at     model.Time
	}
	all := map[key]*scrape{}
	for i, each := range []struct {
		metric string
		note   func(*scrape, float64)
	}{
		{"up", func(s *scrape, v float64) { s.succeeded = v == 1 }},
		{"scrape_duration_seconds", func(s *scrape, v float64) { s.took = time.Duration(v * float64(time.Second)) }},
		{"scrape_samples_scraped", func(s *scrape, v float64) { s.samples = int(v) }},
		{metric, func(s *scrape, v float64) { s.right += int(v) }},
	} {
		series, err := p.raw(ctx, job, each.metric, from, to)
		if err != nil {
			return nil, err
		}
		for _, points := range series {
			for _, point := range points.values {
				k := key{points.target, point.Timestamp}
				if i == 0 {
					all[k] = &scrape{target: points.target, at: point.Timestamp}
				}
				if s := all[k]; s != nil {
					each.note(s, float64(point.Value))
				}
			}
		}
	}
	list := make([]*scrape, 0, len(all))
	for _, s := range all {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b *scrape) int { return int(a.at - b.at) })
	return list, nil
}

// times are what scrapes say together.
type times struct {
	scrapes, failed int
	// wrong is how many were answered, and did not say that all nodes are as they should be.
	wrong int
	// half and most are the median and the 99th percentile beyond the servers' own delay.
	half, most time.Duration
	samples    int // of a scrape, the median
}

// summarize returns what scrapes say together, each of so many nodes.
func summarize(scrapes []*scrape, nodes int, own time.Duration) times {
	t := times{scrapes: len(scrapes)}
	var took []time.Duration
	var samples []int
	for _, s := range scrapes {
		took, samples = append(took, s.took-own), append(samples, s.samples)
		switch {
		case !s.succeeded:
			t.failed++
		case s.right != nodes:
			t.wrong++
		}
	}
	t.half, t.most, t.samples = lab.Quantile(took, 0.5), lab.Quantile(took, 0.99), lab.Quantile(samples, 0.5)
	return t
}

// busiest returns how many scrapes began within one second, the most; they are in their order.
func busiest(scrapes []*scrape) (most int) {
	first := 0
	for i, s := range scrapes {
		for s.at.Sub(scrapes[first].at) >= time.Second {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

// of returns the scrapes of targets.
func of(scrapes []*scrape, wanted func(target string) bool) (list []*scrape) {
	for _, s := range scrapes {
		if wanted(s.target) {
			list = append(list, s)
		}
	}
	return list
}

// firsts says of how many targets the first scrape was right, and when the last of them had a right one:
// the end of its first scrape that was; zero where some had none.
func firsts(scrapes []*scrape, targets, nodes int) (right int, all time.Time) {
	type found struct{ any, right bool }
	known, ready := map[string]*found{}, 0
	for _, s := range scrapes {
		f := known[s.target]
		if f == nil {
			f = &found{}
			known[s.target] = f
		}
		isRight := s.succeeded && s.right == nodes
		if isRight && !f.any {
			right++
		}
		if isRight && !f.right {
			ready++
			if end := s.at.Time().Add(s.took); end.After(all) {
				all = end
			}
		}
		f.any, f.right = true, f.right || isRight
	}
	if ready < targets {
		return right, time.Time{}
	}
	return right, all
}
