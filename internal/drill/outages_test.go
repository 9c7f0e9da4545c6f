package drill

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

// seen is what a test compares of an outage, in milliseconds from the beginning.
type seen struct {
	from, to                         int64 // to is -1 where it lasts
	atLeast, atMost, waited, refused int64
	refusals                         []Refusal
}

func seenOf(o *Outage) seen {
	s := seen{
		from: o.Began.Sub(noon).Milliseconds(), to: -1, atLeast: o.AtLeast.Milliseconds(), atMost: o.AtMost.Milliseconds(),
		waited: o.Waited.Milliseconds(), refused: o.Refused().Milliseconds(), refusals: o.Refusals,
	}
	if !o.Lasts() {
		s.to = o.Ended.Sub(noon).Milliseconds()
	}
	return s
}

func TestOutages(t *testing.T) {
	refused := func(beats int64, reason probe.Reason) []Refusal { return []Refusal{{"a", reason, beats}} }
	for name, test := range map[string]struct {
		play   func(*script)
		want   []seen
		pauses int64
	}{
		"none": {func(s *script) { s.until(100*ms, func() { s.ok(3 * ms) }) }, nil, 0},
		"one beat refused": {
			func(s *script) { s.ok(3 * ms); s.no(ms, "connect"); s.ok(3 * ms) },
			[]seen{{20, 43, 0, 43, 0, 23, refused(1, "connect")}},
			0,
		},
		// The last one before was sent at 0, the first one refused failed at 21; the last one
		// refused was sent at 80, and the first one after it was acknowledged at 103.
		"four beats refused": {
			func(s *script) { s.ok(3 * ms); s.until(100*ms, func() { s.no(ms, "connect") }); s.ok(3 * ms) },
			[]seen{{20, 103, 59, 103, 0, 83, refused(4, "connect")}},
			0,
		},
		"two reasons": {
			func(s *script) {
				s.ok(3 * ms)
				s.no(ms, "shutting_down")
				s.no(ms, "connect")
				s.no(ms, "connect")
				s.ok(3 * ms)
			},
			[]seen{{20, 83, 39, 83, 0, 63, []Refusal{{"a", "shutting_down", 1}, {"a", "connect", 2}}}},
			0,
		},
		"two outages": {
			func(s *script) { s.ok(3 * ms); s.no(ms, "connect"); s.ok(3 * ms); s.no(ms, "connect"); s.ok(3 * ms) },
			[]seen{{20, 43, 0, 43, 0, 23, refused(1, "connect")}, {60, 83, 0, 43, 0, 23, refused(1, "connect")}},
			0,
		},
		"one that lasts": {
			func(s *script) { s.ok(3 * ms); s.until(100*ms, func() { s.no(ms, "connect") }) },
			[]seen{{20, -1, 59, 100, 0, 80, refused(4, "connect")}},
			0,
		},
		// It was frozen between the sending of the last one before, at 0, and 20 ms after the
		// sending of the one that waited.
		"a frozen primary": {
			func(s *script) { s.ok(3 * ms); s.ok(500 * ms); s.ok(3 * ms) },
			[]seen{{20, 520, 460, 520, 500, 0, nil}},
			0,
		},
		"a frozen primary, and the beat was given up": {
			func(s *script) { s.ok(3 * ms); s.no(500*ms, "timeout"); s.no(400*ms, "timeout"); s.ok(3 * ms) },
			[]seen{{20, 923, 480, 923, 900, 0, refused(2, "timeout")}},
			0,
		},
		"waited, then refused": {
			func(s *script) {
				s.ok(3 * ms)
				s.no(500*ms, "timeout")
				s.no(ms, "connect")
				s.no(ms, "connect")
				s.ok(3 * ms)
			},
			[]seen{{20, 563, 500, 563, 500, 43, []Refusal{{"a", "timeout", 1}, {"a", "connect", 2}}}},
			0,
		},
		"given up, and the next one was late": {
			func(s *script) { s.ok(3 * ms); s.no(300*ms, "timeout"); s.ok(200 * ms); s.ok(3 * ms) },
			[]seen{{20, 520, 280, 520, 500, 0, refused(1, "timeout")}},
			0,
		},
		"late ones, one after the other": {
			func(s *script) { s.ok(3 * ms); s.ok(130 * ms); s.ok(130 * ms); s.ok(3 * ms) },
			[]seen{{20, 280, 0, 280, 260, 0, nil}},
			0,
		},
		"late, then refused": {
			func(s *script) { s.ok(3 * ms); s.ok(60 * ms); s.no(ms, "connect"); s.ok(3 * ms) },
			[]seen{{20, 103, 0, 103, 60, 23, refused(1, "connect")}},
			0,
		},
		"a short wait":                 {func(s *script) { s.ok(3 * ms); s.ok(60 * ms); s.ok(3 * ms) }, nil, 1},
		"two short waits":              {func(s *script) { s.ok(3 * ms); s.ok(60 * ms); s.ok(3 * ms); s.ok(60 * ms); s.ok(3 * ms) }, nil, 2},
		"a first one that takes long":  {func(s *script) { s.ok(400 * ms); s.ok(3 * ms) }, nil, 0},
		"commits that always are slow": {func(s *script) { s.ok(15 * ms); s.ok(15 * ms); s.ok(44 * ms); s.ok(15 * ms) }, nil, 0},
		"never acknowledged": {
			func(s *script) { s.until(100*ms, func() { s.no(ms, "connect") }) },
			[]seen{{0, -1, 79, 100, 0, 100, refused(5, "connect")}},
			0,
		},
	} {
		s := scripted("a", "b")
		test.play(s)
		record := s.record()
		var got []seen
		for i := range record.Outages {
			got = append(got, seenOf(&record.Outages[i]))
		}
		if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(seen{})); diff != "" || record.Pauses.Count != test.pauses {
			t.Errorf("%s: %d pauses, want %d; outages (-want +got):\n%s", name, record.Pauses.Count, test.pauses, diff)
		}
	}
}

