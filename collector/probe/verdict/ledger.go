package verdict

import (
	"iter"
	"time"
)

// Beat is an acknowledged canary commit.
type Beat struct {
	// Row is the section as the beat left it behind.
	Row
	// Sent is when the write left for the primary, and Acknowledged when the commit's
	// acknowledgement reached the exporter.
	Sent, Acknowledged time.Time
	// LSN is at or past the end of the commit record; 0 where not known.
	LSN LSN
}

// Ledger remembers the beats that were acknowledged to this exporter, in the
// order of their acknowledgement. The zero ledger is empty.
type Ledger struct {
	entries []entry
	last    Row
	number  int64 // of the last beat
	trimmed int   // how many entries there were when they were last made fewer
	apart   int   // how many entries are proved to be apart from the line that is written now
}

// entry is what is remembered of a beat.
type entry struct {
	number          int64 // counts the beats that were recorded
	beats           int64 // how many it stands for: itself, and those right before it that were dropped
	born, era, mark int64
	capacity        int64
	at              time.Time     // when it was acknowledged
	took            time.Duration // from when it was sent
	lsn             LSN
	// held says whether the line that is written now has the beat.
	held Answer
}

// Record adds a beat, which says what became of those before it: it is on the
// line that is written now.
func (l *Ledger) Record(b Beat) {
	if b.Era() != l.last.Era() {
		l.follow(b.Row)
	}
	l.last = b.Row
	if len(l.entries) == ledgerSize {
		l.thin()
	}
	if l.entries == nil {
		l.entries = make([]entry, 0, ledgerRoom)
	}
	l.number++
	l.entries = append(l.entries, entry{
		number: l.number, beats: 1, born: b.Born, era: b.Era(), mark: b.Mark, capacity: b.Capacity, at: b.Acknowledged,
		took: b.Acknowledged.Sub(b.Sent), lsn: b.LSN, held: Yes,
	})
}

func (l *Ledger) countApart() {
	l.apart = 0
	for i := range l.entries {
		if l.entries[i].held == No {
			l.apart++
		}
	}
}

// follow tells apart which beats are on the line that led to a row.
//
// Where the row proves nothing about a beat, what was proved before still holds if
// the row's line goes on from the last beat: a later one cannot have led to it. If
// it does not, as of a row that was made again, nothing is said.
func (l *Ledger) follow(row Row) {
	goesOn := row.Born == l.last.Born && row.Holds(l.last.Era(), l.last.Capacity) == Yes
	for i := range l.entries {
		e := &l.entries[i]
		if held := e.heldBy(row); held != Unproved || !goesOn {
			e.held = held
		}
	}
	l.countApart()
}

func (e *entry) heldBy(row Row) Answer {
	if e.born != row.Born {
		return Unproved
	}
	return row.Holds(e.era, e.capacity)
}

// Stand says how a row that was shown stands to the last beat, by all that the
// two rows and the memory prove.
func (l *Ledger) Stand(beat, shown Row) Standing {
	if shown.Found && beat.Found && shown.Born != beat.Born && l.rememberBirth(shown.Born) {
		// It was made before the beat, and so cannot have it.
		return Behind
	}
	return CompareMarked(beat, shown, func(era, capacity int64) (int64, bool) {
		return l.markOf(beat.Born, era, capacity)
	})
}

// rememberBirth says whether a beat of a row's earlier making is remembered.
func (l *Ledger) rememberBirth(born int64) bool {
	if born == 0 {
		return false
	}
	for i := range l.entries {
		if l.entries[i].born == born {
			return true
		}
	}
	return false
}

// markOf returns the mark of a beat on the line that is written now. Going back on
// it, values fall.
func (l *Ledger) markOf(born, era, capacity int64) (int64, bool) {
	for i := len(l.entries) - 1; i >= 0; i-- {
		e := &l.entries[i]
		switch {
		case e.held != Yes || e.born != born:
		case e.capacity < capacity:
			return 0, false
		case e.era == era && e.capacity == capacity:
			return e.mark, true
		}
	}
	return 0, false
}

// oldestUnseen returns the oldest remembered beat on the line that is written now
// which a row does not show that lies behind the last one or is not there at all;
// nil when there is none. Whether it shows those of a row of before this one was
// made, nobody can tell.
func (l *Ledger) oldestUnseen(shown Row) *entry {
	var oldest *entry
	for e := range l.unseen(shown) {
		oldest = e
	}
	return oldest
}

// unseen goes back over those beats, the newest first.
func (l *Ledger) unseen(shown Row) iter.Seq[*entry] {
	return func(yield func(*entry) bool) {
		for i := len(l.entries) - 1; i >= 0; i-- {
			e := &l.entries[i]
			if e.held != Yes {
				continue
			}
			if shown.Found && e.born == shown.Born && e.capacity <= shown.Capacity || !yield(e) {
				return
			}
		}
	}
}
