package verdict_test

import (
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

func TestFullLedgerForgetsTheOlderHalf(t *testing.T) {
	t.Parallel()
	var l verdict.Ledger
	write(&l, 1, 6, era{1, 0})
	beat := write(&l, 5, 4+size, era{1, 0}, era{2, 4})

	stale := moment(float64(beat.Capacity) + 10)
	v := l.Judge(beat, verdict.Sightings{Stale: stale, Standing: verdict.Behind, Row: row(4, era{1, 0})}, time.Second)
	if want := stale.Sub(moment(size/2 - 1)); v.Lag == nil || *v.Lag != want {
		t.Errorf("lag %v, want that of the oldest beat that is remembered: %v", v.Lag, want)
	}
	if lost, _ := l.Lose(nil); commits(lost) != 2 {
		t.Errorf("%d lost, want the two that were at risk", commits(lost))
	}
}

func TestFullLedgerForgetsWhatIsAtRiskLast(t *testing.T) {
	t.Parallel()
	var l verdict.Ledger
	write(&l, 1, size-100, era{1, 0})
	write(&l, 5, 104, era{1, 0}, era{2, 4})
	write(&l, 105, 105, era{1, 0}, era{2, 4})
	if lost, _ := l.Lose(nil); commits(lost) != size/2-100 {
		t.Errorf("%d lost, want what is left of the half: %d", commits(lost), size/2-100)
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
