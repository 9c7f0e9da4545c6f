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
