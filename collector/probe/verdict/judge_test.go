package verdict_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// The beat that is judged was acknowledged in second 100, at position 1000, with the
// value 10. The one before it, by which a lag is told, in second 69.
var (
	judged  = acked(100, row(10, era{1, 0}))
	earlier = acked(69, row(9, era{1, 0}))
)

func standby(change func(*verdict.State)) verdict.State {
	s := verdict.State{
		InRecovery: true, Detailed: true, Receiver: "streaming", Timeline: 1, LeastTimeline: 1,
		ReplayLSN: 850, ReceiveLSN: 850,
	}
	if change != nil {
		change(&s)
	}
	return s
}

func TestJudge(t *testing.T) {
	t.Parallel()
	receives := standby(nil)
	cut := standby(func(s *verdict.State) { s.Receiver, s.Timeline = "", 0 })
	primary := verdict.State{Detailed: true, Timeline: 2}
	behind := row(8, era{1, 0})
	for _, test := range []struct {
		situation string
		s         verdict.Sightings
		want      verdict.Verdict
	}{
		{
			"the first read shows the beat",
			verdict.Sightings{Fresh: moment(100.002), Replayed: 1000, Standing: verdict.Shows, Row: judged.Row, State: receives},
			verdict.Verdict{State: verdict.StateSynced, Synced: new(true), Visibility: seconds(0.002), Lag: seconds(0.002), LagBytes: bytes(0)},
		},
		{
			"a later read in time does",
			verdict.Sightings{Stale: moment(100.03), Fresh: moment(100.04), Replayed: 850, Standing: verdict.Shows, Row: judged.Row, State: receives},
			verdict.Verdict{State: verdict.StateSynced, Synced: new(true), Visibility: seconds(0.04), Lag: seconds(0.04), LagBytes: bytes(150)},
		},
		{
			"the read that shows it is back at the limit",
			verdict.Sightings{Fresh: moment(100.1), Replayed: 1100, Standing: verdict.Shows, Row: judged.Row, State: receives},
			verdict.Verdict{State: verdict.StateSynced, Synced: new(true), Visibility: seconds(0.1), Lag: seconds(0.1), LagBytes: bytes(0)},
		},
		{
			"the only read takes longer than the limit",
			verdict.Sightings{Fresh: moment(100.3), Replayed: 1000, Standing: verdict.Shows, Row: judged.Row, State: cut},
			verdict.Verdict{Visibility: seconds(0.3), Lag: seconds(0.3), LagBytes: bytes(0)},
		},
		{
			"the connection came after the beat, and the first read shows it in time",
			verdict.Sightings{Late: true, Fresh: moment(100.05), Replayed: 1000, Standing: verdict.Shows, Row: judged.Row, State: receives},
			verdict.Verdict{State: verdict.StateSynced, Synced: new(true), LagBytes: bytes(0)},
		},
		{
			"the connection came after the limit, and the first read shows the beat",
			verdict.Sightings{Late: true, Fresh: moment(100.9), Replayed: 1000, Standing: verdict.Shows, Row: judged.Row, State: receives},
			verdict.Verdict{LagBytes: bytes(0)},
		},
		{
			"the connection came after the beat, and a later read shows it",
			verdict.Sightings{Late: true, Stale: moment(100.2), Fresh: moment(100.4), Replayed: 850, Standing: verdict.Shows, Row: judged.Row, State: receives},
			verdict.Verdict{State: verdict.StateReceiving, Synced: new(false), Visibility: seconds(0.4), Lag: seconds(0.4), LagBytes: bytes(150)},
		},
		{
			"it is late",
			verdict.Sightings{Stale: moment(100.1), Fresh: moment(100.4), Replayed: 850, Standing: verdict.Shows, Row: judged.Row, State: receives},
			verdict.Verdict{State: verdict.StateReceiving, Synced: new(false), Visibility: seconds(0.4), Lag: seconds(0.4), LagBytes: bytes(150)},
		},
		{
			"it does not come while we wait",
			verdict.Sightings{Stale: moment(101), Replayed: 850, Standing: verdict.Behind, Row: behind, State: receives},
			verdict.Verdict{State: verdict.StateReceiving, Synced: new(false), Lag: seconds(32), LagBytes: bytes(150)},
		},
		{
			"the replica shows the beat before",
			verdict.Sightings{Stale: moment(101), Replayed: 900, Standing: verdict.Behind, Row: earlier.Row, State: cut},
			verdict.Verdict{State: verdict.StateDisconnected, Synced: new(false), Lag: seconds(1), LagBytes: bytes(100)},
		},
		{
			"the replica does not have the row, and we know of a beat 31 s older",
			verdict.Sightings{Stale: moment(101), Replayed: 850, Row: verdict.Row{}, State: cut},
			verdict.Verdict{State: verdict.StateDisconnected, Synced: new(false), Lag: seconds(32), LagBytes: bytes(150)},
		},
		{
			"the scraper has no time to wait until the limit",
			verdict.Sightings{Stale: moment(100.05), Replayed: 850, Standing: verdict.Behind, Row: earlier.Row, State: receives},
			verdict.Verdict{State: verdict.StateReceiving, Lag: seconds(0.05), LagBytes: bytes(150)},
		},
		{
			"no read of the section came back",
			verdict.Sightings{Replayed: 850, State: cut},
			verdict.Verdict{State: verdict.StateDisconnected},
		},
		{
			"the row tells nothing, as one that was made again",
			verdict.Sightings{Replayed: 850, Standing: verdict.Unknown, Row: ofBirth(98, row(9)), State: receives},
			verdict.Verdict{},
		},
		{
			"recovery conflicts cancel every read while the replay is paused",
			verdict.Sightings{Replayed: 850, State: standby(func(s *verdict.State) { s.ReplayPaused = true })},
			verdict.Verdict{State: verdict.StatePaused},
		},
		{
			"WAL comes from an archive",
			verdict.Sightings{Stale: moment(101), Replayed: 850, Standing: verdict.Behind, Row: earlier.Row, State: cut, Restoring: true},
			verdict.Verdict{State: verdict.StateRestoring, Synced: new(false), Lag: seconds(1), LagBytes: bytes(150)},
		},
		{
			"it left the history",
			verdict.Sightings{Stale: moment(100.01), Left: true, Replayed: 1050, Standing: verdict.Behind, Row: behind, State: receives},
			verdict.Verdict{State: verdict.StateDiverged, Synced: new(false)},
		},
		{
			"it takes writes itself, and lacks the beat",
			verdict.Sightings{Stale: moment(100.01), TakesWrites: true, Standing: verdict.Behind, Row: behind, State: primary},
			verdict.Verdict{State: verdict.StateDiverged, Synced: new(false)},
		},
		{
			"it was promoted while we waited, and has the beat",
			verdict.Sightings{Stale: moment(100.01), Fresh: moment(100.05), TakesWrites: true, Standing: verdict.Shows, Row: judged.Row, State: primary},
			verdict.Verdict{State: verdict.StateSynced, Synced: new(true), Visibility: seconds(0.05), Lag: seconds(0.05)},
		},
		{
			"it takes writes itself, and its row is gone",
			verdict.Sightings{Stale: moment(101), TakesWrites: true, State: primary},
			verdict.Verdict{Synced: new(false), Lag: seconds(32)},
		},
	} {
		var l verdict.Ledger
		l.Record(earlier)
		l.Record(judged)
		ignore := cmpopts.IgnoreFields(verdict.Verdict{}, "StalenessBound", "Unseen") // TestBound has them.
		if diff := cmp.Diff(test.want, l.Judge(judged, test.s, 100*time.Millisecond), ignore); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.situation, diff)
		}
	}
}

