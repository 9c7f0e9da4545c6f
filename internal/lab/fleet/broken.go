//go:build unix

package fleet

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/simulate"
)

// farAway is the round trip to a far replica.
const farAway = 200 * time.Millisecond

// faults breaks three tenths of the clusters, each in a way of its own, and compares what the others'
// scrapes take.
func (b *bench) faults(ctx context.Context) error {
	return b.onClusters(ctx, b.Clusters, b.Replicas, func(s *stage) error {
		if err := s.settled(ctx); err != nil {
			return err
		}
		groups, healthy := s.groups()
		before, err := s.phase(ctx)
		if err != nil {
			return err
		}
		for _, g := range groups {
			if err := g.spoil(); err != nil {
				return err
			}
		}
		if err := s.settle(ctx); err != nil {
			return err
		}
		with, err := s.phase(ctx)
		if err != nil {
			return err
		}
		return s.printFaults(append([]*group{healthy}, groups...), before, with)
	})
}

// group is clusters that are broken in the same way.
type group struct {
	name     string
	clusters map[string]bool
	spoil    func() error
}

// groups returns three tenths of the clusters, to be broken, and the others.
func (s *stage) groups() (broken []*group, healthy *group) {
	all := s.servers.Clusters
	size := max(1, len(all)/10)
	for i, g := range []struct {
		name string
		each func(*simulate.Cluster) error
	}{
		{"hung", func(c *simulate.Cluster) error { return setAll(c, simulate.Hung) }},
		{"refusing", func(c *simulate.Cluster) error { return setAll(c, simulate.Gone) }},
		{fmt.Sprintf("with a replica %v away", farAway), func(c *simulate.Cluster) error {
			c.Replicas()[0].SetRoundTrip(farAway)
			return nil
		}},
	} {
		if len(all) < (i+1)*size {
			break
		}
		chosen := all[i*size : (i+1)*size]
		broken = append(broken, newGroup(g.name, chosen, g.each))
	}
	return broken, newGroup("healthy", all[len(broken)*size:], nil)
}

func newGroup(name string, clusters []*simulate.Cluster, each func(*simulate.Cluster) error) *group {
	g := &group{name: name, clusters: map[string]bool{}}
	for _, c := range clusters {
		g.clusters[c.Name] = true
	}
	g.spoil = func() error {
		var errs []error
		for _, c := range clusters {
			errs = append(errs, each(c))
		}
		return errors.Join(errs...)
	}
	return g
}

func setAll(c *simulate.Cluster, mode simulate.Mode) error {
	var errs []error
	for _, server := range c.Servers() {
		errs = append(errs, server.Set(mode))
	}
	return errors.Join(errs...)
}

// phase is what was measured before or while some are broken.
type phase struct {
	scrapes []*scrape
	used
	control time.Duration
}

func (s *stage) phase(ctx context.Context) (p phase, err error) {
	s.servers.Take()
	from := time.Now()
	if err := lab.Sleep(ctx, s.short()); err != nil {
		return p, err
	}
	to := time.Now()
	if p.scrapes, err = s.scrapes(ctx, from, to); err != nil {
		return p, err
	}
	if p.control, err = s.prometheus.controlled(ctx, from, to); err != nil {
		return p, err
	}
	p.used, err = s.recorder.between(from, to)
	return p, err
}

func (s *stage) printFaults(groups []*group, before, with phase) error {
	lab.Say(s.out, "\n%d clusters, of which some are broken, %v before and %v with them; times are beyond the servers' own %v", len(s.servers.Clusters), s.short(), s.short(), s.own)
	table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	lab.Say(table, "\t\tscrapes\tunanswered\tmedian before\twith\tp99 before\twith\tratio\tat most")
	for i, g := range groups {
		was := summarize(of(before.scrapes, g.has), s.replicas, s.own)
		is := summarize(of(with.scrapes, g.has), s.replicas, s.own)
		limit := ""
		if i == 0 {
			limit = fmt.Sprint(mostRatio)
		}
		lab.Say(table, "%s\t%d\t%d\t%d\t%s\t%s\t%s\t%s\t%.2f\t%s", g.name, len(g.clusters), is.scrapes, is.failed,
			ms(was.half), ms(is.half), ms(was.most), ms(is.most), float64(is.most)/float64(was.most), limit)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	lab.Say(s.out, "The control's scrapes: p99 %s before, %s with them", ms(before.control), ms(with.control))
	lab.Say(s.out, "The exporter: %.1f%% of a core and %.1f MB before, %.1f%% and %.1f MB with them", 100*before.cpu, mb(before.resident), 100*with.cpu, mb(with.resident))
	lab.Say(s.out, "Attempts to connect in one second: %d at the most before, %d with them", before.dials, with.dials)
	return nil
}

func (g *group) has(target string) bool { return g.clusters[target] }

// gone takes all servers away for a while, and measures how long it is until all is right when they are back.
func (b *bench) gone(ctx context.Context) error {
	return b.onClusters(ctx, b.Clusters, b.Replicas, func(s *stage) error {
		if err := s.settled(ctx); err != nil {
			return err
		}
		left := time.Now()
		if err := s.setEverything(simulate.Gone); err != nil {
			return err
		}
		if err := lab.Sleep(ctx, b.Away); err != nil {
			return err
		}
		s.servers.Take()
		back := time.Now()
		if err := s.setEverything(simulate.Normal); err != nil {
			return err
		}
		right, err := s.waitRight(ctx, back)
		if err != nil {
			return err
		}
		counts := s.servers.Take()
		away, err := s.recorder.between(left, back)
		if err != nil {
			return err
		}
		meanwhile, err := s.scrapes(ctx, left, back)
		if err != nil {
			return err
		}
		after, err := s.scrapes(ctx, back, time.Now())
		if err != nil {
			return err
		}
		table := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', 0)
		lab.Say(table, "\nAll %d servers are gone for %v, and back\t\tat most", b.Clusters*(1+b.Replicas), b.Away)
		lab.Say(table, "until every cluster had a right scrape\t%.1f s\t%.0f s", right.all.Sub(back).Seconds(), mostReturn.Seconds())
		lab.Say(table, "first scrapes after it that were right\t%d of %d\t", right.first, b.Clusters)
		lab.Say(table, "attempts to connect in one second while they were gone\t%d\t%d", away.dials, b.mostDials(meanwhile))
		lab.Say(table, "connections made when they were back\t%d\t", counts.Dials)
		lab.Say(table, "of them in one second\t%d\t%d", counts.BusiestSecond, b.mostDials(after))
		lab.Say(table, "connections at the most, and in the end\t%d, %d\t", counts.MostOpen, counts.Open)
		lab.Say(table, "of a core while they were gone\t%.1f%%\t", 100*away.cpu)
		return table.Flush()
	})
}

func (s *stage) setEverything(mode simulate.Mode) error {
	var errs []error
	for _, cluster := range s.servers.Clusters {
		errs = append(errs, setAll(cluster, mode))
	}
	return errors.Join(errs...)
}
