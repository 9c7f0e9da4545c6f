package verdict_test

import (
	"slices"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// size is of a full ledger.
const size = 1 << 16

// write records the values of a range, one a second.
func write(l *verdict.Ledger, from, to int64, eras ...verdict.Era) (last verdict.Beat) {
	for value := from; value <= to; value++ {
		last = acked(float64(value), row(value, eras...))
		l.Record(last)
	}
	return last
}

// TestFullLedgerThinsOut: it reaches as far back as before, and still tells how many it had.
func TestFullLedgerThinsOut(t *testing.T) {
	t.Parallel()
	var l verdict.Ledger
	beat := write(&l, 1, 3*size, era{1, 0})
	stale := moment(float64(beat.Capacity) + 10)
	v := l.Judge(beat, verdict.Sightings{Stale: stale, Received: stale, Standing: verdict.Behind, Row: row(0)}, time.Second)
	if true, within := stale.Sub(moment(1)), 10*time.Minute; v.Lag == nil || *v.Lag > true || *v.Lag < true-within {
		t.Errorf("lag %v, want %v", v.Lag, true)
	}
	if v.Unseen == nil || *v.Unseen != 3*size {
		t.Errorf("%v unseen, want %d", *v.Unseen, 3*size)
	}
	write(&l, 6, 6, era{1, 0}, era{2, 5})
	if lost, _ := l.Lose(nil); commits(lost) < 3*size-600 || commits(lost) > 3*size-5 {
		t.Errorf("%d lost, want nearly %d and not more", commits(lost), 3*size-5)
	}
}

// TestFullLedgerIsBounded though no two beats in a row are of one line.
func TestFullLedgerIsBounded(t *testing.T) {
	t.Parallel()
	var l verdict.Ledger
	l.Alternate(size)
	l.Record(acked(1, row(1, era{1, 0})))
	if count := l.Len(); count != size/2+1 {
		t.Errorf("%d are remembered, want half", count)
	}
}

func TestLedgerIsTrimmedToWhatSomebodyLacks(t *testing.T) {
	t.Parallel()
	const beats = 10240
	for _, test := range []struct {
		situation   string
		shown       int64
		least, most int
	}{
		{"all show all", beats, 32, 200},
		{"one shows little", 10, beats - 10, beats},
		{"one shows nothing", 0, beats, beats},
	} {
		var l verdict.Ledger
		beat := write(&l, 1, beats, era{1, 0})
		l.Trim(test.shown)
		if got := l.Len(); got < test.least || got > test.most {
			t.Errorf("%s: %d are remembered, want %d to %d", test.situation, got, test.least, test.most)
		}
		stale := moment(float64(beat.Capacity) + 10)
		at := row(max(test.shown, beats-20), era{1, 0})
		v := l.Judge(beat, verdict.Sightings{Stale: stale, Received: stale, Standing: verdict.Behind, Row: at}, time.Second)
		if at.Capacity < beat.Capacity && (v.StalenessBound == nil || *v.StalenessBound != 30*time.Second) {
			t.Errorf("%s: what it shows is at most %v old", test.situation, v.StalenessBound)
		}
	}
}

// TestTrimmedLedgerIsExactEnough: as beats go on, memory stays small, and of a standby that is met late it is known to a tenth how
// long it is behind, and how many beats, in either direction that is safe: no less fresh than it is, and never fresher than proved.
func TestTrimmedLedgerIsExactEnough(t *testing.T) {
	t.Parallel()
	const beats, share = 30000, 1.0 / 10
	var l verdict.Ledger
	var beat verdict.Beat
	most := 0
	for value := int64(1); value <= beats; value++ {
		beat = write(&l, value, value, era{1, 0})
		l.Trim(value)
		most = max(most, l.Len())
	}
	if most > 160 {
		t.Errorf("%d beats are remembered", most)
	}
	now := moment(beats)
	for shown := int64(1); shown < beats; shown += 7 {
		v := l.Judge(beat, verdict.Sightings{Stale: now, Received: now, Standing: verdict.Behind, Row: row(shown, era{1, 0})}, time.Second)
		behind := float64(beats - shown) // One beat a second.
		switch {
		case v.StalenessBound == nil && behind > beats*(1-share): // Nothing that old is remembered.
		case v.Lag == nil || v.StalenessBound == nil:
			t.Fatalf("%v behind: nothing is said: %+v", behind, v)
		case v.Lag.Seconds() > behind || v.Lag.Seconds() < (behind-1)*(1-2*share)-1:
			t.Fatalf("%v s behind: the lag is %v", behind, v.Lag)
		case v.StalenessBound.Seconds() < behind || v.StalenessBound.Seconds() > behind*(1+2*share)+1:
			t.Fatalf("%v s behind: the bound is %v", behind, v.StalenessBound)
		}
	}
}

// TestLedgerGivesRoomBack: a process has thousands of ledgers, and each may have seen a long lag once.
func TestLedgerGivesRoomBack(t *testing.T) {
	t.Parallel()
	const beats = 10240
	var l verdict.Ledger
	write(&l, 1, beats, era{1, 0})
	l.Trim(0)
	if room := l.Room(); room < beats {
		t.Fatalf("there is room for %d while a replica lacks %d", room, beats)
	}
	write(&l, beats+1, 2*beats, era{1, 0})
	l.Trim(2 * beats)
	if room := l.Room(); room > 300 {
		t.Errorf("there is room for %d though %d are remembered", room, l.Len())
	}
}

func TestAfter(t *testing.T) {
	t.Parallel()
	var l verdict.Ledger
	if first, last := l.After(0); !first.IsZero() || !last.IsZero() || l.Newest() != 0 {
		t.Errorf("of nothing: %v and %v", first, last)
	}
	write(&l, 1, 5, era{1, 0})
	for after, want := range map[int64][2]time.Time{0: {moment(1), moment(5)}, 3: {moment(4), moment(5)}, 4: {moment(5), moment(5)}, 5: {}} {
		if first, last := l.After(after); !first.Equal(want[0]) || !last.Equal(want[1]) {
			t.Errorf("after %d: %v and %v, want %v", after, first, last, want)
		}
	}
}

func TestReveal(t *testing.T) {
	t.Parallel()
	old, promoted, other := era{1, 0}, era{2, 4}, era{3, 4}
	l := remembering(row(2, old), row(3, old), row(5, old), row(5, old, promoted), row(6, old, promoted))
	for _, test := range []struct {
		situation string
		after     int64
		shown     verdict.Row
		want      []int64
		upTo      int64
	}{
		{"all, but for what is on none but another line", 0, row(6, old, promoted), []int64{6, 5, 3, 2}, 5},
		{"those that it lacked before", 2, row(6, old, promoted), []int64{6, 5}, 5},
		{"up to its own", 0, row(3, old), []int64{3, 2}, 2},
		{"up to what somebody else wrote", 0, row(4, old), []int64{3, 2}, 2},
		{"nothing new", 2, row(3, old), nil, 2},
		{"less than before", 5, row(3, old), nil, 5},
		{"another line", 0, row(7, old, other), []int64{3, 2}, 2},
		{"the line that was left", 0, row(5, old), []int64{3, 2}, 2},
		{"another beat of the same value", 0, changed(row(6, old, promoted), func(r *verdict.Row) { r.Mark++ }), []int64{5, 3, 2}, 4},
		{"a row that was made apart", 0, changed(row(6, old, promoted), func(r *verdict.Row) { r.Born++ }), nil, 0},
		{"no row", 0, verdict.Row{}, nil, 0},
	} {
		beats, upTo := l.Reveal(test.after, test.shown)
		var got []int64
		for _, b := range beats {
			got = append(got, b.Capacity)
		}
		if !slices.Equal(got, test.want) || upTo != test.upTo {
			t.Errorf("%s: %v up to %d, want %v up to %d", test.situation, got, upTo, test.want, test.upTo)
		}
	}
}

// BenchmarkFullLedger is what a probe of a healthy pair, and of one whose replica
// lags by a thousand beats, asks of a full ledger.
func BenchmarkFullLedger(b *testing.B) {
	var l verdict.Ledger
	beat := write(&l, 1, size, era{1, 0})
	for _, bench := range []struct {
		name string
		s    verdict.Sightings
	}{
		{"healthy", verdict.Sightings{Fresh: moment(size + 1), Row: beat.Row}},
		{"lagging", verdict.Sightings{Stale: moment(size + 1), Row: changed(row(size-1000, era{1, 0}), func(r *verdict.Row) { r.Mark++ })}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			for b.Loop() {
				bench.s.Standing = l.Stand(beat.Row, bench.s.Row)
				bench.s.Left = l.LeftHistory(beat, verdict.State{}, verdict.State{Detailed: true, InRecovery: true}, bench.s.Row, bench.s.Standing)
				l.Judge(beat, bench.s, time.Second)
				l.Lose(nil)
			}
		})
	}
}
