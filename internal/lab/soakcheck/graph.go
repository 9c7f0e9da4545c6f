package soakcheck

import (
	"cmp"
	"math"
	"slices"
	"sort"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
)

// answer is what the history proves. Moments within a change prove nothing.
type answer int

const (
	unproved answer = iota
	yes
	no
)

// commit is one beat: values grow by one along a line, so that it is the only
// one with its value on its branch.
type commit struct {
	branch int
	value  int64
}

// branch is a branch, with the value of the parent's last beat that it has.
type branch struct {
	history.Branch
	atLeast, atMost int64
}

// period is a span with what the superuser saw in it.
type period struct {
	history.Span
	runs []history.Shown
}

// graph is all branches, and which server was on which.
type graph struct {
	branches map[int]*branch
	periods  map[string][]*period // by server, in the order of time
}

func newGraph(h *history.History) *graph {
	g := &graph{branches: map[int]*branch{}, periods: map[string][]*period{}}
	for _, b := range h.Branches {
		g.branches[b.ID] = &branch{Branch: b}
		if b.Parent != 0 {
			g.branches[b.ID].atMost = math.MaxInt64
		}
	}
	for _, s := range h.Spans {
		g.periods[s.Server] = append(g.periods[s.Server], &period{Span: s})
	}
	for _, all := range g.periods {
		slices.SortFunc(all, func(a, b *period) int { return cmp.Compare(a.From, b.From) })
	}
	for _, run := range h.Shown {
		if p := g.periodOf(run.Server, run.First.Sent, run.Last.Received); p != nil {
			p.runs = append(p.runs, run)
		}
	}
	for _, all := range g.periods {
		for _, p := range all {
			slices.SortFunc(p.runs, func(a, b history.Shown) int { return cmp.Compare(a.First.Sent, b.First.Sent) })
		}
	}
	g.findForks(h)
	return g
}

// periodOf returns the one in which a server surely was all the time from one moment
// to another, nil where it changed.
func (g *graph) periodOf(server string, from, to history.Moment) *period {
	all := g.periods[server]
	i := sort.Search(len(all), func(i int) bool { return all[i].From > from }) - 1
	if i < 0 || all[i].To < to {
		return nil
	}
	return all[i]
}

// written returns the branch on which a server wrote at a moment, 0 for none.
func (g *graph) written(server string, at history.Moment) int {
	found := 0
	for id, b := range g.branches {
		if b.Server == server && b.Began <= at && (found == 0 || b.Began > g.branches[found].Began) {
			found = id
		}
	}
	return found
}

// writtenBy returns the commit that a scrape tells of.
func (g *graph) writtenBy(s *history.Scrape) (commit, bool) {
	return g.commitOf(&history.Beat{Written: s.Written, Capacity: s.Capacity, Sent: s.Sent, Acknowledged: s.Acknowledged})
}

// commitOf returns the commit that a beat is.
func (g *graph) commitOf(b *history.Beat) (commit, bool) {
	if b.Acknowledged == nil || b.Sent == nil || b.Capacity == nil {
		return commit{}, false
	}
	c := commit{g.written(b.Written, *b.Acknowledged), *b.Capacity}
	return c, c.branch != 0
}

// findForks finds which beats of its parent each branch has, by all that is known
// apart from what the exporters say of histories: positions, the order of values,
// and the marks that were seen.
func (g *graph) findForks(h *history.History) {
	for i := range h.Beats {
		beat := &h.Beats[i]
		if beat.Exporter == "" {
			continue // It is of the pair.
		}
		c, ok := g.commitOf(beat)
		if !ok {
			continue
		}
		g.branches[c.branch].limit(c.value - 1)
		for _, b := range g.branches {
			if b.Parent == c.branch && beat.LSN != nil && *beat.LSN <= b.Fork {
				b.raise(c.value)
			}
		}
	}
	marks := g.marks()
	for _, b := range g.branches {
		g.findFork(b, marks)
	}
}