// TestWaits is about beats of which nothing is heard.
func TestWaits(t *testing.T) {
	s := scripted("a", "b")
	s.until(time.Second, func() { s.ok(3 * ms) })
	c := s.recorded()
	for _, test := range []struct {
		now   time.Duration
		waits time.Duration // since when; 0 for nothing
	}{
		{time.Second, 0},
		{1500 * ms, 0}, // The result may still come.
		{1600 * ms, 1003 * ms},
		{time.Minute, 1003 * ms},
	} {
		want := time.Time{}
		if test.waits > 0 {
			want = noon.Add(test.waits)
		}
		if got := c.WaitsSince(noon.Add(test.now)); !got.Equal(want) {
			t.Errorf("at %v: waits since %v, want %v", test.now, got, want)
		}
	}
	record := c.Record(noon.Add(3 * time.Second))
	want := []seen{{from: 1003, to: -1, atMost: 2020, waited: 1997}}
	got := []seen{seenOf(&record.Outages[0])}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(seen{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if last := record.Writes[len(record.Writes)-1]; last.Fate != Waiting {
		t.Errorf("the last beat is %s", last.Fate)
	}
	if n := len(c.Record(noon.Add(time.Second)).Outages); n != 0 {
		t.Errorf("%d outages", n)
	}
}

func TestPositions(t *testing.T) {
	record := killed().record()
	o := record.Outages[0]
	before := Position{Node: "node-a", Timeline: 1, Era: 11, Value: 100, LSN: 0x3002710}
	after := Position{Node: "node-b", Timeline: 2, Era: 22, Value: 98, LSN: 0x3002648}
	if o.Before != before || o.After != after {
		t.Errorf("from %+v to %+v", o.Before, o.After)
	}
	if taken := record.Takeovers[0]; taken.From != before || taken.To != after || taken.Fork != 0x30025E4 {
		t.Errorf("%+v", taken)
	}
}

// TestTakeoversInOneResult has a beat that found a better primary than the first one.
func TestTakeoversInOneResult(t *testing.T) {
	s := scripted("a", "b", "c")
	s.ok(3 * ms)
	s.promote("c", 0, 22)
	s.nodes["a"], s.nodes["b"] = away("a", "connect"), synced("b")
	s.ok(3 * ms).Takeovers = []probe.Takeover{{From: "a", To: "b"}, {From: "b", To: "c"}}
	got := s.record().Takeovers
	want := []Takeover{
		{At: noon.Add(23 * ms), From: Position{Node: "a", Timeline: 1, Era: 11, Value: 1, LSN: 0x3000064}, To: Position{Node: "b"}},
		{At: noon.Add(23 * ms), From: Position{Node: "b"}, To: Position{Node: "c", Timeline: 2, Era: 22, Value: 2, LSN: 0x30000C8}, Fork: 0x3000064},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
