package verdict_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// acked is a beat that was acknowledged after some seconds. Its position goes with
// its value.
func acked(seconds float64, r verdict.Row) verdict.Beat {
	return verdict.Beat{Row: r, Sent: moment(seconds), Acknowledged: moment(seconds), LSN: verdict.LSN(r.Capacity * 100)}
}

func moment(seconds float64) time.Time {
	return time.Unix(1_000_000, 0).Add(time.Duration(seconds * float64(time.Second)))
}

// remembering is a ledger of beats, one a second.
func remembering(rows ...verdict.Row) *verdict.Ledger {
	var l verdict.Ledger
	for i, r := range rows {
		l.Record(acked(float64(i), r))
	}
	return &l
}

// ofBirth is the row as one that was made in another place or time.
func ofBirth(born int64, r verdict.Row) verdict.Row {
	r.Born = born
	return r
}

func TestStand(t *testing.T) {
	t.Parallel()
	beat := row(8, era{1, 0})
	for _, test := range []struct {
		situation string
		ledger    *verdict.Ledger
		shown     verdict.Row
		want      verdict.Standing
	}{
		{"the replica shows the beat", remembering(beat), beat, verdict.Shows},
		{"the replica lags", remembering(row(7, era{1, 0}), beat), row(7, era{1, 0}), verdict.Behind},
		{"the exporter was restarted, the replica shows a beat of before", remembering(beat), row(2, era{1, 0}), verdict.Behind},
		{"the replica has no row", remembering(beat), verdict.Row{}, verdict.Unknown},
		{"the row was made again, the replica shows one that we wrote", remembering(ofBirth(98, row(500, era{7, 0})), beat), ofBirth(98, row(490, era{7, 0})), verdict.Behind},
		{"the row was made again, the replica shows one that we never wrote", remembering(beat), ofBirth(98, row(490, era{7, 0})), verdict.Unknown},
		{"the table has births since a while, the replica's has not", remembering(ofBirth(0, row(500)), beat), ofBirth(0, row(490)), verdict.Unknown},
		{"a resumed copy shows a value that we wrote elsewhere", remembering(row(6, era{1, 0}), beat), changed(row(6, era{1, 0}), func(r *verdict.Row) { r.Mark = -1 }), verdict.Left},
		{"so it does, and we were on a rogue in between", remembering(row(6, era{1, 0}), row(5, era{1, 0}, era{2, 4}), beat), changed(row(6, era{1, 0}), func(r *verdict.Row) { r.Mark = -1 }), verdict.Left},
		{"another exporter wrote the value", remembering(row(5, era{1, 0}), row(7, era{1, 0}), beat), changed(row(6, era{1, 0}), func(r *verdict.Row) { r.Mark = -1 }), verdict.Behind},
	} {
		if got := test.ledger.Stand(beat, test.shown); got != test.want {
			t.Errorf("%s: %v, want %v", test.situation, got, test.want)
		}
	}
}

// step is a probe: what it wrote, the rows of other servers that take writes, and
// how many beats that makes lost and at risk.
type step struct {
	wrote        []verdict.Row
	rivals       []verdict.Row
	lost, atRisk int64
}

// beats are those of an era that is the last of these, of the given values.
func beats(from, to int64, eras ...verdict.Era) []verdict.Row {
	var rows []verdict.Row
	for value := from; value <= to; value++ {
		rows = append(rows, row(value, eras...))
	}
	return rows
}

