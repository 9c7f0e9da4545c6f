package soakcheck

import (
	"slices"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
)

// checkAge checks how old a scrape says that what a server shows is: lag_seconds at the
// least, the bound at the most.
func (j *judge) checkAge(s *history.Scrape, beat commit, server string, said history.NodeSaid, p *period) {
	r := j.runs[s.Source]
	if said.Decided == nil || r == nil {
		return
	}
	if said.Bound != nil && said.FirstFresh != nil {
		want := time.Duration(*said.Decided - *s.Sent)
		j.expect((duration(*said.Bound)-want).Abs() <= rounding, checkLineBound, "%s: of %s %v, not %v", nameOfScrape(s), server, duration(*said.Bound), want)
	}
	// What is not shown when the scrape has ended was not shown before either.
	if run, ok := p.after(s.Ended); ok && said.Bound != nil {
		if oldest := j.oldestUnseen(r.before(*said.Decided), beat, commit{p.Branch, run.Capacity}, yes); oldest != nil {
			truth := time.Duration(*said.Decided - *oldest.Acknowledged)
			j.expect(duration(*said.Bound) >= truth-rounding, checkLineBound, "%s: of %s %v, but %d, which it did not have, was acknowledged %v before",
				nameOfScrape(s), server, duration(*said.Bound), *oldest.Capacity, truth)
		}
	}
	if said.LastStale == nil || said.LagSeconds == nil || said.FirstFresh != nil {
		return
	}
	if run, ok := p.before(*said.LastStale); ok {
		truth := time.Duration(0)
		if oldest := j.oldestUnseen(r.before(*said.LastStale), beat, commit{p.Branch, run.Capacity}, unproved); oldest != nil {
			truth = time.Duration(*said.LastStale - *oldest.Acknowledged)
		}
		j.expect(duration(*said.LagSeconds) <= truth+rounding, checkLineLag, "%s: of %s %v, but the oldest beat that it may not have had was acknowledged %v before",
			nameOfScrape(s), server, duration(*said.LagSeconds), truth)
	}
}

// oldestUnseen returns the oldest of some beats on the line to another one that a server, which shows a
// value on a branch, surely does not have, or may not have; nil for none.
func (j *judge) oldestUnseen(of []*history.Beat, line, shown commit, sure answer) *history.Beat {
	var oldest *history.Beat
	for _, b := range slices.Backward(of) {
		c, ok := j.graph.commitOf(b)
		if !ok {
			continue
		}
		onLine, has := j.graph.leadsTo(c, line.branch), j.graph.shows(shown.branch, shown.value, c)
		switch {
		case has == yes && onLine == yes:
			return oldest // And so it has those before that one.
		case onLine == no || has == yes:
		case sure == unproved || onLine == yes && has == no:
			oldest = b
		}
	}
	return oldest
}
