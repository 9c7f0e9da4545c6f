package status

import (
	"fmt"
	"slices"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector"
	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

// Cluster is what is known of a cluster, and when it is looked at.
type Cluster struct {
	Name   string
	Known  collector.Known
	Events []collector.Event // the newest first
	Now    time.Time
}

const (
	// oldest is how old what is known may be, at least, before that is said.
	oldest = time.Minute
	// gaps is how many times the last two results' distance it may be, as far as that is not longer than longestGaps: whoever
	// asks once an hour does not wait for hours to be told that nothing newer is known.
	gaps        = 3
	longestGaps = 15 * time.Minute
	// lossShown is how long a loss is told, as its alert does.
	lossShown = time.Hour
)

// Age is how long ago the newest result was known.
func (c *Cluster) Age() time.Duration { return max(c.Now.Sub(c.Known.At()), 0) }

// Old says whether that is longer ago than is usual.
func (c *Cluster) Old() bool { return c.Known.Last != nil && c.Age() > c.freshness() }

// freshness is how old what is known may be before that is said.
func (c *Cluster) freshness() time.Duration { return max(oldest, min(gaps*c.Known.Gap, longestGaps)) }

// Result is the newest result, with the nodes that the cluster has by now: nil where there is none.
func (c *Cluster) Result() *probe.Result { return among(c.Known.Last, c.Known.Nodes) }

// looked is the newest result that looked at the nodes closely; nil where there is none.
func (c *Cluster) looked() *probe.Result { return among(c.Known.Close, c.Known.Nodes) }

// among is a result without the nodes that are not named.
func among(r *probe.Result, names []string) *probe.Result {
	gone := func(n probe.NodeResult) bool { return !slices.Contains(names, n.Name) }
	if r == nil || !slices.ContainsFunc(r.Nodes, gone) {
		return r
	}
	left := *r
	left.Nodes = slices.DeleteFunc(slices.Clone(r.Nodes), gone)
	return &left
}

// Findings returns what there is to say of the cluster, the worst first.
func (c *Cluster) Findings() []Finding {
	r := c.Result()
	if r == nil {
		return []Finding{c.never()}
	}
	all := Findings(r)
	if r.Lost == nil {
		all = append(all, c.losses()...)
		sortFindings(all)
	}
	return all
}

// losses says what was lost in the last hour.
func (c *Cluster) losses() []Finding {
	commits, last := int64(0), time.Time{}
	for _, e := range c.Events {
		if e.Kind == collector.EventLost && c.Now.Sub(e.At) < lossShown {
			commits += e.Commits
			if last.IsZero() {
				last = e.At
			}
		}
	}
	if commits == 0 {
		return nil
	}
	return []Finding{ofLoss(commits, Ago(c.Now.Sub(last)))}
}

// never is what there is to say of a cluster that nobody has asked for yet.
func (c *Cluster) never() Finding {
	found := Finding{Level: Unknown, Text: "not probed yet", Words: Words{
		Means: fmt.Sprintf("nobody has asked for it since the exporter began to watch it, %s", Ago(c.Now.Sub(c.Known.Began))),
		Next:  "have Prometheus scrape it: /targets lists what is to be scraped; or probe it now", Runbook: "PgCanaryExporterDown",
	}}
	if len(c.Known.Nodes) == 0 {
		found.Text, found.Means = "no nodes are known yet", "they are looked up in Patroni or DNS"
		found.Next, found.Runbook = "see the exporter's log, which says why that fails", "PgCanaryDiscoveryFailing"
	}
	return found
}

// Headline is the worst that there is to say of the cluster and, where that is old, that nobody knows how it is now.
func (c *Cluster) Headline() Finding {
	h := Headline(c.Findings())
	if !c.Old() {
		return h
	}
	h.Text = "Nobody has looked for " + Span(c.Age().Truncate(time.Second)) + ": then it was «" + h.Text + "»"
	if h.Level < Unknown {
		h.Level = Unknown
	}
	return h
}

// Seen says when the newest result was known, and who asked for it: 8 s ago, by a scrape.
type Seen struct {
	At  time.Time
	Age time.Duration
	By  string
	Old bool
}

// Seen returns when the cluster was looked at; false for never.
func (c *Cluster) Seen() (Seen, bool) {
	if c.Known.Last == nil {
		return Seen{}, false
	}
	return Seen{c.Known.At(), c.Age(), askers[c.Known.By], c.Old()}, true
}

var askers = map[collector.Asker]string{
	collector.ByScrape: "by a scrape", collector.ByPulse: "by the pulse", collector.ByHand: "by hand",
}
