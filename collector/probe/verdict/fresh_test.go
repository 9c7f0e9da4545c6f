package verdict

import (
	"testing"
	"time"
	"unsafe"
)

// TestFresh: every rule of the gate's answer, one difference to a node that passes at a time.
func TestFresh(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	const ms = time.Millisecond
	for name, test := range map[string]struct {
		change func(*Evidence)
		open   bool
		state  GateState
		lag    time.Duration // below 0: none
	}{
		"shows a new beat":               {func(*Evidence) {}, true, GateFresh, 300 * ms},
		"was seen before most of max":    {func(e *Evidence) { e.Max, e.Seen = time.Hour, ago(2*time.Second) }, true, GateFresh, 300 * ms},
		"just as old as was asked for":   {func(e *Evidence) { e.AsOf = ago(500 * ms) }, true, GateFresh, 500 * ms},
		"a nanosecond older":             {func(e *Evidence) { e.AsOf = ago(500*ms + 1) }, false, GateStale, 500*ms + 1},
		"new enough to the end":          {func(e *Evidence) { e.Ahead = 200 * ms }, true, GateFresh, 300 * ms},
		"not to the end":                 {func(e *Evidence) { e.Ahead = 200*ms + 1 }, false, GateStale, 300 * ms},
		"kept has no end":                {func(e *Evidence) { down(time.Minute, 500*ms)(e); e.Ahead = time.Hour }, true, GateKept, time.Minute + 500*ms},
		"behind the last beat, but new":  {func(e *Evidence) { e.Standing = Behind }, true, GateFresh, 300 * ms},
		"took the last beat":             {func(e *Evidence) { e.TakesWrites, e.Writer = true, true }, true, GatePrimary, 300 * ms},
		"took one long ago":              {func(e *Evidence) { e.TakesWrites, e.Writer, e.AsOf = true, true, ago(time.Minute) }, false, GateStale, time.Minute},
		"paused":                         {func(e *Evidence) { e.AsOf, e.Way = ago(time.Minute), StatePaused }, false, "paused", time.Minute},
		"paused, but not for long":       {func(e *Evidence) { e.Way = StatePaused }, true, GateFresh, 300 * ms},
		"a clock that stands still":      {func(e *Evidence) { e.AsOf = now.Add(ms) }, true, GateFresh, 0},
		"no connection":                  {func(e *Evidence) { e.Obstacle = GateUnreachable }, false, GateUnreachable, -1},
		"a pooler":                       {func(e *Evidence) { e.Obstacle = GatePooled }, false, GatePooled, -1},
		"several servers in turn":        {func(e *Evidence) { e.Obstacle = GateBalanced }, false, GateBalanced, -1},
		"another cluster":                {func(e *Evidence) { e.Obstacle = GateForeign }, false, GateForeign, -1},
		"another history":                {func(e *Evidence) { e.Standing = Left }, false, GateDiverged, -1},
		"rows that tell nothing":         {func(e *Evidence) { e.Standing = Unknown }, false, GateUnknown, -1},
		"takes writes itself":            {func(e *Evidence) { e.TakesWrites = true }, false, GateDiverged, -1},
		"two primaries":                  {func(e *Evidence) { e.Split = true }, false, GateSplit, -1},
		"two primaries, and it is one":   {func(e *Evidence) { e.Split, e.TakesWrites, e.Writer = true, true, true }, false, GateSplit, -1},
		"never seen":                     {func(e *Evidence) { e.Seen = time.Time{} }, false, GateUnknown, -1},
		"silent":                         {func(e *Evidence) { e.Max, e.Seen = time.Hour, ago(GateContact+1) }, false, GateUnknown, -1},
		"has shown none":                 {func(e *Evidence) { e.AsOf = time.Time{} }, false, GateUnknown, -1},
		"no primary, but new":            {func(e *Evidence) { e.Down = true }, true, GateFresh, 300 * ms},
		"no primary":                     {func(e *Evidence) { e.Down, e.AsOf = true, ago(time.Minute) }, false, GateNoPrimary, time.Minute},
		"kept, has the last beat":        {down(time.Minute, 0), true, GateKept, time.Minute},
		"kept, was as new":               {down(time.Minute, 500*ms), true, GateKept, time.Minute + 500*ms},
		"was too old already":            {down(time.Minute, 501*ms), false, GateNoPrimary, time.Minute + 501*ms},
		"kept is no matter of histories": {func(e *Evidence) { down(time.Minute, 0)(e); e.Standing = Left }, false, GateDiverged, -1},
		"nor of two primaries":           {func(e *Evidence) { down(time.Minute, 0)(e); e.Split = true }, false, GateSplit, -1},
		"nor of a node that is silent":   {func(e *Evidence) { down(time.Minute, 0)(e); e.Seen = ago(time.Minute) }, false, GateUnknown, -1},
		"keep without need":              {func(e *Evidence) { down(time.Minute, 0)(e); e.Down = false }, false, GateStale, time.Minute},
	} {
		e := Evidence{Now: now, Max: 500 * ms, Seen: ago(100 * ms), Standing: Shows, AsOf: ago(300 * ms), Newest: ago(100 * ms)}
		test.change(&e)
		got := e.Fresh()
		lag := time.Duration(-1)
		if got.Lag != nil {
			lag = *got.Lag
		}
		if got.Open != test.open || got.State != test.state || lag != test.lag {
			t.Errorf("%s: %v, %s, %v; want %v, %s, %v", name, got.Open, got.State, lag, test.open, test.state, test.lag)
		}
	}
}

