package probe

import (
	"testing"
	"time"
)

func TestLedgerFindsOldestUnseen(t *testing.T) {
	start := time.Now()
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	var l ledger
	for i, capacity := range []int64{10, 11, 13, 14} { // 12 was another exporter's.
		l.record(capacity, at(i), 0)
	}
	for name, test := range map[string]struct {
		shown int64
		want  time.Time
		known bool
	}{
		"before the memory begins":        {8, time.Time{}, false},
		"the value before the first":      {9, at(0), true},
		"a remembered value":              {10, at(1), true},
		"before another exporter's value": {11, at(2), true},
		"another exporter's value":        {12, at(2), true},
		"the newest value":                {14, time.Time{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, known := l.oldestUnseen(test.shown)
			if !got.Equal(test.want) || known != test.known {
				t.Errorf("oldestUnseen(%d) = %v, %v; want %v, %v", test.shown, got, known, test.want, test.known)
			}
		})
	}
}

func TestLedgerForgetsWhatABeginningAnewUndid(t *testing.T) {
	start := time.Now()
	var l ledger
	for capacity := int64(1); capacity <= 5; capacity++ {
		l.record(capacity, start.Add(time.Duration(capacity)*time.Second), 0)
	}
	l.record(3, start.Add(time.Minute), 0)
	if got, _ := l.oldestUnseen(2); !got.Equal(start.Add(time.Minute)) {
		t.Errorf("the second 3 was acknowledged at %v, want %v", got, start.Add(time.Minute))
	}
	if at, known := l.oldestUnseen(3); known {
		t.Errorf("a value above the second 3 was acknowledged at %v", at)
	}
}

func TestLedgerIsBounded(t *testing.T) {
	start := time.Now()
	var l ledger
	const n = 3 * ledgerSize
	for capacity := int64(1); capacity <= n; capacity++ {
		l.record(capacity, start.Add(time.Duration(capacity)), 0)
	}
	if len(l.entries) > ledgerSize || cap(l.entries) > 2*ledgerSize {
		t.Errorf("the ledger has %d entries and room for %d, want at most %d", len(l.entries), cap(l.entries), ledgerSize)
	}
	if got, known := l.oldestUnseen(n - 1); !known || !got.Equal(start.Add(n)) {
		t.Errorf("the newest entry is %v, %v; want %v", got, known, start.Add(n))
	}
	if _, known := l.oldestUnseen(1); known {
		t.Error("the ledger claims to know what it dropped")
	}
}
