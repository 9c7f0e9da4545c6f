//go:build unix

package accuracy

import (
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/observer"
)

// ms is a millisecond, of history and of time.
const ms = 1_000_000

// halfASecondLate is an application that writes number n at 20n ms, which is acknowledged 2 ms later
// and shown half a second after that. The observer's reads take a millisecond.
func halfASecondLate() application {
	const late = 500 * ms
	var a application
	for n := range int64(200) {
		sent := history.Moment(observer.WriteInterval) * history.Moment(n)
		w := observer.Write{Number: n, Sent: sent, Answered: sent + 2*ms}
		shown, next := w.Answered+late, w.Answered+late+history.Moment(observer.WriteInterval)
		a.writes = append(a.writes, w)
		a.seen = append(a.seen, history.Seen{
			Value: n, First: history.Read{Sent: shown, Received: shown + ms}, Last: history.Read{Sent: next - ms, Received: next},
		})
	}
	return a
}

// stale is what an exporter that sends canaries every 100 ms truly says at 2000 ms: the one of 1400 ms
// is shown, that of 1500 ms will be at 2002.
func stale() said {
	return said{lag: 498 * ms, bound: 601 * ms, acknowledged: 1902 * ms, lastStale: 2000 * ms, decided: 2001 * ms}
}

// fresh is what it says when it has seen that one.
func fresh() said {
	return said{lag: 502 * ms, bound: 504 * ms, acknowledged: 1502 * ms, lastStale: 1999 * ms, decided: 2004 * ms, fresh: true}
}

func TestAgainstAnApplication(t *testing.T) {
	t.Parallel()
	a := halfASecondLate()
	for _, test := range []struct {
		situation string
		said      said
		change    func(*said)
		below     bool // that lag_seconds is contradicted
		above     bool // that the bound is
	}{
		{"behind", stale(), func(*said) {}, false, false},
		{"behind, a lag that is too short", stale(), func(s *said) { s.lag = 300 * ms }, false, false},
		{"behind, a lag that is too long by the application's interval", stale(), func(s *said) { s.lag = 519 * ms }, false, false},
		{"behind, a lag that is too long by more", stale(), func(s *said) { s.lag = 521 * ms }, true, false},
		{"behind, a bound that is too high", stale(), func(s *said) { s.bound = 700 * ms }, false, false},
		{"behind, a bound that is too low", stale(), func(s *said) { s.bound = 498 * ms }, false, true},
		{"shown", fresh(), func(*said) {}, false, false},
		{"shown, a stale read that cannot have been", fresh(), func(s *said) { s.lastStale = 2024 * ms }, true, false},
		{"shown, a bound that is too low", fresh(), func(s *said) { s.bound = 480 * ms }, false, true},
		{"shown by the first read", fresh(), func(s *said) { s.lastStale = history.Always }, false, false},
	} {
		s := test.said
		test.change(&s)
		_, below := a.fromBelow(s)
		_, above := a.fromAbove(s)
		if below != "" != test.below || above != "" != test.above {
			t.Errorf("%s: contradicted from below %q, from above %q; want %v and %v", test.situation, below, above, test.below, test.above)
		}
	}
}

// TestNothingToCompare: what proves nothing is not counted.
func TestNothingToCompare(t *testing.T) {
	t.Parallel()
	for situation, test := range map[string]struct {
		app          application
		said         said
		below, above bool // that there is something
	}{
		"a replica that is behind":             {halfASecondLate(), stale(), true, true},
		"a canary that the first read showed":  {halfASecondLate(), said{acknowledged: 1502 * ms, lastStale: history.Always, decided: 1503 * ms, bound: 3 * ms, fresh: true}, false, true},
		"an application that has not begun":    {application{}, stale(), false, false},
		"no write since the canary":            {halfASecondLate(), said{acknowledged: 1502 * ms, lastStale: 1510 * ms, decided: 2004 * ms, bound: 504 * ms, fresh: true}, false, true},
		"no write before the newest one shown": {halfASecondLate(), said{lag: 498 * ms, bound: 2001 * ms, lastStale: 2000 * ms, decided: 2001 * ms}, true, false},
	} {
		below, _ := test.app.fromBelow(test.said)
		above, _ := test.app.fromAbove(test.said)
		if below != test.below || above != test.above {
			t.Errorf("%s: compared from below %v, from above %v; want %v and %v", situation, below, above, test.below, test.above)
		}
	}
}

func TestLate(t *testing.T) {
	t.Parallel()
	a := halfASecondLate()
	for _, test := range []struct {
		situation string
		said      said
		change    func(*said)
		want      late
		off       time.Duration
	}{
		{"behind", stale(), func(*said) {}, late{least: 498 * ms, most: 520 * ms, open: 102 * ms}, 0},
		{"behind, canaries of every second", stale(), func(s *said) { s.lag = 98 * ms }, late{least: 498 * ms, most: 520 * ms, open: 502 * ms}, 400 * ms},
		{"behind, a read that took long", stale(), func(s *said) { s.decided, s.bound = 2041*ms, 641*ms }, late{least: 458 * ms, most: 520 * ms, open: 102 * ms}, 0},
		{"shown", fresh(), func(*said) {}, late{least: 479 * ms, most: 521 * ms, open: 5 * ms}, 0},
		{"shown, much later", fresh(), func(s *said) { s.lag, s.bound, s.decided = 598*ms, 600*ms, 2100*ms }, late{least: 479 * ms, most: 521 * ms, open: 101 * ms}, 77 * ms},
	} {
		s := test.said
		test.change(&s)
		l, known := a.late(s)
		if !known || l != test.want || l.off(s.lag) != test.off {
			t.Errorf("%s: %+v (known: %v), off by %v; want %+v and %v", test.situation, l, known, l.off(s.lag), test.want, test.off)
		}
	}
	if l, known := (application{}).late(stale()); known {
		t.Errorf("without an application: %+v", l)
	}
}