func (g *graph) findFork(b *branch, marks map[commit]int64) {
	for _, p := range g.periods[b.Server] {
		if p.Branch == b.Parent && !p.Primary && p.To <= b.Began && p.Gone >= b.Began {
			for _, run := range p.runs {
				b.raise(run.Capacity) // It showed that before it was promoted.
			}
		}
	}
	for _, run := range g.writes(b) {
		if mark, known := marks[commit{b.Parent, run.Capacity}]; known && mark == run.Mark {
			b.raise(run.Capacity)
		} else if known {
			b.limit(run.Capacity - 1)
		}
	}
}

// writes returns what the server of a branch showed while it wrote that.
func (g *graph) writes(b *branch) []history.Shown {
	var all []history.Shown
	for _, p := range g.periods[b.Server] {
		if p.Branch == b.ID && p.Primary {
			all = append(all, p.runs...)
		}
	}
	return all
}

func (b *branch) raise(value int64) { b.atLeast = max(b.atLeast, value) }
func (b *branch) limit(value int64) { b.atMost = min(b.atMost, value) }

// marks returns what those on each branch showed for each value, be it of the
// branch or of one that led to it.
func (g *graph) marks() map[commit]int64 {
	marks := map[commit]int64{}
	for _, all := range g.periods {
		for _, p := range all {
			for _, run := range p.runs {
				marks[commit{p.Branch, run.Capacity}] = run.Mark
			}
		}
	}
	return marks
}

// resolve returns the commit that a value is on the line that leads to a branch's end.
func (g *graph) resolve(on int, value int64) (commit, bool) {
	for b := g.branches[on]; b != nil; b = g.branches[b.Parent] {
		switch {
		case value > b.atMost:
			return commit{b.ID, value}, true
		case b.Parent == 0 || value > b.atLeast:
			return commit{}, false
		}
	}
	return commit{}, false
}

// leadsTo says whether a commit is on the line that leads to a branch's end.
func (g *graph) leadsTo(c commit, on int) answer {
	atLeast, atMost := int64(math.MaxInt64), int64(math.MaxInt64)
	for b := g.branches[on]; b != nil; b = g.branches[b.Parent] {
		if b.ID == c.branch {
			switch {
			case c.value <= atLeast:
				return yes
			case c.value > atMost:
				return no
			default:
				return unproved
			}
		}
		atLeast, atMost = min(atLeast, b.atLeast), min(atMost, b.atMost)
	}
	return no
}

// shows says whether a server that is on a branch and shows a value has a commit.
func (g *graph) shows(on int, value int64, c commit) answer {
	if value < c.value {
		return no
	}
	return g.leadsTo(c, on)
}

// forkBefore returns the position up to which commits of one branch are on the line
// that leads to another; false where they are on different lines.
func (g *graph) forkBefore(of, on int) (int64, bool) {
	position := int64(math.MaxInt64)
	for b := g.branches[on]; b != nil; b = g.branches[b.Parent] {
		if b.ID == of {
			return position, true
		}
		position = min(position, b.Fork)
	}
	return 0, false
}

// after returns the first reads of the period of which one was sent after a moment.
func (p *period) after(at history.Moment) (history.Shown, bool) {
	i := sort.Search(len(p.runs), func(i int) bool { return p.runs[i].Last.Sent > at })
	if i == len(p.runs) {
		return history.Shown{}, false
	}
	return p.runs[i], true
}

// before returns the last reads of the period of which one was back by a moment.
func (p *period) before(at history.Moment) (history.Shown, bool) {
	i := sort.Search(len(p.runs), func(i int) bool { return p.runs[i].First.Received > at }) - 1
	if i < 0 {
		return history.Shown{}, false
	}
	return p.runs[i], true
}

// primaries returns the servers that surely took writes all the time, and those
// that did so at some moment of it at most, with their branches.
func (g *graph) primaries(from, to history.Moment) (sure, possible map[string]int) {
	sure, possible = map[string]int{}, map[string]int{}
	for server, all := range g.periods {
		for _, p := range all {
			if !p.Primary || p.Began > to || p.Gone < from {
				continue
			}
			possible[server] = p.Branch
			if p.From <= from && p.To >= to {
				sure[server] = p.Branch
			}
		}
	}
	return sure, possible
}