// TestBound has beats that were sent half a second before they were acknowledged.
func TestBound(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		situation string
		s         verdict.Sightings
		staleness *time.Duration
		unseen    *int64
	}{
		{"it shows the beat", verdict.Sightings{Fresh: moment(100.002), Standing: verdict.Shows, Row: judged.Row}, seconds(0.502), new(int64(0))},
		{
			"it shows it when its connection comes",
			verdict.Sightings{Late: true, Fresh: moment(103), Standing: verdict.Shows, Row: judged.Row},
			seconds(3.5), new(int64(0)),
		},
		{
			"it shows the one before",
			verdict.Sightings{Stale: moment(101), Received: moment(101.1), Standing: verdict.Behind, Row: earlier.Row},
			seconds(32.6), new(int64(1)),
		},
		{
			"it shows one that somebody else wrote after that",
			verdict.Sightings{Stale: moment(101), Received: moment(101.1), Standing: verdict.Behind, Row: changed(earlier.Row, func(r *verdict.Row) { r.Mark++ })},
			nil, new(int64(1)),
		},
		{
			"it shows less than is remembered",
			verdict.Sightings{Stale: moment(101), Received: moment(101.1), Standing: verdict.Behind, Row: row(3, era{1, 0})},
			nil, new(int64(2)),
		},
		{"it left the line", verdict.Sightings{Stale: moment(101), Standing: verdict.Left, Left: true, Row: row(12, era{1, 0}, era{5, 8})}, nil, nil},
		{"it does not answer", verdict.Sightings{}, nil, nil},
	} {
		var l verdict.Ledger
		for _, beat := range []verdict.Beat{earlier, judged} {
			beat.Sent = beat.Acknowledged.Add(-500 * time.Millisecond)
			l.Record(beat)
		}
		beat := changedBeat(judged, func(b *verdict.Beat) { b.Sent = b.Acknowledged.Add(-500 * time.Millisecond) })
		v := l.Judge(beat, test.s, 100*time.Millisecond)
		if diff := cmp.Diff(test.staleness, v.StalenessBound); diff != "" {
			t.Errorf("%s: staleness (-want +got):\n%s", test.situation, diff)
		}
		if diff := cmp.Diff(test.unseen, v.Unseen); diff != "" {
			t.Errorf("%s: unseen (-want +got):\n%s", test.situation, diff)
		}
	}
}

