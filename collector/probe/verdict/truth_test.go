package verdict_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/model"
)

func (e *exporter) judgeStanding(beat acknowledged, n *model.Node, got verdict.Standing) error {
	truth := model.Relate(beat.commit, n.At)
	shown := rowOf(n.At)
	want := standings[truth]
	switch {
	case e.copies && got != verdict.Left:
		return nil
	case e.copies:
	case shown.Found && shown.Born != beat.Born && e.remembersBirth(shown.Born):
		e.seen["made again"]++
		if want != verdict.Shows {
			want = verdict.Behind // It is apart, or behind.
		}
	case !provable(beat.commit.Row, n.At.Row):
		want = verdict.Unknown
	}
	if got != want {
		return fmt.Errorf("stands: %v, in truth: %v", got, standings[truth])
	}
	return nil
}

func (e *exporter) remembersBirth(born int64) bool {
	return slices.ContainsFunc(e.beats, func(b acknowledged) bool { return b.Born == born })
}

// neverGets says whether a node cannot come to show a beat without being made anew.
func neverGets(beat acknowledged, n *model.Node) bool {
	if n.Primary {
		return !n.At.Has(beat.commit)
	}
	return !n.Received.Has(beat.commit) && !beat.commit.Has(n.Received)
}

func (e *exporter) judgeLeft(beat acknowledged, n *model.Node, s verdict.Sightings) error {
	truth := neverGets(beat, n)
	switch {
	case s.Left && !truth:
		return fmt.Errorf("left by %+v, in truth it did not", s.State)
	case s.Left && s.Standing != verdict.Left:
		e.seen["left by state, "+s.Standing.String()]++
	case truth && !s.Left:
		e.seen["left, not proved"]++
	}
	return nil
}

// judgeVerdict holds what is published about a replica against the truth.
func (e *exporter) judgeVerdict(beat acknowledged, shown *model.Commit, s verdict.Sightings) error {
	v := e.ledger.Judge(beat.Beat, s, within)
	e.seen["state "+string(v.State)]++
	limit := beat.Acknowledged.Add(within)
	switch synced := v.Synced; {
	case synced != nil && *synced && (s.Fresh.IsZero() || s.Fresh.After(limit)):
		return fmt.Errorf("synced by %+v", s)
	case synced != nil && !*synced && v.State != verdict.StateDiverged && s.Stale.Before(limit):
		return fmt.Errorf("not synced by %+v", s)
	case v.State == verdict.StateDiverged && !s.Left && (!s.TakesWrites || shown.Has(beat.commit)):
		return fmt.Errorf("diverged by %+v", s)
	case v.State == verdict.StateDiverged && (v.Lag != nil || v.LagBytes != nil):
		return fmt.Errorf("diverged with a lag: %+v", v)
	}
	if v.Lag == nil || !s.Fresh.IsZero() {
		return nil
	}
	return e.judgeLag(beat, shown, s, *v.Lag)
}

func (e *exporter) judgeLag(beat acknowledged, shown *model.Commit, s verdict.Sightings, got time.Duration) error {
	if e.copies || s.Standing != verdict.Behind || model.Relate(beat.commit, shown) != model.Before {
		return nil
	}
	var truth, proved time.Duration
	for _, b := range e.beats {
		if lag := s.Stale.Sub(b.Acknowledged); beat.commit.Has(b.commit) && !shown.Version.Has(b.commit) {
			truth = max(truth, lag)
			if tells(beat.commit.Row, b) {
				proved = max(proved, lag)
			}
		}
	}
	if got < proved || got > truth {
		return fmt.Errorf("lag %v, in truth %v, of which %v can be proved", got, truth, proved)
	}
	return nil
}
