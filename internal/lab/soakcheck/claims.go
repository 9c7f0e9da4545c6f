package soakcheck

import (
	"fmt"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
)

// checkLines checks that the branches and what the servers showed fit together:
// the judge's own picture, before anything is held against it.
func (j *judge) checkLines() {
	for _, b := range j.graph.branches {
		j.expect(b.atLeast <= b.atMost, checkLines, "branch %d of %s has %d of its parent at least and %d at most",
			b.ID, b.Server, b.atLeast, b.atMost)
	}
	marks := map[commit]int64{}
	for server, all := range j.graph.periods {
		for _, p := range all {
			for _, run := range p.runs {
				c, ok := j.graph.resolve(p.Branch, run.Capacity)
				if !ok {
					continue
				}
				mark, known := marks[c]
				marks[c] = run.Mark
				j.expect(!known || mark == run.Mark, checkLines, "%s showed %d of branch %d with another mark than others, at %d ns",
					server, c.value, c.branch, run.First.Received)
			}
		}
	}
}

func nameOfScrape(s *history.Scrape) string {
	return fmt.Sprintf("scrape %d of %s", s.Number, s.Exporter)
}

// checkBeat checks a beat of the pulse, as a scrape of which only the reads are known.
func (j *judge) checkBeat(b *history.Beat) {
	c, ok := j.graph.commitOf(b)
	if !ok {
		return
	}
	s := &history.Scrape{
		Source: history.Source{Exporter: b.Exporter + "'s pulse", Run: b.Run}, Number: b.Number, Began: b.Started, Ended: b.Ended,
		Written: b.Written, Sent: b.Sent, Acknowledged: b.Acknowledged,
	}
	j.checkHeld(s, c)
	for server, reads := range b.Reads {
		if p := j.graph.periodOf(server, b.Started, b.Ended); p != nil {
			j.checkFresh(s, c, server, history.NodeSaid{Reads: reads, Synced: proved(b, reads, j.Settings.SyncedWithin)}, p)
		}
	}
}

// checkScrape checks what one scrape says of each node.
func (j *judge) checkScrape(s *history.Scrape) {
	j.checkPrimaries(s)
	beat, ok := j.graph.writtenBy(s)
	if !ok {
		return
	}
	j.checkHeld(s, beat)
	if s.Timeline != nil {
		j.expect(*s.Timeline == j.graph.branches[beat.branch].Timeline, checkTimeline, "scrape %d of %s: timeline %d of %s, not %d",
			s.Number, s.Exporter, *s.Timeline, s.Written, j.graph.branches[beat.branch].Timeline)
	}
	for server, said := range s.Nodes {
		p := j.graph.periodOf(server, s.Began, s.Ended)
		if server == s.Written || p == nil {
			continue
		}
		j.checkFresh(s, beat, server, said, p)
		j.checkDiverged(s, beat, server, said, p)
		j.checkAge(s, beat, server, said, p)
	}
}

// checkHeld checks that a server which acknowledged a beat takes writes and has it.
func (j *judge) checkHeld(s *history.Scrape, beat commit) {
	_, possible := j.graph.primaries(*s.Sent, *s.Acknowledged)
	j.expect(possible[s.Written] == beat.branch, checkHeld, "scrape %d of %s: %s acknowledged %d, but took no writes",
		s.Number, s.Exporter, s.Written, beat.value)
	p := j.graph.periodOf(s.Written, *s.Acknowledged, *s.Acknowledged)
	if p == nil {
		return
	}
	if run, ok := p.after(*s.Acknowledged); ok {
		j.expect(j.graph.shows(p.Branch, run.Capacity, beat) != no, checkHeld, "scrape %d of %s: %s acknowledged %d, and showed %d after that",
			s.Number, s.Exporter, s.Written, beat.value, run.Capacity)
	}
}

// checkFresh checks what is said of the beat on a server other than the one that
// acknowledged it.
func (j *judge) checkFresh(s *history.Scrape, beat commit, server string, said history.NodeSaid, p *period) {
	limit := *s.Acknowledged + j.Settings.SyncedWithin
	if said.Synced != nil && *said.Synced {
		j.expectShown(s, beat, p, limit, checkLineSynced)
	}
	if said.FirstFresh != nil {
		j.expectShown(s, beat, p, *said.FirstFresh, checkLineFresh)
	}
	if said.Synced != nil && !*said.Synced {
		if run, ok := p.before(limit); ok {
			j.expect(j.graph.shows(p.Branch, run.Capacity, beat) != yes, checkLineLate, "scrape %d of %s: %s had %d of branch %d %v before the limit",
				s.Number, s.Exporter, server, beat.value, beat.branch, time.Duration(limit-run.First.Received))
		}
	}
}

// expectShown: what was visible by a moment is so in every read that was sent after it.
func (j *judge) expectShown(s *history.Scrape, beat commit, p *period, by history.Moment, check string) {
	run, ok := p.after(by)
	if !ok {
		return
	}
	j.expect(j.graph.shows(p.Branch, run.Capacity, beat) != no, check, "scrape %d of %s: %s, on branch %d, showed %d and not %d of branch %d %v after that",
		s.Number, s.Exporter, p.Server, p.Branch, run.Capacity, beat.value, beat.branch, time.Duration(run.Last.Sent-by))
}

// checkDiverged checks who is said to have left the primary's history.
func (j *judge) checkDiverged(s *history.Scrape, beat commit, server string, said history.NodeSaid, p *period) {
	const diverged = "diverged"
	if run, ok := p.after(s.Ended); ok && said.State == diverged && !p.Primary {
		position := run.Last.LSN
		if run.First.Sent > s.Ended {
			position = run.First.LSN
		}
		fork, same := j.graph.forkBefore(p.Branch, beat.branch)
		j.expect(!same || position > fork, checkAncestor, "scrape %d of %s: %s is on branch %d at %d, which branch %d has up to %d",
			s.Number, s.Exporter, server, p.Branch, position, beat.branch, fork)
	}
	run, ok := p.before(s.Began)
	if !ok || said.FirstReceived == nil {
		return
	}
	shown, ok := j.graph.resolve(p.Branch, run.Capacity)
	if ok && j.graph.leadsTo(shown, beat.branch) == no {
		j.expect(said.State == diverged, checkLeft, "scrape %d of %s: %s is %q, but showed %d of branch %d, which branch %d does not have",
			s.Number, s.Exporter, server, said.State, shown.value, shown.branch, beat.branch)
	}
}

// checkPrimaries counts the servers that take writes, where none of them changes.
func (j *judge) checkPrimaries(s *history.Scrape) {
	sure, possible := j.graph.primaries(s.Began, s.Ended)
	var count int64
	for server, said := range s.Nodes {
		if _, ok := possible[server]; !ok {
			continue
		}
		if _, ok := sure[server]; !ok || !said.Up {
			return
		}
		count++
	}
	if s.Primaries == nil {
		j.expect(count == 0, checkPrimaries, "scrape %d of %s: none said, but %d", s.Number, s.Exporter, count)
		return
	}
	check := checkPrimaries
	if count > 1 {
		check = checkSplit
	}
	j.expect(*s.Primaries == count, check, "scrape %d of %s: %d, not %d", s.Number, s.Exporter, *s.Primaries, count)
}
