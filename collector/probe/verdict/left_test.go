package verdict_test

import (
	"testing"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

func TestLeftHistory(t *testing.T) {
	t.Parallel()
	type state = verdict.State
	// On timeline 1 the value 9 was written at 900. Timeline 2 began at 950, and on it
	// 10 was written at 1000, which is the beat, or so it was on timeline 1.
	nine := acked(90, onTimeline(1, 0, row(9, era{1, 0})))
	onFirst := acked(100, onTimeline(1, 0, row(10, era{1, 0})))
	onSecond := acked(100, onTimeline(2, 950, row(10, era{1, 0}, era{2, 9})))
	receives := func(timeline uint32, replayed verdict.LSN) state {
		return standby(func(s *state) { s.Timeline, s.ReplayLSN = timeline, replayed })
	}
	cut := func(least uint32, replayed verdict.LSN) state {
		return standby(func(s *state) { s.Receiver, s.Timeline, s.LeastTimeline, s.ReplayLSN = "", 0, least, replayed })
	}
	primary := func(timeline uint32) state { return state{Detailed: true, Timeline: timeline, LeastTimeline: timeline} }
	eight, shownNine := row(8, era{1, 0}), nine.Row

	for _, test := range []struct {
		situation   string
		beat        verdict.Beat
		before, now state
		shown       verdict.Row
		standing    verdict.Standing
		want        bool
	}{
		// One history.
		{"it lags", onFirst, receives(1, 850), receives(1, 850), eight, verdict.Behind, false},
		{"it shows the beat", onFirst, receives(1, 1000), receives(1, 1000), onFirst.Row, verdict.Shows, false},
		{"it shows the beat, and was promoted", onFirst, receives(1, 1000), primary(2), onFirst.Row, verdict.Shows, false},
		{"after a clean switchover it lost its receiver", onSecond, receives(1, 850), cut(1, 850), eight, verdict.Behind, false},
		{"after a clean switchover it lost its receiver, and replayed up to the fork", onSecond, receives(1, 850), cut(1, 950), shownNine, verdict.Behind, false},
		{"after a clean switchover it receives what led to the fork", onSecond, receives(1, 850), receives(1, 850), eight, verdict.Behind, false},
		{"a clean switchover after the beat, it receives what follows and replays what led to it", onFirst, receives(1, 850), receives(2, 850), eight, verdict.Behind, false},
		{"it shows the beat, whatever it says of itself", onFirst, receives(2, 850), receives(2, 850), onFirst.Row, verdict.Shows, false},
		{"its row is gone, deleted after the beat for all we know", onFirst, state{}, receives(1, 1100), verdict.Row{}, verdict.Unknown, false},
		{"its row is gone, deleted after the beat and a promotion for all we know", onFirst, receives(1, 850), primary(2), verdict.Row{}, verdict.Unknown, false},
		{"the same of a standby of that one", onFirst, receives(1, 850), cut(2, 1100), verdict.Row{}, verdict.Unknown, false},
		{"it tells no more than that it is in recovery", onFirst, state{}, state{InRecovery: true, Timeline: 2, LeastTimeline: 2, ReplayLSN: 1100}, eight, verdict.Behind, false},

		// By its row.
		{"its row left, it tells nothing of itself", onFirst, state{}, state{InRecovery: true}, row(9, era{2, 0}), verdict.Left, true},

		// By its timeline.
		{"it receives the old timeline beyond the fork", onSecond, receives(1, 850), receives(1, 960), eight, verdict.Behind, true},
		{"so it does, and the primary was restarted", changedBeat(onSecond, func(b *verdict.Beat) { b.Eras = append(b.Eras, era{3, 9}) }), receives(1, 960), receives(1, 960), eight, verdict.Behind, true},
		{"so it does, and nobody knows where the fork is", changedBeat(onSecond, func(b *verdict.Beat) { b.Fork = 0 }), receives(1, 850), receives(1, 890), eight, verdict.Behind, false},
		{"it lost its receiver beyond the fork, so it may be on the new timeline", onSecond, receives(1, 850), cut(1, 960), shownNine, verdict.Behind, false},
		{"it has received a rogue's timeline since before the beat", onFirst, receives(2, 850), receives(2, 850), eight, verdict.Behind, true},
		{"so it has, and its row says nothing", onFirst, receives(2, 850), receives(2, 850), verdict.Row{}, verdict.Unknown, true},
		{"so it had, and follows the primary again", onFirst, receives(2, 850), receives(1, 850), eight, verdict.Behind, false},
		{"it has reached a rogue's timeline", onFirst, state{}, cut(2, 850), eight, verdict.Behind, true},
		{"it was promoted, and lacks the beat", onFirst, receives(1, 850), primary(2), eight, verdict.Behind, true},
		{"it is a cold copy that takes writes on our timeline", onFirst, primary(1), primary(1), eight, verdict.Behind, true},
		{"so it is, where no timeline is known", changedBeat(onFirst, func(b *verdict.Beat) { b.Timeline = 0 }), primary(0), primary(0), eight, verdict.Behind, true},
		{"no timeline of the beat is known", changedBeat(onFirst, func(b *verdict.Beat) { b.Timeline = 0 }), receives(1, 850), receives(1, 850), eight, verdict.Behind, false},

		// By what it replayed.
		{"two standbys were promoted from timeline 1, it follows the wrong one past the beat", onSecond, receives(2, 1010), receives(2, 1010), shownNine, verdict.Behind, true},
		{"so it does, not yet past the beat", onSecond, receives(2, 980), receives(2, 980), shownNine, verdict.Behind, false},
		{"it lost its receiver past the beat", onSecond, receives(1, 850), cut(1, 1000), shownNine, verdict.Behind, true},
		{"it replayed past the beat before, which it does not show", onFirst, receives(1, 900), receives(1, 900), eight, verdict.Behind, true},
		{"it replayed to a byte before that", onFirst, receives(1, 899), receives(1, 899), eight, verdict.Behind, false},
		{"it replayed past the beat, of a row that was made again", onFirst, receives(1, 1000), receives(1, 1000), ofBirth(98, eight), verdict.Behind, true},
		{"the beat's position is not known", changedBeat(onFirst, func(b *verdict.Beat) { b.LSN = 0 }), receives(1, 890), receives(1, 890), eight, verdict.Behind, false},
	} {
		var l verdict.Ledger
		l.Record(nine)
		l.Record(test.beat)
		if got := l.LeftHistory(test.beat, test.before, test.now, test.shown, test.standing); got != test.want {
			t.Errorf("%s: left %v, want %v", test.situation, got, test.want)
		}
	}
}

// TestContradictionIsOfTheBeatsLine: a position that a beat had on a line which is given
// up proves nothing.
func TestContradictionIsOfTheBeatsLine(t *testing.T) {
	t.Parallel()
	at := func(position verdict.LSN) verdict.State {
		return standby(func(s *verdict.State) { s.ReplayLSN = position })
	}
	replayed := at(650)
	beat := acked(3, row(7, era{1, 0}, era{2, 4}))
	l := remembering(row(6, era{1, 0}), beat.Row)
	if l.LeftHistory(beat, replayed, replayed, row(4, era{1, 0}), verdict.Behind) {
		t.Error("left by a beat of the old primary")
	}
	// The oldest one has no position.
	beat = acked(3, row(6, era{1, 0}))
	l = &verdict.Ledger{}
	l.Record(changedBeat(acked(1, row(5, era{1, 0})), func(b *verdict.Beat) { b.LSN = 0 }))
	l.Record(beat)
	if !l.LeftHistory(beat, replayed, replayed, row(4, era{1, 0}), verdict.Behind) {
		t.Error("it replayed past the beat, and did not leave")
	}
	if l.LeftHistory(beat, at(550), at(550), row(4, era{1, 0}), verdict.Behind) {
		t.Error("left by a beat of which no position is known")
	}
}
