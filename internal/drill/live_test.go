package drill

import (
	"strings"
	"testing"
	"time"
)

func TestLiveLines(t *testing.T) {
	for name, test := range map[string]struct {
		play  func(*script)
		from  time.Duration // the second that is shown
		waits time.Duration // since when a beat waits; 0 for none
		want  string
	}{
		"all acknowledged": {
			func(s *script) { s.until(2*time.Second, func() { s.ok(3 * ms) }) }, 0, 0,
			"12:00:00  █████████████████████████   50 ok  a  lag 1.0 ms",
		},
		"refused from the middle on": {
			func(s *script) {
				s.until(600*ms, func() { s.ok(3 * ms) })
				s.until(2*time.Second, func() { s.no(ms, "connect") })
			}, 0, 0,
			"12:00:00  ███████████████▒▒▒▒▒▒▒▒▒▒   30 ok  20 refused  a  lag 1.0 ms",
		},
		"nothing but refused": {
			func(s *script) {
				s.until(600*ms, func() { s.ok(3 * ms) })
				s.until(2*time.Second, func() { s.no(ms, "connect") })
			}, time.Second, 0,
			"12:00:01  ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒    0 ok  50 refused  a",
		},
		"one that waits and is late": {
			func(s *script) {
				s.until(200*ms, func() { s.ok(3 * ms) })
				s.ok(400 * ms)
				s.until(2*time.Second, func() { s.ok(3 * ms) })
			}, 0, 0,
			"12:00:00  █████··········██████████   31 ok  a  lag 1.0 ms",
		},
		"one that waits, of which nothing is heard": {
			func(s *script) { s.until(1200*ms, func() { s.ok(3 * ms) }) }, time.Second, 1203 * ms,
			"12:00:01  █████····················   10 ok  a  lag 1.0 ms",
		},
		"one that waits for a whole second": {
			func(s *script) { s.until(1200*ms, func() { s.ok(3 * ms) }) }, 2 * time.Second, 1203 * ms,
			"12:00:02  ·························    0 ok  a",
		},
		"one that is given up": {
			func(s *script) {
				s.until(200*ms, func() { s.ok(3 * ms) })
				s.no(600*ms, "timeout")
				s.until(2*time.Second, func() { s.no(ms, "connect") })
			}, 0, 0,
			"12:00:00  █████···············▒▒▒▒▒   10 ok  10 refused  1 given up  a  lag 1.0 ms",
		},
		"the worst replica": {
			func(s *script) {
				s.until(500*ms, func() { s.ok(3 * ms) })
				s.nodes["b"] = behind("b", 80*ms, "replaying")
				s.until(2*time.Second, func() { s.ok(3 * ms) })
			}, 0, 0,
			"12:00:00  █████████████████████████   50 ok  a  lag 80 ms",
		},
		"before the first beat": {
			func(s *script) { s.at = 520 * ms; s.until(2*time.Second, func() { s.ok(3 * ms) }) }, 0, 0,
			"12:00:00               ████████████   24 ok  a  lag 1.0 ms",
		},
	} {
		s := scripted("a", "b")
		test.play(s)
		live := NewLive(every, false)
		for _, r := range s.results {
			live.Ended(r)
		}
		waits := time.Time{}
		if test.waits > 0 {
			waits = noon.Add(test.waits)
		}
		for second := time.Duration(0); second < test.from; second += time.Second {
			live.Line(noon.Add(second), waits) // It forgets what it has shown.
		}
		if got := live.Line(noon.Add(test.from), waits); got != test.want {
			t.Errorf("%s:\n%s, want\n%s", name, got, test.want)
		}
	}
}

func TestLiveColours(t *testing.T) {
	s := scripted("a", "b")
	s.until(time.Second, func() { s.no(ms, "connect") })
	live := NewLive(every, true)
	for _, r := range s.results {
		live.Ended(r)
	}
	if line := live.Line(noon, time.Time{}); strings.Count(line, "\x1b[31m▒\x1b[0m") != liveCells {
		t.Errorf("%q", line)
	}
}
