//go:build unix

package soak

import (
	"context"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/exporter"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
)

// teller puts what an exporter says into the words of a history.
type teller struct {
	source history.Source
	clock  history.Clock
	nodes  map[string]string // servers by the names of their nodes; nil where those are kept
}

// said is what one scrape said, with the moments of its probe, nil for none.
type said struct {
	from, to history.Moment
	samples  exporter.Samples
	moments  *exporter.Moments
	totals   history.Totals
}

// once makes one scrape.
func (t teller) once(ctx context.Context, e *exporter.Exporter) (said, error) {
	beats, delays := e.Told()
	began := time.Now()
	samples, moments, err := e.Probe(ctx)
	if err != nil {
		return said{}, err
	}
	s := said{from: t.clock.Moment(began), to: t.clock.Moment(time.Now()), samples: samples, moments: moments}
	s.totals = history.Totals{
		Beats: beats, Delays: delays, Commits: total(samples, "pg_canary_commit_duration_seconds_count"),
		Outages: total(samples, "pg_canary_write_outages_total"), OutageSeconds: samples.Value("pg_canary_write_outage_seconds_total"),
		Nodes: map[string]history.NodeTotals{},
	}
	if moments != nil {
		s.totals.Beat = moments.Number
	}
	for name, of := range samples.Nodes {
		if of.Values["pg_canary_verdicts_total"] == nil {
			continue // It has never been a replica.
		}
		s.totals.Nodes[t.node(name)] = history.NodeTotals{
			Synced: total(of, "pg_canary_verdicts_total synced"), Late: total(of, "pg_canary_verdicts_total late"),
			Unknown: total(of, "pg_canary_verdicts_total unknown"), Delays: total(of, "pg_canary_visibility_delay_seconds_count"),
			DelaySeconds: of.Value("pg_canary_visibility_delay_seconds_sum"),
		}
	}
	return s, nil
}

// total returns a counter.
func total(of exporter.Samples, name string) int64 { return int64(of.Value(name)) }

func (t teller) node(name string) string {
	if server, known := t.nodes[name]; known {
		return server
	}
	return name
}

// told returns the lines of what an exporter counted since the last call.
func (t teller) told(e *exporter.Exporter) []history.Line {
	beats, shown := e.TakeTold()
	var lines []history.Line
	for _, m := range beats {
		lines = append(lines, history.Line{Beat: t.beat(m)})
	}
	for _, s := range shown {
		lines = append(lines, history.Line{Delay: &history.Delay{
			Source: t.source, Node: t.node(s.Node), Capacity: s.Capacity,
			Acknowledged: t.clock.Moment(s.Acknowledged), Received: t.clock.Moment(s.Received),
		}})
	}
	return lines
}

func (t teller) beat(m *exporter.Moments) *history.Beat {
	b := &history.Beat{
		Source: t.source, Number: m.Number, Scraped: m.Scraped, Written: t.node(m.Primary),
		Started: t.clock.Moment(m.Started), Attempted: t.clock.Moment(m.Attempted), Ended: t.clock.Moment(m.Ended),
		Sent: t.clock.Known(m.Sent), Acknowledged: t.clock.Known(m.Acknowledged), Refused: m.Reason != "",
	}
	if b.Acknowledged != nil {
		b.Capacity, b.Reads = &m.Capacity, map[string]history.Reads{}
		if m.LSN != 0 {
			b.LSN = &m.LSN
		}
	}
	for _, reads := range m.Reads {
		b.Reads[t.node(reads.Node)] = t.reads(reads)
	}
	for _, n := range m.Notices {
		b.Notices = append(b.Notices, t.notice(n))
	}
	return b
}

func (t teller) reads(of exporter.Reads) history.Reads {
	return history.Reads{
		FirstSent: t.clock.Known(of.FirstSent), FirstReceived: t.clock.Known(of.FirstReceived),
		LastStale: t.clock.Known(of.LastStale), FirstFresh: t.clock.Known(of.FirstFresh), Decided: t.clock.Known(of.Decided),
	}
}

func (t teller) notice(of exporter.Notice) history.Notice {
	n := history.Notice{Kind: noticeKinds[of.Message], Commits: of.Commits, After: history.Moment(of.After)}
	if !of.Since.IsZero() {
		n.Since = t.clock.Moment(of.Since)
	}
	return n
}

var noticeKinds = map[string]string{
	exporter.TookOver: history.TookOver, exporter.Lost: history.Lost,
	exporter.AtRisk: history.AtRisk, exporter.SafeAgain: history.SafeAgain,
	exporter.OutageBegan: history.OutageBegan, exporter.OutageEnded: history.OutageEnded,
}
