package soakcheck

import (
	"cmp"
	"slices"
	"sort"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
)

// run is one run of an exporter: what it counted, in the order in which it did.
type run struct {
	history.Source
	beats []*history.Beat
	// ended are when so many beats had ended: none of them was counted before.
	ended []history.Moment
	// acknowledged are those beats that were, in the order of their acknowledgements.
	acknowledged []*history.Beat
	delays       []*history.Delay
	histograms   map[string]*delays
	tallies      []tally // of so many beats, from none on
}

// runsOf returns all runs of a history.
func runsOf(h *history.History) map[history.Source]*run {
	runs := map[history.Source]*run{}
	of := func(s history.Source) *run {
		if runs[s] == nil {
			runs[s] = &run{Source: s, histograms: map[string]*delays{}}
		}
		return runs[s]
	}
	for i := range h.Beats {
		r := of(h.Beats[i].Source)
		r.beats = append(r.beats, &h.Beats[i])
	}
	for i := range h.Delays {
		r := of(h.Delays[i].Source)
		r.delays = append(r.delays, &h.Delays[i])
	}
	for i := range h.Scrapes {
		of(h.Scrapes[i].Source)
	}
	for _, r := range runs {
		r.order()
	}
	return runs
}

func (r *run) order() {
	slices.SortStableFunc(r.beats, func(a, b *history.Beat) int { return cmp.Compare(a.Number, b.Number) })
	ended := history.Always
	for _, b := range r.beats {
		ended = max(ended, b.Ended)
		r.ended = append(r.ended, ended)
		if b.Acknowledged != nil && b.Sent != nil && b.Capacity != nil {
			r.acknowledged = append(r.acknowledged, b)
		}
	}
	for i, d := range r.delays {
		if r.histograms[d.Node] == nil {
			r.histograms[d.Node] = &delays{}
		}
		r.histograms[d.Node].add(i, d)
	}
	slices.SortStableFunc(r.acknowledged, func(a, b *history.Beat) int { return cmp.Compare(*a.Acknowledged, *b.Acknowledged) })
}

// published are the totals of one scrape, which was from one moment to another.
type published struct {
	history.Totals
	from, to history.Moment
	who      string
}

func publishedIn(s *history.Scrape) published {
	return published{s.Totals, s.Began, s.Ended, nameOfScrape(s)}
}

// counted returns how many beats are in the totals of a scrape, at the least and at the most.
func (r *run) counted(t published) (least, most int) {
	least = min(max(t.Beats, t.Beat), len(r.beats))
	most = sort.Search(len(r.ended), func(i int) bool { return r.ended[i] > t.to })
	return least, max(least, most)
}

// before returns the beats that were acknowledged by a moment.
func (r *run) before(at history.Moment) []*history.Beat {
	return r.acknowledged[:sort.Search(len(r.acknowledged), func(i int) bool { return *r.acknowledged[i].Acknowledged > at })]
}

// proved says what the reads of a node prove of a beat: that it was visible within the
// limit, that it was not, or nothing.
func proved(b *history.Beat, reads history.Reads, within history.Moment) *bool {
	limit := *b.Acknowledged + within
	switch {
	case reads.LastStale != nil && *reads.LastStale >= limit:
		return new(false)
	case reads.FirstFresh != nil && *reads.FirstFresh <= limit:
		return new(true)
	default:
		return nil
	}
}

// checkRuns checks what each run of each exporter counted.
func (j *judge) checkRuns() {
	for _, r := range j.runs {
		for i, b := range r.beats {
			j.expect(b.Number == i+1, checkAccount, "beat %d of %s is number %d", i+1, r.Exporter, b.Number)
		}
		j.tally(r)
		j.checkDelays(r)
		outages := j.checkOutages(r)
		each := func(t published) {
			j.checkTotals(r, t)
			j.checkOutageTotals(r, outages, t)
		}
		if r.Source == (history.Source{}) {
			for i := range j.Probes {
				p := &j.Probes[i]
				each(published{p.Totals, p.From, p.To, nameOf(p)})
			}
		}
		for i := range j.Scrapes {
			if s := &j.Scrapes[i]; s.Source == r.Source {
				each(publishedIn(s))
			}
		}
	}
}
