package probe

import (
	"sort"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// ledgerSize bounds the memory of a ledger: 45 days at one probe a minute,
// almost four at one every five seconds, in 1.5 MiB.
const ledgerSize = 1 << 16

// ledger remembers when which canary value was acknowledged, by the
// exporter's monotonic clock.
type ledger struct {
	base    time.Time
	entries []ledgerEntry // ascending by capacity and by time
}

type ledgerEntry struct {
	capacity int64
	at       time.Duration // since base
	lsn      verdict.LSN   // at or past the commit record
}

// record remembers an acknowledgement. A capacity that is not above the last one
// shows that the section was re-created or that commits were lost: what was
// acknowledged at or above it is forgotten.
func (l *ledger) record(capacity int64, at time.Time, lsn verdict.LSN) {
	if l.base.IsZero() {
		l.base = at
	}
	l.entries = l.entries[:l.indexAbove(capacity-1)]
	if len(l.entries) == ledgerSize {
		l.entries = append(l.entries[:0], l.entries[ledgerSize/2:]...)
	}
	l.entries = append(l.entries, ledgerEntry{capacity, at.Sub(l.base), lsn})
}

// oldestUnseen returns when the first value above capacity was acknowledged.
// It is false when the ledger does not reach back that far.
func (l *ledger) oldestUnseen(capacity int64) (time.Time, bool) {
	i := l.indexAbove(capacity)
	if i == len(l.entries) || (i == 0 && l.entries[0].capacity > capacity+1) {
		return time.Time{}, false
	}
	return l.base.Add(l.entries[i].at), true
}

// commitsPast counts the commits that were provably made after a position: those whose
// predecessor's position, which was read before them, is at or past it.
func (l *ledger) commitsPast(position verdict.LSN) int64 {
	var n int64
	for i := len(l.entries) - 1; i > 0 && l.entries[i-1].lsn >= position; i-- {
		n++
	}
	return n
}

// indexAbove returns the index of the first entry above capacity.
func (l *ledger) indexAbove(capacity int64) int {
	return sort.Search(len(l.entries), func(i int) bool { return l.entries[i].capacity > capacity })
}