func TestLose(t *testing.T) {
	t.Parallel()
	old, promoted := era{1, 0}, era{2, 4}
	six := beats(1, 6, old)
	on := func(rows ...verdict.Row) []verdict.Row { return rows }
	for _, test := range []struct {
		situation string
		steps     []step
	}{
		{"a healthy pair", []step{{wrote: six}, {wrote: beats(7, 9, old)}}},
		{"a restart of the primary", []step{{wrote: six}, {wrote: beats(7, 7, old, era{2, 6})}}},
		{"a failover, the new primary has all", []step{{wrote: six}, {wrote: beats(7, 8, old, era{2, 6})}}},
		{"a failover, the new primary lacks two", []step{{wrote: six}, {wrote: beats(5, 5, old, promoted), lost: 2}, {wrote: beats(6, 9, old, promoted)}}},
		{"the new primary is far ahead by the number", []step{{wrote: six}, {wrote: beats(500, 500, old, promoted), lost: 2}}},
		{"a failover loses no beat of the other exporter", []step{{wrote: on(six[0], six[2], six[5])}, {wrote: beats(5, 5, old, promoted), lost: 1}}},
		{"a crash takes acknowledged beats back", []step{{wrote: six}, {wrote: beats(6, 6, old, era{2, 5}), lost: 1}}},
		{"no commit was acknowledged while the synchronous standby was gone", []step{{wrote: beats(1, 4, old)}, {wrote: beats(5, 5, old, promoted)}}},

		// Two servers take writes.
		{
			"a pair, the old primary is alive, and given up later",
			[]step{
				{wrote: six},
				{wrote: beats(5, 5, old, promoted), rivals: on(six[5]), atRisk: 2},
				{wrote: beats(6, 6, old, promoted), rivals: on(row(30, old)), atRisk: 2},
				{wrote: beats(7, 7, old, promoted), lost: 2},
				{wrote: beats(8, 8, old, promoted), rivals: on(row(31, old))},
			},
		},
		{"the old primary was rewound, and promoted again", []step{{wrote: six}, {wrote: beats(5, 6, old, promoted), rivals: on(row(7, old, promoted, era{3, 5})), lost: 2}}},
		{"a third server takes writes, and has neither", []step{{wrote: six}, {wrote: beats(5, 5, old, promoted), rivals: on(row(5, old, era{3, 4})), lost: 2}}},
		{"one other server has them, and one does not", []step{{wrote: six}, {wrote: beats(5, 5, old, promoted), rivals: on(row(5, old, era{3, 4}), six[5]), atRisk: 2}}},
		{"a stray promotion, we stay", []step{{wrote: six, rivals: on(row(4, old))}, {wrote: beats(7, 8, old), rivals: on(row(9, old, promoted))}, {wrote: beats(9, 9, old)}}},
		{
			"a mistaken primary that comes and goes takes only what it got",
			[]step{
				{wrote: six},
				{wrote: beats(5, 6, old, promoted), rivals: on(six[5]), atRisk: 2},
				{wrote: beats(7, 8, old), lost: 2},
				{wrote: beats(7, 7, old, promoted), rivals: on(row(8, old)), atRisk: 4},
				{wrote: beats(9, 9, old), rivals: on(row(7, old, promoted)), atRisk: 1},
				{wrote: beats(10, 10, old), lost: 1},
			},
		},

		// Nothing is proved.
		{"another server takes writes, and shows no row", []step{{wrote: six}, {wrote: beats(5, 5, old, promoted), rivals: on(verdict.Row{})}, {wrote: beats(6, 6, old, promoted), lost: 2}}},
		{"another server takes writes, its row was made again", []step{{wrote: six}, {wrote: beats(5, 5, old, promoted), rivals: on(ofBirth(98, row(1)))}}},
		{"one other server has them, and one shows no row", []step{{wrote: six}, {wrote: beats(5, 5, old, promoted), rivals: on(six[5], verdict.Row{}), atRisk: 2}}},
		{"the row was made again", []step{{wrote: six}, {wrote: on(ofBirth(98, row(1, era{9, 0})))}}},
		{
			"the row was made again on the old primary, to which we went back",
			[]step{
				{wrote: six},
				{wrote: beats(5, 5, old, promoted), rivals: on(six[5]), atRisk: 2},
				{wrote: on(ofBirth(98, row(1, era{9, 0}))), rivals: on(row(5, old, promoted))},
			},
		},
		{
			"so it was, and looks like the one of before",
			[]step{
				{wrote: six},
				{wrote: beats(5, 8, old, promoted), rivals: on(six[5]), atRisk: 2},
				{wrote: on(ofBirth(98, row(9, old, promoted, era{3, 8})))},
			},
		},
		{"somebody set the value back", []step{{wrote: six}, {wrote: on(row(2, old, era{2, 4}))}}},
		{"sixteen lives of servers later, at once", []step{{wrote: six}, {wrote: on(row(320, lives(17, 160, 16)...))}}},
		{
			"sixteen lives of servers later, all seen",
			[]step{
				{wrote: beats(1, 12, lives(1, 0, 1)...)},
				{wrote: on(row(200, append(lives(1, 0, 1), lives(101, 10, 15)...)...)), rivals: on(row(12, lives(1, 0, 1)...)), atRisk: 2},
				{wrote: on(row(350, append(lives(115, 150, 1), lives(201, 200, 15)...)...)), rivals: on(row(12, lives(1, 0, 1)...)), atRisk: 2},
				{wrote: on(row(510, append(lives(215, 340, 1), lives(301, 350, 15)...)...)), lost: 2},
			},
		},
		{"two failovers that lose", []step{{wrote: six}, {wrote: beats(5, 9, old, promoted), lost: 2}, {wrote: beats(8, 8, old, promoted, era{3, 7}), lost: 2}}},
	} {
		var l verdict.Ledger
		for i, s := range test.steps {
			for _, r := range s.wrote {
				l.Record(acked(float64(i), r))
			}
			lost, atRisk := l.Lose(s.rivals)
			if commits(lost) != int(s.lost) || commits(atRisk) != int(s.atRisk) {
				t.Errorf("%s, probe %d: %d lost and %d at risk, want %d and %d",
					test.situation, i+1, commits(lost), commits(atRisk), s.lost, s.atRisk)
			}
		}
	}
}

func commits(loss *verdict.Loss) int {
	if loss == nil {
		return 0
	}
	return int(loss.Commits)
}

func TestLossSaysWhatToLookFor(t *testing.T) {
	t.Parallel()
	old, promoted := era{1, 0}, era{2, 4}
	l := remembering(row(3, old), row(5, old), row(7, old), row(5, old, promoted))
	want := &verdict.Loss{Commits: 2, Era: 1, From: 5, To: 7, FirstLSN: 500, LastLSN: 700}
	_, atRisk := l.Lose([]verdict.Row{row(7, old)})
	if diff := cmp.Diff(want, atRisk); diff != "" {
		t.Errorf("at risk (-want +got):\n%s", diff)
	}
	lost, _ := l.Lose(nil)
	if diff := cmp.Diff(want, lost); diff != "" {
		t.Errorf("lost (-want +got):\n%s", diff)
	}

	// The connection broke after the acknowledgement, before the position's row.
	l = &verdict.Ledger{}
	l.Record(verdict.Beat{Row: row(5, old), Acknowledged: moment(0)})
	l.Record(acked(1, row(5, old, promoted)))
	lost, _ = l.Lose(nil)
	if diff := cmp.Diff(&verdict.Loss{Commits: 1, Era: 1, From: 5, To: 5}, lost); diff != "" {
		t.Errorf("without a position (-want +got):\n%s", diff)
	}
}