// down has the primary gone that acknowledged the last beat some time ago, which the node lacks by so much.
func down(last, lacks time.Duration) func(*Evidence) {
	return func(e *Evidence) {
		e.Down, e.Keep = true, true
		e.Newest = e.Now.Add(-last)
		e.AsOf = e.Newest.Add(-lacks)
	}
}

// TestNothingUnknownPasses: of all that can be known of a node, whatever is missing closes the gate.
func TestNothingUnknownPasses(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	for bits := range 1 << 9 {
		is := func(i int) bool { return bits&(1<<i) != 0 }
		e := Evidence{Now: now, Max: time.Second, Down: is(0), Keep: is(1), Split: is(2), TakesWrites: is(3), Writer: is(4)}
		if is(5) {
			e.Seen = now
		}
		if is(6) {
			e.AsOf = now
		}
		if is(7) {
			e.Standing = Behind
		}
		if is(8) {
			e.Newest = now
		}
		proved := is(5) && is(6) && is(7) && !e.Split && (!e.TakesWrites || e.Writer)
		if got := e.Fresh(); got.Open != proved || (got.Lag != nil) != proved {
			t.Errorf("%+v is answered by %+v", e, got)
		}
	}
}

func TestWritable(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	for name, test := range map[string]struct {
		change func(*Acknowledgement)
		open   bool
		state  GateState
	}{
		"acknowledged it":                  {func(*Acknowledgement) {}, true, GateWritable},
		"just in time":                     {func(a *Acknowledgement) { a.At = now.Add(-time.Second) }, true, GateWritable},
		"too long ago":                     {func(a *Acknowledgement) { a.At = now.Add(-time.Second - 1) }, false, GateNoPrimary},
		"none was":                         {func(a *Acknowledgement) { a.At = time.Time{} }, false, GateNoPrimary},
		"one failed since":                 {func(a *Acknowledgement) { a.Down = true }, false, GateNoPrimary},
		"another one did":                  {func(a *Acknowledgement) { a.Writer, a.Other = false, true }, false, GateNotPrimary},
		"a connection that is another one": {func(a *Acknowledgement) { a.Writer = false }, false, GateUnknown},
		"no connection":                    {func(a *Acknowledgement) { a.Obstacle = GateUnreachable }, false, GateUnreachable},
		"several servers in turn":          {func(a *Acknowledgement) { a.Obstacle = GateBalanced }, false, GateBalanced},
	} {
		a := Acknowledgement{Now: now, Max: time.Second, At: now.Add(-time.Millisecond), Writer: true}
		test.change(&a)
		if got := a.Writable(); got.Open != test.open || got.State != test.state {
			t.Errorf("%s: %+v, want %v, %s", name, got, test.open, test.state)
		}
	}
}

// TestSuspendedMachine: while it was, the monotonic clock stood still, and reads got older.
func TestSuspendedMachine(t *testing.T) {
	t.Parallel()
	before := time.Now()
	now := before.Add(time.Millisecond)
	// The seconds of the day are above the thirty bits of the nanoseconds, in a time that has a monotonic reading.
	(*struct{ wall uint64 })(unsafe.Pointer(&now)).wall += 60 << 30
	if now.Sub(before) != time.Millisecond || now.Round(0).Sub(before.Round(0)) < time.Minute {
		t.Fatalf("this is no time of a machine that was suspended: %v, %v", now.Sub(before), now.Round(0).Sub(before.Round(0)))
	}
	e := Evidence{Now: now, Max: time.Second, Seen: before, AsOf: before, Newest: before, Standing: Shows}
	if got := e.Fresh(); got.Open {
		t.Errorf("a read after a minute's sleep is answered by %+v", got)
	}
	a := Acknowledgement{Now: now, Max: time.Second, At: before, Writer: true}
	if got := a.Writable(); got.Open {
		t.Errorf("a write after that by %+v", got)
	}
	if got := age(before, now); got > 0 {
		t.Errorf("a clock that was set back adds %v", got)
	}
}
