package verdict_test

import (
	"testing"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// row is a row of one birth, its last beat's mark made from era and value.
func row(capacity int64, eras ...verdict.Era) verdict.Row {
	mark := capacity * 1_000
	if len(eras) > 0 {
		mark += eras[len(eras)-1].ID
	}
	return verdict.Row{Found: true, Capacity: capacity, Mark: mark, Born: 99, Eras: eras}
}

// lives returns n eras of ten beats each, named first, first+1 and so on, the
// first of which follows from.
func lives(first, from int64, n int) []verdict.Era {
	var eras []verdict.Era
	for i := range int64(n) {
		eras = append(eras, verdict.Era{ID: first + i, From: from + 10*i})
	}
	return eras
}

func changed(r verdict.Row, change func(*verdict.Row)) verdict.Row {
	change(&r)
	return r
}

type era = verdict.Era

func TestCompare(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		situation   string
		beat, shown verdict.Row
		want        verdict.Standing
	}{
		// One primary.
		{"the replica shows the beat", row(7, era{1, 0}), row(7, era{1, 0}), verdict.Shows},
		{"the replica shows a later beat of another exporter", row(7, era{1, 0}), row(9, era{1, 0}), verdict.Shows},
		{"the replica lags", row(7, era{1, 0}), row(3, era{1, 0}), verdict.Behind},
		{"the replica has the row, from before the first beat", row(1, era{1, 0}), row(0), verdict.Behind},
		{"setup brought an older table along, the replica shows its last value", row(5001, era{1, 5000}), row(5000), verdict.Behind},
		{"the replica shows a value of before that, the beat is later", row(5003, era{1, 5000}), row(4000), verdict.Behind},
		{"the replica has no row", row(7, era{1, 0}), verdict.Row{}, verdict.Unknown},
		{"the replica's table has no eras yet", row(7, era{1, 0}), verdict.Row{Found: true, Capacity: 3}, verdict.Unknown},

		// Restarts and clean switchovers.
		{"the primary restarted, the replica shows the new beat", row(8, era{1, 0}, era{2, 7}), row(8, era{1, 0}, era{2, 7}), verdict.Shows},
		{"the primary restarted, the replica shows the last beat before it", row(8, era{1, 0}, era{2, 7}), row(7, era{1, 0}), verdict.Behind},
		{"the primary restarted after the beat, the replica shows what came then", row(7, era{1, 0}), row(8, era{1, 0}, era{2, 7}), verdict.Shows},
		{"after a switchover a replica still shows an early beat", row(20, era{1, 0}, era{2, 12}), row(4, era{1, 0}), verdict.Behind},

		// Failovers.
		{"a beat of the old primary that the new one has", row(5, era{1, 0}), row(9, era{1, 0}, era{2, 5}), verdict.Shows},
		{"a beat of the old primary that the new one lacks", row(6, era{1, 0}), row(9, era{1, 0}, era{2, 5}), verdict.Left},
		{"the old primary's replica goes on beyond the fork", row(9, era{1, 0}, era{2, 5}), row(6, era{1, 0}), verdict.Left},
		{"the old primary's replica stands right at the fork", row(9, era{1, 0}, era{2, 5}), row(5, era{1, 0}), verdict.Behind},
		{"the old primary and the new one wrote the same value", row(6, era{1, 0}, era{2, 5}), row(6, era{1, 0}), verdict.Left},
		{"the old primary is far ahead by the number", row(6, era{1, 0}, era{2, 5}), row(500, era{1, 0}), verdict.Left},
		{"two standbys were promoted from the same value", row(8, era{1, 0}, era{2, 5}), row(8, era{1, 0}, era{3, 5}), verdict.Left},
		{"two standbys were promoted, the earlier lacks more", row(8, era{1, 0}, era{2, 3}), row(8, era{1, 0}, era{3, 5}), verdict.Left},
		{"the old primary came back by pg_rewind", row(9, era{1, 0}, era{2, 5}), row(9, era{1, 0}, era{2, 5}), verdict.Shows},
		{"the old primary came back by pg_rewind and was restarted as primary", row(9, era{1, 0}, era{2, 5}), row(10, era{1, 0}, era{2, 5}, era{3, 9}), verdict.Shows},
		{"the fork lies before the first beat", row(1, era{1, 0}), row(1, era{2, 0}), verdict.Left},

		// Restores and copies.
		{"restored to a point in time, a replica of before is beyond it", row(4, era{1, 0}, era{2, 3}), row(9, era{1, 0}), verdict.Left},
		{"restored to a point in time, a replica of before is not", row(4, era{1, 0}, era{2, 3}), row(2, era{1, 0}), verdict.Behind},
		{"a cold copy was started on the same timeline", row(8, era{1, 0}, era{2, 5}), row(8, era{1, 0}, era{3, 5}), verdict.Left},
		{"a cold copy shows no beat of its own yet", row(8, era{1, 0}, era{2, 5}), row(5, era{1, 0}), verdict.Behind},
		{"the primary crashed and took an acknowledged beat back", row(6, era{1, 0}), row(7, era{1, 0}, era{2, 5}), verdict.Left},
		{"a virtual machine was resumed twice, both wrote the value", row(8, era{1, 0}), changed(row(8, era{1, 0}), func(r *verdict.Row) { r.Mark = -1 }), verdict.Left},

		// The row made again.
		{"the row was deleted and made again, the replica shows the old one", row(1, era{2, 0}), changed(row(500, era{1, 0}), func(r *verdict.Row) { r.Born = 98 }), verdict.Unknown},
		{"the row was made again after the beat", row(500, era{1, 0}), changed(row(0), func(r *verdict.Row) { r.Born = 98 }), verdict.Unknown},

		// Eras that were dropped.
		{"sixteen eras, the replica shows the oldest", row(160, lives(1, 0, 16)...), row(5, lives(1, 0, 1)...), verdict.Behind},
		{"seventeen eras, the replica shows the oldest", row(170, lives(2, 10, 16)...), row(5, lives(1, 0, 1)...), verdict.Unknown},
		{"seventeen eras, the replica shows the end of the oldest", row(170, lives(2, 10, 16)...), row(10, lives(1, 0, 1)...), verdict.Unknown},
		{"seventeen eras, the replica left in the oldest", row(170, lives(2, 10, 16)...), row(11, lives(1, 0, 1)...), verdict.Left},
		{"seventeen eras, the replica left in the second", row(170, lives(2, 10, 16)...), row(25, lives(1, 0, 2)...), verdict.Left},
		{"seventeen eras since the beat", row(5, lives(1, 0, 1)...), row(170, lives(2, 10, 16)...), verdict.Unknown},
		{"seventeen eras on both sides of a fork", row(170, lives(2, 10, 16)...), row(180, append(lives(2, 10, 1), lives(103, 20, 15)...)...), verdict.Left},
		{"sixteen eras on both sides of a fork, none in common", row(320, lives(17, 160, 16)...), row(320, lives(117, 160, 16)...), verdict.Left},
		{"sixteen eras on, the replica has stood still", row(320, lives(17, 160, 16)...), row(160, lives(1, 0, 16)...), verdict.Unknown},

		// Rows that beats do not make.
		{"somebody set the value back", row(7, era{1, 0}, era{2, 5}), row(3, era{1, 0}, era{2, 5}), verdict.Unknown},
		{"somebody changed what an era follows", row(7, era{1, 0}, era{2, 5}), row(8, era{1, 0}, era{2, 4}), verdict.Unknown},
	} {
		if got := verdict.Compare(test.beat, test.shown); got != test.want {
			t.Errorf("%s: %v, want %v", test.situation, got, test.want)
		}
	}
}

