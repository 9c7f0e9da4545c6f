package verdict

import (
	"cmp"
	"slices"
	"time"
)

const (
	// ledgerSize bounds the memory of a ledger, to 7 MiB.
	ledgerSize = 1 << 16
	// ledgerTail is how many beats are remembered one by one though every replica shows them: a
	// standby that nobody has met yet, or one that was restored, may show less.
	ledgerTail = 16
	// ledgerStep is which part of the way back to them may lie between two that are remembered of those before. How long
	// such a standby is behind is known to that part.
	ledgerStep = 10
	// ledgerSlack is how many beats are recorded at the least before they are made fewer again, and the part of those left
	// that is: so going through them costs each beat little.
	ledgerSlack = 8
	// ledgerRoom is for how many there is room from the first beat on. A process may have thousands of ledgers:
	// they are to have their size soon.
	ledgerRoom = 64
)

// Sighting is a beat that a row shows and the rows before it did not.
type Sighting struct {
	// Capacity is the value that it wrote, and Acknowledged when it was.
	Capacity     int64
	Acknowledged time.Time
}

// Reveal returns the beats that a row shows among those that were recorded after the one
// with the number, the newest first, and the number of the newest. WAL is replayed in
// order, so that those before it are shown as well.
func (l *Ledger) Reveal(after int64, shown Row) (beats []Sighting, upTo int64) {
	upTo = after
	for i := len(l.entries) - 1; i >= 0 && l.entries[i].number > after; i-- {
		e := &l.entries[i]
		if e.held != Yes || !e.shownBy(shown) {
			continue
		}
		upTo = max(upTo, e.number)
		beats = append(beats, Sighting{e.capacity, e.at})
	}
	return beats, upTo
}

func (e *entry) sent() time.Time { return e.at.Add(-e.took) }

// shownBy says whether a row proves to have the beat. Its own beat it tells by the mark.
func (e *entry) shownBy(row Row) bool {
	if e.born != row.Born || e.capacity > row.Capacity {
		return false
	}
	if e.era == row.Era() && e.capacity == row.Capacity && e.mark != row.Mark {
		return false
	}
	return e.heldBy(row) == Yes
}

// Newest returns the number of the last beat that was recorded, 0 for none.
func (l *Ledger) Newest() int64 { return l.number }

// After returns when the first and the last of the remembered beats were acknowledged that were
// recorded after the one with the number; zero for none.
func (l *Ledger) After(number int64) (first, last time.Time) {
	i, _ := slices.BinarySearchFunc(l.entries, number+1, func(e entry, n int64) int { return cmp.Compare(e.number, n) })
	if i == len(l.entries) {
		return time.Time{}, time.Time{}
	}
	return l.entries[i].at, l.entries[len(l.entries)-1].at
}

// newestShown returns the newest remembered beat that a row shows, nil for none.
func (l *Ledger) newestShown(row Row) *entry {
	for i := len(l.entries) - 1; i >= 0; i-- {
		if e := &l.entries[i]; e.held == Yes && e.shownBy(row) {
			return e
		}
	}
	return nil
}

// ShownSent returns when the newest remembered beat was sent that a row shows; zero for none.
func (l *Ledger) ShownSent(row Row) time.Time {
	if shown := l.newestShown(row); shown != nil {
		return shown.sent()
	}
	return time.Time{}
}

// unseenBeats returns how many beats on the line that is written now a row does not show.
func (l *Ledger) unseenBeats(shown Row) int64 {
	count := int64(0)
	for e := range l.unseen(shown) {
		count += e.beats
	}
	return count
}

// Trim makes those beats fewer that every replica shows, up to the one with the number, but for the last ones, and
// for what may still turn out to be lost: the further back, the more of them one stands for.
func (l *Ledger) Trim(shownByAll int64) {
	if len(l.entries) < l.trimmed+max(ledgerSlack, l.trimmed/ledgerSlack) {
		return
	}
	before, kept := min(shownByAll, l.number-ledgerTail), len(l.entries)
	for _, e := range slices.Backward(l.entries) {
		if kept < len(l.entries) {
			if next := &l.entries[kept]; next.number < before && e.standsWith(next) && e.held != No &&
				e.beats+next.beats <= (l.number-next.number)/ledgerStep {
				next.beats += e.beats
				continue
			}
		}
		kept--
		l.entries[kept] = e
	}
	l.entries = slices.Delete(l.entries, 0, kept)
	l.trimmed = len(l.entries)
	// After a long lag the most of it would be empty for good.
	if room := max(ledgerRoom, 2*l.trimmed); cap(l.entries) > 2*room {
		l.entries = append(make([]entry, 0, room), l.entries...)
	}
}

// thin drops every other beat of the older half, which the one after it stands for then:
// how long something has been waiting is known a little less exactly, and no less far
// back. Where that does not make room, the oldest are forgotten.
func (l *Ledger) thin() {
	const half = ledgerSize / 2
	kept := l.entries[:0]
	for i := 0; i < len(l.entries); i++ {
		e := l.entries[i]
		if i+1 < half && e.standsWith(&l.entries[i+1]) {
			i++
			beats := e.beats
			e = l.entries[i]
			e.beats += beats
		}
		kept = append(kept, e)
	}
	if len(kept) > half+half*3/4 {
		kept = append(kept[:0], kept[len(kept)-half:]...)
	}
	l.entries = kept
	l.countApart()
}

// standsWith says whether what is proved of the next beat is proved of this one too.
func (e *entry) standsWith(next *entry) bool {
	return e.born == next.born && e.era == next.era && e.held == next.held
}