func seconds(n float64) *time.Duration { return new(time.Duration(n * float64(time.Second))) }

func bytes(n uint64) *uint64 { return &n }

// TestLagKnowsNothingOlder is of an exporter that was restarted.
func TestLagKnowsNothingOlder(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		situation string
		ledger    *verdict.Ledger
		shown     verdict.Row
		want      float64
	}{
		{"its first beat", remembering(row(40, era{1, 0})), row(3, era{1, 0}), 60},
		{"its first beat, the replica has no row", remembering(row(40, era{1, 0})), verdict.Row{}, 60},
		{"its third beat, the replica has no row", remembering(beats(40, 42, era{1, 0})...), verdict.Row{}, 60},
		{"its third beat, the replica shows the second", remembering(beats(40, 42, era{1, 0})...), row(41, era{1, 0}), 58},
		{"the old primary's beats do not count", remembering(row(7, era{1, 0}), row(8, era{1, 0}), row(7, era{1, 0}, era{2, 6})), row(6, era{1, 0}), 58},
		{"beats of before a failover that are kept do", remembering(row(5, era{1, 0}), row(8, era{1, 0}), row(7, era{1, 0}, era{2, 6})), row(4, era{1, 0}), 60},
		{"a row that was made again counts from there", remembering(ofBirth(98, row(9, era{7, 0})), row(1, era{1, 0}), row(2, era{1, 0})), ofBirth(98, row(8, era{7, 0})), 59},
	} {
		last := acked(float64(2), row(42, era{1, 0}))
		s := verdict.Sightings{Stale: moment(60), Standing: verdict.Behind, Row: test.shown}
		if v := test.ledger.Judge(last, s, time.Second); v.Lag == nil || v.Lag.Seconds() != test.want {
			t.Errorf("%s: lag %v, want %v s", test.situation, v.Lag, test.want)
		}
	}
}

func TestLagBytes(t *testing.T) {
	t.Parallel()
	beat := acked(100, onTimeline(2, 900, row(10, era{1, 0}, era{2, 9})))
	old := onTimeline(1, 0, row(9, era{1, 0}))
	for _, test := range []struct {
		situation string
		beat      verdict.Beat
		s         verdict.Sightings
		want      *uint64
	}{
		{"it receives the new timeline, and replays up to the beat", beat, verdict.Sightings{Replayed: 950, Row: old, State: verdict.State{Timeline: 2}}, bytes(50)},
		{"after a clean switchover it lost its receiver", beat, verdict.Sightings{Replayed: 850, Row: old, State: verdict.State{LeastTimeline: 1}}, bytes(150)},
		{"it stands right at the fork", beat, verdict.Sightings{Replayed: 900, Row: old, State: verdict.State{LeastTimeline: 1}}, bytes(100)},
		{"it may stand beyond the fork on the old timeline", beat, verdict.Sightings{Replayed: 950, Row: old, State: verdict.State{LeastTimeline: 1}}, nil},
		{"it stands beyond the fork, and has reached the new timeline", beat, verdict.Sightings{Replayed: 950, Row: old, State: verdict.State{LeastTimeline: 2}}, bytes(50)},
		{"it stands beyond the fork, and shows a beat of the new timeline", beat, verdict.Sightings{Replayed: 950, Row: beat.Row, State: verdict.State{LeastTimeline: 1}}, bytes(50)},
		{"the fork is not known", changedBeat(beat, func(b *verdict.Beat) { b.Fork = 0 }), verdict.Sightings{Replayed: 850, Row: old, State: verdict.State{LeastTimeline: 1}}, nil},
		{"its replay position is not known", beat, verdict.Sightings{Row: old, State: verdict.State{Timeline: 2}}, nil},
		{"the beat's position is not known", changedBeat(beat, func(b *verdict.Beat) { b.LSN = 0 }), verdict.Sightings{Replayed: 850, Row: old, State: verdict.State{Timeline: 2}}, nil},
	} {
		var l verdict.Ledger
		l.Record(test.beat)
		test.s.Stale, test.s.Standing = moment(101), verdict.Behind
		if diff := cmp.Diff(test.want, l.Judge(test.beat, test.s, time.Second).LagBytes); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.situation, diff)
		}
	}
	if v := (&verdict.Ledger{}).Judge(beat, verdict.Sightings{Replayed: 950}, time.Second); v.LagBytes != nil {
		t.Errorf("nothing was seen of its row: %d bytes", *v.LagBytes)
	}
}

// onTimeline is the row as written on a timeline that began at a position.
func onTimeline(timeline uint32, fork verdict.LSN, r verdict.Row) verdict.Row {
	r.Timeline, r.Fork = timeline, fork
	return r
}

func changedBeat(b verdict.Beat, change func(*verdict.Beat)) verdict.Beat {
	change(&b)
	return b
}
