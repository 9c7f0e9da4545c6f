package verdict_test

import (
	"fmt"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/model"
)

// settle holds what is said to be lost and at risk against the truth.
func (e *exporter) settle(beat acknowledged) error {
	var rivals []*model.Node
	var rows []verdict.Row
	for _, n := range e.cluster.Nodes {
		if n.Primary && n != e.target {
			rivals, rows = append(rivals, n), append(rows, rowOf(n.At))
		}
	}
	lost, atRisk := e.ledger.Lose(rows)
	var gone, kept []acknowledged
	least, most := 0, 0 // how many are at risk
	for _, b := range e.beats {
		onLine, proved := beat.commit.Has(b.commit), tells(beat.commit.Row, b)
		held, heldProved, rivalsProved := false, false, true
		for _, rival := range rivals {
			has, told := rival.At.Has(b.commit), tells(rival.At.Row, b)
			held, heldProved, rivalsProved = held || has, heldProved || (has && told), rivalsProved && told
		}
		if e.ledger.Remembers(b.Beat) {
			kept = append(kept, b)
			if !e.copies && !onLine && !held && proved && rivalsProved {
				return fmt.Errorf("%+v is lost, and was not counted", b.Beat)
			}
		} else {
			gone = append(gone, b)
			if onLine || held {
				return fmt.Errorf("%+v was counted as lost, but it is not", b.Beat)
			}
		}
		if !onLine && held {
			most++
		}
		if !onLine && heldProved && proved && !e.copies {
			least++
		}
		if !onLine && !held && e.ledger.Remembers(b.Beat) {
			e.seen["lost, not proved"]++
		}
	}
	e.beats = kept
	e.seen["lost"] += len(gone)
	e.seen["at risk"] += least
	e.seen["at risk, not proved"] += most - least
	if got := commits(atRisk); got < least || got > most {
		return fmt.Errorf("%d at risk, in truth %d, of which %d can be proved", got, most, least)
	}
	if got := commits(lost); got != len(gone) {
		return fmt.Errorf("%d lost, and %d forgotten", got, len(gone))
	}
	if lost == nil {
		return nil
	}
	first, last := gone[0], gone[len(gone)-1]
	want := verdict.Loss{
		Commits: int64(len(gone)), From: first.Capacity, FirstLSN: first.LSN,
		Era: last.Era(), To: last.Capacity, LastLSN: last.LSN,
	}
	if *lost != want {
		return fmt.Errorf("lost %+v, in truth %+v", *lost, want)
	}
	return nil
}

// tells is the rule of completeness: the row is of the beat's birth, and keeps the
// beat's era, or no era that it dropped may be that one.
func tells(row model.Row, b acknowledged) bool {
	if !row.Found || row.Born != b.Born {
		return false
	}
	for _, era := range row.Shown() {
		if era.ID == b.Era() {
			return true
		}
	}
	return !mayFollow(b.commit.Row, row)
}

// judgeFollowed: a standby that gets its records from a primary is never said to be
// unable to follow it.
func (e *exporter) judgeFollowed(beat acknowledged) error {
	for _, n := range e.cluster.Nodes {
		source := n.Source()
		if n.Primary || source == nil {
			continue
		}
		server := verdict.Server{System: 1, Started: e.now}
		members := []verdict.Member{
			{Answered: true, Server: server, State: e.stateOf(source), Row: rowOf(source.At)},
			{Answered: true, State: e.stateOf(n), Row: rowOf(n.At), Followed: server},
		}
		if verdict.Followed(members, 1, []int{0}, beat.Beat) != 0 {
			return fmt.Errorf("%s follows %s, and is said not to: %+v", n.Name, source.Name, members)
		}
	}
	return nil
}
