package drill

import (
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

func TestRecovery(t *testing.T) {
	const second = time.Second
	for name, test := range map[string]struct {
		play func(*script)
		want time.Duration // 0: not recovered
	}{
		"nothing happened": {func(s *script) { s.play(20*second, synced("b")) }, 0},
		"a short wait":     {func(s *script) { s.play(second, synced("b")); s.ok(60 * ms); s.play(20*second, synced("b")) }, 0},
		"an outage, all well since": {
			func(s *script) { s.play(second, synced("b")); s.no(ms, "connect"); s.play(20*second, synced("b")) },
			second + 20*ms + calm,
		},
		"an outage, well for too short": {func(s *script) { s.play(second, synced("b")); s.no(ms, "connect"); s.play(4*second, synced("b")) }, 0},
		"short waits do not count": {
			func(s *script) {
				s.play(second, synced("b"))
				s.no(ms, "connect")
				s.play(2*second, synced("b"))
				s.ok(60 * ms)
				s.play(20*second, synced("b"))
			},
			second + 20*ms + calm,
		},
		"a replica that was behind": {
			func(s *script) {
				s.play(second, synced("b"))
				s.no(ms, "connect")
				s.play(2*second, behind("b", second, "replaying"))
				s.play(20*second, synced("b"))
			},
			// It counts as synced when it has been for a moment.
			3*second + 20*ms + settled + calm,
		},
		"a replica that stays behind": {
			func(s *script) {
				s.play(second, synced("b"))
				s.no(ms, "connect")
				s.play(20*second, behind("b", second, "paused"))
			}, 0,
		},
		"a replica that is gone": {
			func(s *script) {
				s.play(second, synced("b"))
				s.no(ms, "connect")
				s.play(20*second, away("b", "connect"))
			},
			second + 20*ms + calm,
		},
		"another outage meanwhile": {
			func(s *script) {
				s.play(second, synced("b"))
				s.no(ms, "connect")
				s.play(2*second, synced("b"))
				s.no(ms, "connect")
				s.play(20*second, synced("b"))
			},
			3*second + 40*ms + calm,
		},
		"a takeover without an outage": {
			func(s *script) {
				s.play(second, synced("b"))
				s.promote("b", 0, 22)
				s.nodes["a"] = synced("a")
				s.ok(ms).Takeovers = []probe.Takeover{{From: "a", To: "b"}}
				s.play(20*second, synced("a"))
			},
			second + calm,
		},
	} {
		s := scripted("a", "b")
		test.play(s)
		c := s.recorded()
		at := c.Record(noon.Add(s.at)).Recovered
		if c.Recovered() != (test.want > 0) || (test.want > 0 && at.Sub(noon).Truncate(every) != test.want) {
			t.Errorf("%s: recovered %v, %v after the beginning, want %v", name, c.Recovered(), at.Sub(noon), test.want)
		}
	}
}
