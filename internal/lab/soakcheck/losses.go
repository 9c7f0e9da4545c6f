package soakcheck

import (
	"fmt"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
)

// beat is an acknowledged one, and what should have become of it.
type beat struct {
	commit
	// lost and maybe say whether it is lost for sure, or as far as is known.
	lost, maybe bool
	// claimed is false for one that was seen, but of which no exporter tells: its
	// acknowledgement may have reached the exporter or not. It did not when it
	// is gone and was not counted.
	claimed, gone, forgotten bool
}

// ledger is what one run of an exporter should have counted as lost.
type ledger struct {
	j         *judge
	r         *run
	beats     []beat
	coming    []*history.Beat // that are not among them yet
	unclaimed []unclaimed
	branch    int // of the last beat
	atRisk    bool
	probed    history.Moment // when the last probe began: what is down is only then found out
	// situation is what decides what is lost: who takes writes.
	situation string
	risk      answer
	// off is what the log is wrong by since a violation.
	off int64
	sums
	after []sums // so many beats, from none on
}

// sums are what should be published after a beat.
type sums struct {
	// The beats that are lost are as many as least and most say.
	least, most int64
	// logged are the lost beats of the log, takeovers those of the log, and changes those that were.
	logged, takeovers, changes int64
}

// checkCounters goes through the beats of a run, in their order, and then through its scrapes.
func (j *judge) checkCounters(r *run) {
	if len(r.beats) == 0 {
		return
	}
	changes := j.checkChanges(r)
	a := &ledger{j: j, r: r, coming: r.acknowledged, unclaimed: seenAfter(j.unclaimed(), r.beats[0].Started)}
	a.after = append(a.after, a.sums)
	for _, b := range r.beats {
		a.changes += changes[b]
		a.check(b)
		a.after = append(a.after, a.sums)
	}
	for i := range j.Scrapes {
		if s := &j.Scrapes[i]; s.Source == r.Source {
			a.checkPublished(s)
		}
	}
}

// checkPublished compares a scrape with the beats that it counts.
func (a *ledger) checkPublished(s *history.Scrape) {
	least, most := a.r.counted(publishedIn(s))
	low, high := a.after[least], a.after[most]
	a.j.expect(s.Lost >= low.logged && s.Lost <= high.logged && s.Changes >= low.takeovers && s.Changes <= high.takeovers, checkLogged,
		"%s: %d lost and %d changes, but %d to %d and %d to %d in the log", nameOfScrape(s), s.Lost, s.Changes, low.logged, high.logged, low.takeovers, high.takeovers)
	a.j.expect(s.Changes >= low.changes && s.Changes <= high.changes, checkChanges, "%s: %d, not %d to %d", nameOfScrape(s), s.Changes, low.changes, high.changes)
	a.j.expect(s.Lost >= low.least && s.Lost <= high.most, checkLost, "%s: %d, but %d to %d are lost", nameOfScrape(s), s.Lost, low.least, high.most)
}

// check goes on to a beat, with which the exporter says what is lost of all that were
// acknowledged until that beat and those before it had ended.
func (a *ledger) check(b *history.Beat) {
	if b.Scraped {
		a.probed = b.Started
	}
	lost := a.note(b)
	settled := a.settled(b)
	for len(a.coming) > 0 && *a.coming[0].Acknowledged <= settled {
		a.add(a.coming[0])
		a.coming = a.coming[1:]
	}
	a.addUnclaimed(settled)
	c, ok := a.j.graph.commitOf(b)
	if !ok || c.branch != a.branch { // It leaves that to those of the line that is written now.
		a.j.expect(lost == 0, checkLost, "beat %d of %s: %d lost without a write, or of a line that is not written any more", b.Number, b.Exporter, lost)
		return
	}
	a.weigh(b, c)
	a.checkLost(b, lost)
	a.checkRisk(b)
}

