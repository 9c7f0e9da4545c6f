//go:build unix

package fleet

import (
	"context"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
)

// startAndReload measures how long the most clusters take to be right after a start, and what a reload costs
// with one of them changed.
func (b *bench) startAndReload(ctx context.Context) error {
	return b.onClusters(ctx, b.Clusters, b.Replicas, func(s *stage) error {
		right, err := s.waitRight(ctx, s.began)
		if err != nil {
			return err
		}
		counts := s.servers.Take()
		scrapes, err := s.scrapes(ctx, s.began, time.Now())
		if err != nil {
			return err
		}
		table := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', 0)
		lab.Say(table, "\nStart with all %d clusters\t\tat most", b.Clusters)
		lab.Say(table, "first scrapes that were right\t%d\t", right.first)
		lab.Say(table, "until every cluster had a right one\t%.1f s\t%.0f s", right.all.Sub(s.began).Seconds(), mostStart.Seconds())
		lab.Say(table, "connections made\t%d\t", counts.Dials)
		lab.Say(table, "of them in one second\t%d\t%d", counts.BusiestSecond, b.mostDials(scrapes))
		if err := table.Flush(); err != nil {
			return err
		}
		return s.reloads(ctx)
	})
}

// reloads measures reloads, each with another change of one cluster, and whether the others notice.
func (s *stage) reloads(ctx context.Context) error {
	if err := s.settle(ctx); err != nil {
		return err
	}
	began, changed := time.Now(), &s.config.Clusters[len(s.config.Clusters)/2]
	took, err := s.reloadAgain(ctx, changed)
	if err != nil {
		return err
	}
	if _, err := s.waitRight(ctx, time.Now()); err != nil {
		return err
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	// A counter that began anew is that of a cluster that did.
	resets, err := s.prometheus.count(ctx, fmt.Sprintf("count(sum by (%s) (resets(pg_canary_probes_total{job=%q}[%ds])) > 0)",
		targetLabel, job, 1+int((time.Since(began)+2*s.Interval).Seconds())))
	if err != nil {
		return err
	}
	scrapes, err := s.scrapes(ctx, began, time.Now())
	if err != nil {
		return err
	}
	others := summarize(of(scrapes, func(target string) bool { return target != changed.Name }), s.replicas, s.own)
	table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	lab.Say(table, "\n%d reloads with one of %d clusters changed\t\tat most", len(took), len(s.config.Clusters))
	lab.Say(table, "a reload, median\t%s\t%v", ms(lab.Quantile(took, 0.5)), mostReload)
	lab.Say(table, "a reload, longest\t%s\t%v", ms(slices.Max(took)), mostReload)
	lab.Say(table, "reloads that changed this one alone, as the log says\t%d\t", s.log.count("added=0 changed=1 removed=0"))
	lab.Say(table, "clusters whose counters began anew\t%d\t%d", resets, mostRestarted)
	lab.Say(table, "scrapes of the others meanwhile\t%d\t", others.scrapes)
	lab.Say(table, "of them failed, and were wrong\t%d, %d\t0", others.failed, others.wrong)
	return table.Flush()
}

// reloadAgain reloads again and again: the last replica of a cluster goes and comes back. It returns how long
// each took.
func (s *stage) reloadAgain(ctx context.Context, changed *clusterConfig) ([]time.Duration, error) {
	const times = 10
	whole := changed.Nodes
	var took []time.Duration
	for i := range times {
		changed.Nodes = whole[:len(whole)-1+i%2]
		if err := s.config.write(s.file); err != nil {
			return nil, err
		}
		each, err := s.reload(ctx)
		if err != nil {
			return nil, err
		}
		took = append(took, each)
		if err := lab.Sleep(ctx, s.Interval/15); err != nil {
			return nil, err
		}
	}
	return took, nil
}
