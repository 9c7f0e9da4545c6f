package verdict

// Remembers says whether the ledger has a beat: what was lost it forgets.
func (l *Ledger) Remembers(b Beat) bool {
	for _, e := range l.entries {
		if e.mark == b.Mark {
			return true
		}
	}
	return false
}

// Len is how many beats the ledger remembers.
func (l *Ledger) Len() int { return len(l.entries) }

// Room is for how many beats there is memory.
func (l *Ledger) Room() int { return cap(l.entries) }

// Alternate fills the ledger with beats of which none is on the line of the next.
func (l *Ledger) Alternate(size int) {
	for i := range size {
		l.entries = append(l.entries, entry{beats: 1, era: int64(i)})
	}
}