// note takes what was logged with a beat, and returns how many are lost by that.
func (a *ledger) note(b *history.Beat) (lost int64) {
	for _, n := range b.Notices {
		switch n.Kind {
		case history.Lost:
			lost += n.Commits
		case history.TookOver:
			a.takeovers++
		case history.AtRisk, history.SafeAgain:
			a.atRisk = n.Kind == history.AtRisk
		}
	}
	a.logged += lost
	return lost
}

// add adds a beat.
func (a *ledger) add(b *history.Beat) {
	c, ok := a.j.graph.commitOf(b)
	if !ok {
		return
	}
	a.addHidden(b, c)
	a.branch = c.branch
	a.beats = append(a.beats, beat{commit: c, claimed: true})
	a.situation = ""
}

// settled is when a beat was: when it and all before it had ended.
func (a *ledger) settled(b *history.Beat) history.Moment {
	return max(b.Ended, a.r.ended[len(a.after)-1])
}

// checkChanges checks that each beat tells of a takeover exactly when it is on another branch than
// the one before it, and returns how many those are. The first one may have found another
// primary and a better one.
func (j *judge) checkChanges(r *run) map[*history.Beat]int64 {
	changes, before := map[*history.Beat]int64{}, 0
	for _, b := range r.beats {
		if b.Acknowledged == nil {
			j.expect(noticeOf(b, history.TookOver) == nil, checkChanges, "beat %d of %s: a takeover without a write", b.Number, b.Exporter)
		}
	}
	for _, b := range r.acknowledged {
		c, ok := j.graph.commitOf(b)
		if !ok {
			continue
		}
		told := int64(0)
		for _, n := range b.Notices {
			if n.Kind == history.TookOver {
				told++
			}
		}
		switch {
		case before == 0:
			changes[b] = min(told, 1)
		case before != c.branch:
			changes[b] = 1
		}
		j.expect(told == changes[b], checkChanges, "beat %d of %s: %d, not %d, with branch %d after %d", b.Number, b.Exporter, told, changes[b], c.branch, before)
		before = c.branch
	}
	return changes
}

// rivals are the servers, known to an exporter, that take writes beside the one that
// it wrote to, with their branches: those that surely do so throughout a scrape, of
// these those that it has seen in it, and those that may.
type rivals struct{ sure, seen, possible map[string]int }

func (a *ledger) rivals(b *history.Beat) rivals {
	sure, possible := a.j.graph.primaries(min(b.Started, a.probed), a.settled(b))
	r := rivals{map[string]int{}, map[string]int{}, map[string]int{}}
	for server, reads := range b.Reads {
		on, may := possible[server]
		if !may || server == b.Written {
			continue
		}
		r.possible[server] = on
		if _, ok := sure[server]; ok {
			r.sure[server] = on
			if reads.FirstReceived != nil {
				r.seen[server] = on
			}
		}
	}
	return r
}

// weigh says which beats are lost when c was written: those that its line does not
// have, and nobody else who takes writes.
func (a *ledger) weigh(b *history.Beat, c commit) {
	r := a.rivals(b)
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

func (a *ledger) checkLost(b *history.Beat, more int64) {
	lost := a.logged - a.off
	holds := a.least <= lost && lost <= a.most
	a.j.expect(holds, checkLost, "beat %d of %s, run %d: %d more are %d, but %d to %d are lost",
		b.Number, b.Exporter, b.Run, more, lost, a.least, a.most)
	if !holds {
		a.off = a.logged - a.most
		lost = a.most
	}
	if a.least == a.most {
		a.j.exact++
	}
	a.j.lost += more
	a.believe(lost)
}

// believe takes a logged number of which the history leaves some in doubt: none
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

func (a *ledger) checkRisk(b *history.Beat) {
	if a.risk != unproved {
		a.j.expect(a.atRisk == (a.risk == yes), checkRisk, "beat %d of %s: said %v", b.Number, b.Exporter, a.atRisk)
	}
}
