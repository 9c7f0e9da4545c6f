package verdict

import (
	"testing"
	"time"
)

// era returns a row of a line of eras, each of which begins after ten values.
func lineOf(capacity int64, eras ...int64) Row {
	r := Row{Found: true, Capacity: capacity, Mark: capacity, Born: 1, Timeline: uint32(len(eras))} //nolint:gosec // A few.
	for i, id := range eras {
		r.Eras = append(r.Eras, Era{ID: id, From: int64(10 * i)})
	}
	return r
}

// TestReached: a position that a node has replayed proves something on the same history alone.
func TestReached(t *testing.T) {
	t.Parallel()
	at := func(s int64) time.Time { return time.Unix(s, 0) }
	position := func(s int64, lsn LSN) Position {
		return Position{Sent: at(s), LSN: lsn, Timeline: 2, Row: lineOf(15, 1, 2), OwnRow: true}
	}
	standby := func(lsn LSN) State { return State{InRecovery: true, Detailed: true, Timeline: 2, ReplayLSN: lsn} }
	for name, test := range map[string]struct {
		change func(*Position)
		state  State
		row    Row
		want   time.Time
	}{
		"all of it":                  {nil, standby(300), lineOf(15, 1, 2), at(3)},
		"more":                       {nil, standby(999), lineOf(17, 1, 2), at(3)},
		"up to one before":           {nil, standby(299), lineOf(15, 1, 2), at(2)},
		"nothing":                    {nil, standby(99), lineOf(15, 1, 2), time.Time{}},
		"a row from before that":     {nil, standby(300), lineOf(14, 1, 2), time.Time{}},
		"a row of the era before":    {nil, standby(300), lineOf(9, 1), time.Time{}},
		"a row of another era":       {nil, standby(300), lineOf(15, 1, 3), time.Time{}},
		"another timeline":           {nil, State{InRecovery: true, Timeline: 3, ReplayLSN: 300}, lineOf(15, 1, 2), time.Time{}},
		"a timeline that is unknown": {nil, State{InRecovery: true, ReplayLSN: 300}, lineOf(15, 1, 2), time.Time{}},
		"a server that takes writes": {nil, State{Timeline: 2, ReplayLSN: 300}, lineOf(15, 1, 2), time.Time{}},
		"no row":                     {nil, standby(300), Row{}, time.Time{}},
		"a row made apart":           {nil, standby(300), func() Row { r := lineOf(15, 1, 2); r.Born = 9; return r }(), time.Time{}},
		"positions of a standby":     {func(p *Position) { p.InRecovery = true }, standby(300), lineOf(15, 1, 2), time.Time{}},
		"of a life without a beat":   {func(p *Position) { p.OwnRow = false }, standby(300), lineOf(15, 1, 2), time.Time{}},
		"that are unknown":           {func(p *Position) { p.LSN = 0 }, standby(300), lineOf(15, 1, 2), time.Time{}},
	} {
		var all Positions
		for _, p := range []Position{position(1, 100), position(2, 200), position(3, 300)} {
			if test.change != nil {
				test.change(&p)
			}
			all.Record(p)
		}
		if got := all.Reached(test.state, test.row); !got.Equal(test.want) {
			t.Errorf("%s: as of %v, want %v", name, got.Unix(), test.want.Unix())
		}
	}
}

// TestPositionsOfAnotherLife: a primary that crashed may write other WAL to where it has been.
func TestPositionsOfAnotherLife(t *testing.T) {
	t.Parallel()
	var all Positions
	all.Record(Position{Sent: time.Unix(1, 0), LSN: 100, Timeline: 2, Row: lineOf(15, 1, 2), OwnRow: true})
	all.Record(Position{Sent: time.Unix(2, 0), LSN: 90, Timeline: 2, Row: lineOf(25, 1, 2, 3), OwnRow: true})
	state := State{InRecovery: true, Timeline: 2, ReplayLSN: 100}
	if got := all.Reached(state, lineOf(15, 1, 2)); !got.IsZero() {
		t.Errorf("a row of before proves something as of %v", got.Unix())
	}
	if got := all.Reached(state, lineOf(25, 1, 2, 3)); got.Unix() != 2 {
		t.Errorf("a row of now proves something as of %v", got.Unix())
	}
}

// TestPositionsAreBounded, and the newest are those that stay.
func TestPositionsAreBounded(t *testing.T) {
	t.Parallel()
	var all Positions
	for i := range int64(10 * mostPositions) {
		all.Record(Position{Sent: time.Unix(i, 0), LSN: LSN(i + 1), Timeline: 2, Row: lineOf(15, 1, 2), OwnRow: true})
	}
	state := State{InRecovery: true, Timeline: 2, ReplayLSN: 9*mostPositions + mostPositions/2 + 1}
	if len(all.all) > mostPositions || all.Newest().Unix() != 10*mostPositions-1 || all.Reached(state, lineOf(15, 1, 2)).IsZero() {
		t.Errorf("%d are kept, the newest of %d", len(all.all), all.Newest().Unix())
	}
	if none := (&Positions{}); !none.Newest().IsZero() || none.Stand(lineOf(15, 1, 2)) != Unknown {
		t.Error("no positions say something")
	}
}

// TestWithoutHeader: an idle primary's insert position is where its standbys have replayed to.
func TestWithoutHeader(t *testing.T) {
	t.Parallel()
	const page, segment = 8192, 16 << 20
	for at, want := range map[LSN]LSN{
		0x3000028: 0x3000000, // After a switch to a new segment.
		0x3002018: 0x3002000, // After a page.
		0x3002028: 0x3002028, // A page's header is shorter: here a record has gone on.
		0x3000018: 0x3000018, // A segment's is longer.
		0x3000148: 0x3000148,
		0:         0,
	} {
		if got := at.WithoutHeader(page, segment); got != want {
			t.Errorf("%s becomes %s, want %s", at, got, want)
		}
	}
	if got := LSN(0x3000028).WithoutHeader(0, 0); got != 0x3000028 {
		t.Errorf("without sizes it becomes %s", got)
	}
}
