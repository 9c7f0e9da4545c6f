package soakcheck

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
)

// beat is an acknowledged one, and what should have become of it.
type beat struct {
	commit
	// lost and maybe say whether it is lost for sure, or as far as is known.
	lost, maybe bool
	// claimed is false for one that was seen, but that no scrape tells of: its
	// acknowledgement may have reached the exporter or not. It did not when it
	// is gone and was not counted.
	claimed, gone, forgotten bool
}

// ledger is what one run of an exporter should have counted.
type ledger struct {
	j         *judge
	beats     []beat
	unclaimed []unclaimed
	branch    int // of the last beat
	changes   int64
	// logged are the lost beats and the takeovers of its log.
	logged, takeovers int64
	atRisk            bool
	// situation is what decides what is lost: who takes writes.
	situation string
	risk      answer
	// lost is what was published last. The beats that are lost are as many as least
	// and most say, and off is what it is wrong by since a violation.
	lost, least, most, off int64
}

// checkCounters goes through the scrapes of each run of each exporter, in their order.
func (j *judge) checkCounters() {
	accounts, unclaimed := map[string]*ledger{}, j.unclaimed()
	for i := range j.Scrapes {
		s := &j.Scrapes[i]
		key := fmt.Sprint(s.Exporter, s.Run)
		if accounts[key] == nil {
			accounts[key] = &ledger{j: j, unclaimed: seenAfter(unclaimed, s.Began)}
		}
		accounts[key].check(s)
	}
}

func (a *ledger) check(s *history.Scrape) {
	for _, n := range s.Notices {
		switch n.Kind {
		case history.Lost:
			a.logged += n.Commits
		case history.TookOver:
			a.takeovers++
		case history.AtRisk, history.SafeAgain:
			a.atRisk = n.Kind == history.AtRisk
		}
	}
	c, ok := a.j.graph.writtenBy(s)
	if !ok {
		a.j.expect(s.Changes == a.changes && s.Lost == a.lost, checkChanges, "scrape %d of %s: %d changes and %d lost without a write, not %d and %d",
			s.Number, s.Exporter, s.Changes, s.Lost, a.changes, a.lost)
		a.changes = s.Changes
		return
	}
	a.j.expect(s.Lost == a.logged && s.Changes == a.takeovers, checkLogged,
		"scrape %d of %s: %d lost and %d changes, but %d and %d in the log", s.Number, s.Exporter, s.Lost, s.Changes, a.logged, a.takeovers)
	a.addHidden(s, c)
	a.checkChange(s, c)
	a.addUnclaimed(s.Ended)
	a.beats = append(a.beats, beat{commit: c, claimed: true})
	a.weigh(s, c)
	a.checkLost(s)
	a.checkRisk(s)
}

// checkChange: the writer is another server exactly when it writes another branch.
func (a *ledger) checkChange(s *history.Scrape, c commit) {
	if a.branch != 0 && a.branch != c.branch {
		a.changes++
	}
	before := a.branch
	a.branch = c.branch
	a.j.expect(s.Changes == a.changes, checkChanges, "scrape %d of %s: %d, not %d, with branch %d after %d",
		s.Number, s.Exporter, s.Changes, a.changes, c.branch, before)
	a.changes = s.Changes
}

// rivals are the servers, known to an exporter, that take writes beside the one that
// it wrote to, with their branches: those that surely do so throughout a scrape, of
// these those that it has seen in it, and those that may.
type rivals struct{ sure, seen, possible map[string]int }

func (a *ledger) rivals(s *history.Scrape) rivals {
	sure, possible := a.j.graph.primaries(s.Began, s.Ended)
	r := rivals{map[string]int{}, map[string]int{}, map[string]int{}}
	for server, said := range s.Nodes {
		on, may := possible[server]
		if !may || server == s.Written {
			continue
		}
		r.possible[server] = on
		if _, ok := sure[server]; ok {
			r.sure[server] = on
			if said.Up {
				r.seen[server] = on
			}
		}
	}
	return r
}

// weigh says which beats are lost when c was written: those that its line does not
// have, and nobody else who takes writes.
func (a *ledger) weigh(s *history.Scrape, c commit) {
	r := a.rivals(s)
	situation := fmt.Sprint(c.branch, r)
	if situation == a.situation && len(r.sure) == len(r.possible) {
		return
	}
	a.situation, a.risk = situation, no
	for i := range a.beats {
		if b := &a.beats[i]; !b.lost && !b.forgotten {
			a.weighBeat(b, c, r)
		}
	}
	a.count()
}

func (a *ledger) weighBeat(b *beat, c commit, r rivals) {
	held := a.j.graph.leadsTo(b.commit, c.branch)
	if held == yes {
		return
	}
	b.gone = held == no && a.heldBy(r.possible, b.commit, no)
	b.lost = b.claimed && b.gone
	atRisk := b.claimed && held == no && !b.maybe && a.heldBy(r.seen, b.commit, yes)
	b.maybe = b.maybe || b.lost || !a.heldBy(r.sure, b.commit, yes)
	if atRisk {
		a.risk = yes
	} else if !b.lost && a.risk == no {
		a.risk = unproved
	}
}

