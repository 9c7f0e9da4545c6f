package verdict_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/model"
)

// acknowledged is a beat of the exporter.
type acknowledged struct {
	verdict.Beat
	commit *model.Commit
}

// word is what a node said about itself, since a start.
type word struct {
	started int64
	state   verdict.State
}

// exporter writes to some primary and keeps a ledger, as a probe does, beside a second
// exporter whose beats are the cluster's own steps.
type exporter struct {
	*history
	target *model.Node
	ledger verdict.Ledger
	beats  []acknowledged // that the ledger has
	looks  looks          // of the gate
	words  map[*model.Node]word
	now    time.Time
	copies bool // there are copies of a server's memory, of which rows cannot tell all
}

// ticks is the time that so many moments of a history take.
func ticks(n int) time.Duration { return time.Duration(n) * time.Second }

// within is how soon a beat is synced.
var within = ticks(3)

func (e *exporter) tick() time.Time {
	e.now = e.now.Add(ticks(1))
	return e.now
}

func (e *exporter) oneOf(n int) bool { return e.random.IntN(n) == 0 }

// start begins with no memory.
func (e *exporter) start(target *model.Node) {
	e.target, e.ledger, e.beats, e.words = target, verdict.Ledger{}, nil, map[*model.Node]word{}
	e.looks = looks{}
}

// live goes through a history with probes.
func (e *exporter) live() error {
	e.start(nil)
	for range e.steps {
		e.cluster.Step()
		if e.oneOf(40) {
			e.start(nil)
		}
		if e.oneOf(2) {
			continue
		}
		if err := e.probe(); err != nil {
			return err
		}
	}
	return nil
}

// probe writes a beat, looks at every other node and settles what is lost, while the
// cluster goes on.
func (e *exporter) probe() error {
	if !e.aim() {
		return nil
	}
	started, sent := e.target.Started, e.tick()
	commit := e.cluster.Beat(e.target)
	if commit == nil || e.oneOf(10) {
		return nil // Not acknowledged.
	}
	beat := acknowledged{verdict.Beat{Row: rowOf(commit), Sent: sent, Acknowledged: e.tick()}, commit}
	if e.oneOf(4) {
		e.cluster.Write(e.target) // The position is read a little later.
	}
	if !e.basic {
		beat.LSN = verdict.LSN(e.target.At.LSN)
	}
	e.ledger.Record(beat.Beat)
	e.beats = append(e.beats, beat)
	e.lookAtPrimary()
	for _, node := range e.cluster.Nodes {
		if node == e.target {
			continue
		}
		if err := e.look(beat, node); err != nil {
			return fmt.Errorf("beat %+v, node %s shows %+v: %w", beat.Beat, node.Name, rowOf(node.At), err)
		}
	}
	if e.target.Started != started || !e.target.Primary {
		return nil
	}
	if err := e.settle(beat); err != nil {
		return fmt.Errorf("beat %+v: %w", beat.Beat, err)
	}
	if e.copies {
		return nil
	}
	return e.judgeFollowed(beat)
}

// aim takes a primary, mostly the one of before.
func (e *exporter) aim() bool {
	if e.target == nil || !e.target.Primary || e.oneOf(15) {
		e.target = e.somePrimary()
	}
	if e.target == nil {
		return false
	}
	if n := len(e.beats); e.copies && n > 0 && !e.target.At.Has(e.beats[n-1].commit) {
		e.start(e.target) // Who writes to both copies of a memory cannot tell its own beats apart.
	}
	return true
}

func (e *exporter) somePrimary() *model.Node {
	var primaries []*model.Node
	for _, n := range e.cluster.Nodes {
		if n.Primary {
			primaries = append(primaries, n)
		}
	}
	if len(primaries) == 0 {
		return nil
	}
	return primaries[e.random.IntN(len(primaries))]
}

// stateOf is what a node says about itself.
func (e *exporter) stateOf(n *model.Node) verdict.State {
	s := verdict.State{InRecovery: !n.Primary, Detailed: !e.basic}
	if e.basic {
		return s
	}
	s.LeastTimeline = n.At.At(n.At.Depth - e.random.IntN(10)).Timeline
	if n.Primary {
		s.Timeline = n.At.Timeline
		return s
	}
	s.ReplayLSN, s.ReceiveLSN = verdict.LSN(n.At.LSN), verdict.LSN(n.Received.LSN)
	if n.Streams() && !e.oneOf(5) {
		s.Receiver, s.Timeline = "streaming", n.Received.Timeline
	}
	return s
}

// look reads a node up to three times, as a probe does, and judges it.
func (e *exporter) look(beat acknowledged, n *model.Node) error {
	var s verdict.Sightings
	var shown *model.Commit
	started, before := n.Started, verdict.State{}
	if last := e.words[n]; last.started == started {
		before = last.state
	}
	for i := range 3 {
		if e.oneOf(4) {
			e.cluster.Step()
		}
		if n.Started != started {
			break // The connection is lost.
		}
		sent, state := e.tick(), e.stateOf(n)
		if !n.Primary && e.oneOf(3) {
			e.cluster.Receive(n, 2)
			e.cluster.Replay(n, 2)
		}
		switch {
		case i == 0:
			s.Replayed = state.ReplayLSN
			fallthrough
		case e.oneOf(2):
			s.State, s.TakesWrites = state, n.Primary
			e.words[n] = word{started, state}
		default:
			state = verdict.State{} // A read of the section alone.
		}
		shown = n.At
		s.Row = rowOf(shown)
		s.Standing = e.ledger.Stand(beat.Row, s.Row)
		if err := e.judgeStanding(beat, n, s.Standing); err != nil {
			return err
		}
		if err := e.judgeGate(beat, shown, s); err != nil {
			return err
		}
		received := e.tick()
		if s.Standing == verdict.Shows {
			s.Fresh = received
			break
		}
		if s.Standing != verdict.Unknown || !s.Row.Found {
			s.Stale = sent
		}
		s.Left = e.ledger.LeftHistory(beat.Beat, before, state, s.Row, s.Standing)
		if err := e.judgeLeft(beat, n, s); err != nil {
			return err
		}
		if s.Left || s.TakesWrites {
			break
		}
	}
	return e.judgeVerdict(beat, shown, s)
}

func TestRandomHistoriesOfAnExporter(t *testing.T) {
	t.Parallel()
	seen := runHistories(t, false, *histories, func(h *history) error {
		return (&exporter{history: h}).live()
	})
	for _, needed := range []string{
		"state synced", "state diverged", "state disconnected", "state receiving", "state replaying", "state ",
		"left by state, behind", "left by state, unknown", "left, not proved", "made again",
		"fresh", "fresh by position",
		"lost", "at risk", "lost, not proved", "at risk, not proved",
	} {
		if seen[needed] == 0 {
			t.Errorf("no history had %q", needed)
		}
	}
}

func TestRandomHistoriesOfAnExporterWithCopiedMemory(t *testing.T) {
	t.Parallel()
	runHistories(t, true, *histories/5, func(h *history) error {
		return (&exporter{history: h, copies: true}).live()
	})
}
