package verdict_test

import (
	"fmt"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/model"
)

// looks are those of the gate at primaries, with where each was then.
type looks struct {
	positions verdict.Positions
	at        map[time.Time]*model.Commit
}

// lookAtPrimary asks the primary for its position, right after it has written the row.
func (e *exporter) lookAtPrimary() {
	if e.basic || e.copies {
		return
	}
	at, sent := e.target.At, e.tick()
	if e.looks.at == nil {
		e.looks.at = map[time.Time]*model.Commit{}
	}
	e.looks.at[sent] = at
	e.looks.positions.Record(verdict.Position{Sent: sent, LSN: verdict.LSN(at.LSN), Timeline: at.Timeline, Row: rowOf(at), OwnRow: true})
}

// judgeGate holds what the gate would say of a node against the truth: who is let through has everything that was
// acknowledged, on the line of the last beat, before what it shows was sent; and everything that the primary had written when it was
// asked for its position, unless it lost that.
func (e *exporter) judgeGate(beat acknowledged, shown *model.Commit, s verdict.Sightings) error {
	if e.copies {
		return nil
	}
	gate := verdict.Evidence{
		Now: e.now, Max: ticks(1 << 20), Seen: e.now, Standing: s.Standing, AsOf: e.ledger.ShownSent(s.Row), TakesWrites: s.TakesWrites,
	}
	if gate.Fresh().Open {
		e.seen["fresh"]++
		for _, b := range e.beats {
			if b.Acknowledged.Before(gate.AsOf) && beat.commit.Has(b.commit) && !shown.Has(b.commit) {
				return fmt.Errorf("it is let through as of %v, and lacks %+v", gate.AsOf.Unix(), b.Beat)
			}
		}
	}
	if asOf := e.looks.positions.Reached(s.State, s.Row); !asOf.IsZero() {
		e.seen["fresh by position"]++
		switch at := e.looks.at[asOf]; {
		case !e.target.At.Has(at), shown.Has(at):
		case shown.Has(at.Version) && leftOn(at, shown) == at.Timeline:
			// A copy of the primary, made after its last beat, went on with the same timeline: no position
			// tells, and docs/guides/gate.md says so.
			e.seen["fresh by position, of a copy"]++
		default:
			return fmt.Errorf("it is let through by position as of %v, and lacks what was written then", asOf.Unix())
		}
	}
	return nil
}

// leftOn returns the timeline on which the line of a commit left that of another one.
func leftOn(line, left *model.Commit) uint32 {
	common := line
	for !left.Has(common) {
		common = common.Parent
	}
	return left.At(common.Depth + 1).Timeline
}