func TestCompareMarked(t *testing.T) {
	t.Parallel()
	beat := row(8, era{1, 0})
	another := changed(row(6, era{1, 0}), func(r *verdict.Row) { r.Mark = -1 })
	remembers := func(mark int64) func(int64, int64) (int64, bool) {
		return func(era, capacity int64) (int64, bool) { return mark, era == 1 && capacity == 6 }
	}
	for _, test := range []struct {
		situation string
		shown     verdict.Row
		mark      int64
		want      verdict.Standing
	}{
		{"the replica shows an earlier beat of ours", another, -1, verdict.Behind},
		{"a resumed copy shows a value that we wrote elsewhere", another, 6001, verdict.Left},
		{"the value is not one of ours", row(5, era{1, 0}), -1, verdict.Behind},
		{"the replica is ahead", row(9, era{1, 0}), -1, verdict.Shows},
	} {
		if got := verdict.CompareMarked(beat, test.shown, remembers(test.mark)); got != test.want {
			t.Errorf("%s: %v, want %v", test.situation, got, test.want)
		}
	}
}

func TestHolds(t *testing.T) {
	t.Parallel()
	kept := row(9, era{1, 0}, era{2, 5})
	for _, test := range []struct {
		situation     string
		row           verdict.Row
		era, capacity int64
		want          verdict.Answer
	}{
		{"the last beat before the fork", kept, 1, 5, verdict.Yes},
		{"the first beat after the fork, on the old primary", kept, 1, 6, verdict.No},
		{"the first beat after the fork, on the new one", kept, 2, 6, verdict.Yes},
		{"a beat that the kept primary has yet to show", kept, 2, 10, verdict.No},
		{"a beat of an era that never was on this line", kept, 3, 4, verdict.No},
		{"a beat from before there were eras", row(9, era{1, 5}), 0, 5, verdict.Yes},
		{"a beat from before there were eras, beyond the fork", row(9, era{1, 5}), 0, 6, verdict.No},
		{"a beat of an era that may have been dropped", row(320, lives(17, 160, 16)...), 3, 25, verdict.Unproved},
		{"a beat of an era that may have been dropped, but the value is above", row(320, lives(17, 160, 16)...), 3, 161, verdict.No},
		{"no row", verdict.Row{}, 1, 1, verdict.Unproved},
	} {
		if got := test.row.Holds(test.era, test.capacity); got != test.want {
			t.Errorf("%s: %v, want %v", test.situation, got, test.want)
		}
	}
}

func TestErasOfAnArray(t *testing.T) {
	t.Parallel()
	if got := verdict.Eras([]int64{1, 0, 2, 5}); len(got) != 2 || got[1] != (verdict.Era{ID: 2, From: 5}) {
		t.Errorf("two pairs: %v", got)
	}
	if got := verdict.Eras([]int64{1, 0, 2}); got != nil {
		t.Errorf("no pairs: %v", got)
	}
}
