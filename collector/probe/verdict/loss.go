package verdict

import "time"

// Loss is what the kept primary does not have of what was acknowledged.
type Loss struct {
	// Commits is how many acknowledged beats are gone.
	Commits int64
	// Era is the one in which the last of them was written, From and To are the
	// first and the last value.
	Era, From, To int64
	// FirstLSN and LastLSN are the positions of the first and the last; 0 where not known.
	FirstLSN, LastLSN LSN
}

// silentPrimary is how long a server that took writes and does not answer any more is
// given to come back before what only it has counts as lost: a switch or router
// that restarts takes less.
const silentPrimary = 30 * time.Second

// MayStillWrite says whether a server that took writes, and has not answered for the time
// silence, may still take them. It does not where its address refuses connections.
func MayStillWrite(silence time.Duration, refused bool) bool {
	return !refused && silence < silentPrimary
}

// Lose returns the beats that the line which is written now lacks. Those that a
// server which takes writes has, of which rivals are the rows, are at risk: they
// are gone only when that server is given up. Those that none of these has are
// lost, and forgotten, so that each is counted once. Both are nil for none.
//
// Of a rival that shows no row, or one that was made apart, nothing is proved; what
// it may have is not counted yet.
func (l *Ledger) Lose(rivals []Row) (lost, atRisk *Loss) {
	if l.apart == 0 {
		return nil, nil
	}
	kept := l.entries[:0]
	for _, e := range l.entries {
		if e.held == No {
			switch e.heldByAny(rivals) {
			case Yes:
				atRisk = atRisk.with(&e)
			case No:
				lost = lost.with(&e)
				continue
			case Unproved:
			}
		}
		kept = append(kept, e)
	}
	l.entries = kept
	l.countApart()
	return lost, atRisk
}

// Undecided says whether some beats are on none but other lines than the one that is
// written now, and not known to be lost.
func (l *Ledger) Undecided() bool { return l.apart > 0 }

// heldByAny is No when all rows prove that.
func (e *entry) heldByAny(rows []Row) Answer {
	held := No
	for _, row := range rows {
		switch e.heldBy(row) {
		case Yes:
			return Yes
		case Unproved:
			held = Unproved
		case No:
		}
	}
	return held
}

func (loss *Loss) with(e *entry) *Loss {
	if loss == nil {
		// Of those that the first one stands for, the line may have some.
		loss = &Loss{From: e.capacity, FirstLSN: e.lsn, Commits: 1 - e.beats}
	}
	loss.Commits += e.beats
	loss.Era, loss.To, loss.LastLSN = e.era, e.capacity, e.lsn
	return loss
}