func (a *ledger) count() {
	a.least, a.most = 0, 0
	for i := range a.beats {
		if a.beats[i].lost {
			a.least++
		}
		if a.beats[i].lost || a.beats[i].maybe {
			a.most++
		}
	}
}

// heldBy says, of yes, whether one of those on branches surely has a commit; of no,
// whether all of them surely do not.
func (a *ledger) heldBy(on map[string]int, c commit, which answer) bool {
	for _, id := range on {
		got := a.j.graph.leadsTo(c, id)
		if which == yes && got == yes {
			return true
		}
		if which == no && got != no {
			return false
		}
	}
	return which == no
}

func (a *ledger) checkLost(s *history.Scrape) {
	lost := s.Lost - a.off
	holds := a.least <= lost && lost <= a.most && s.Lost >= a.lost
	a.j.expect(holds, checkLost, "scrape %d of %s, run %d: %d after %d, but %d to %d are lost",
		s.Number, s.Exporter, s.Run, lost, a.lost-a.off, a.least, a.most)
	if !holds {
		a.off = s.Lost - a.most
		lost = a.most
	}
	if a.least == a.most {
		a.j.exact++
	}
	a.j.lost += max(0, s.Lost-a.lost)
	a.lost = s.Lost
	a.believe(lost)
}

// believe takes a published number of which the history leaves some in doubt: none
// or all of the beats that it knows are counted, and as many of those that it does not.
func (a *ledger) believe(lost int64) {
	if a.least == a.most {
		return
	}
	more := lost - a.least
	var doubtful []*beat
	claimed := false
	for i := range a.beats {
		if b := &a.beats[i]; b.maybe && !b.lost {
			doubtful, claimed = append(doubtful, b), claimed || b.claimed
		}
	}
	if claimed && more != 0 && more != int64(len(doubtful)) {
		return
	}
	for _, b := range doubtful {
		b.lost = more > 0
		b.forgotten = b.gone && !b.lost
		b.maybe = b.lost
		more--
	}
	a.count()
}

func (a *ledger) checkRisk(s *history.Scrape) {
	if a.risk != unproved {
		a.j.expect(a.atRisk == (a.risk == yes), checkRisk, "scrape %d of %s: said %v", s.Number, s.Exporter, a.atRisk)
	}
}

// unclaimed is a commit that was seen on a server which took writes.
type unclaimed struct {
	commit
	seen history.Moment
}

// addHidden adds the beats that a probe may have written to another primary, when
// it found only then that this one is to be written: a scrape tells of the last one.
// The first probe of all that did so counts a takeover.
func (a *ledger) addHidden(s *history.Scrape, c commit) {
	if a.branch == c.branch {
		return
	}
	for _, on := range a.rivals(s).possible {
		if a.branch != 0 && a.branch != on {
			continue
		}
		a.beats = append(a.beats, beat{commit: commit{on, math.MaxInt64}})
		a.situation = ""
		if a.branch == 0 {
			a.changes = min(s.Changes, 1)
		}
	}
}

// addUnclaimed adds what was seen by a moment.
func (a *ledger) addUnclaimed(by history.Moment) {
	for len(a.unclaimed) > 0 && a.unclaimed[0].seen <= by {
		a.beats = append(a.beats, beat{commit: a.unclaimed[0].commit})
		a.unclaimed = a.unclaimed[1:]
		a.situation = ""
	}
}

// unclaimed returns the commits that no scrape tells of, in the order in which they were seen.
func (j *judge) unclaimed() []unclaimed {
	claimed := map[commit]bool{}
	for i := range j.Scrapes {
		if c, ok := j.graph.writtenBy(&j.Scrapes[i]); ok {
			claimed[c] = true
		}
	}
	var all []unclaimed
	for id, b := range j.graph.branches {
		runs, last := j.graph.writes(b), b.atMost
		if len(runs) > 0 && b.Parent == 0 {
			last = runs[0].Capacity // What came before is older than the history.
		}
		for _, run := range runs {
			for value := last; value < run.Capacity; value++ {
				if c := (commit{id, value + 1}); !claimed[c] {
					all = append(all, unclaimed{c, run.First.Received})
				}
			}
			last = max(last, run.Capacity)
		}
	}
	slices.SortFunc(all, func(a, b unclaimed) int { return cmp.Compare(a.seen, b.seen) })
	return all
}

// seenAfter returns those that were seen since a moment.
func seenAfter(all []unclaimed, since history.Moment) []unclaimed {
	i := sort.Search(len(all), func(i int) bool { return all[i].seen >= since })
	return all[i:]
}
