package verdict_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/model"
)

var (
	histories = flag.Int("histories", 20_000, "random histories to judge")
	firstSeed = flag.Uint64("history", 0, "number of the first history")
)

// judgments are how many pairs of a beat and a node are judged after each step.
const judgments = 2

// sent is a beat of a history, and whether it was this exporter's.
type sent struct {
	commit *model.Commit
	row    verdict.Row
	own    bool
}

// judge holds what was said about a beat and a node against the truth.
type judge func(h *history, beat sent, shown sent) error

// history is one random life of a cluster, and what an exporter remembers of it.
type history struct {
	cluster *model.Cluster
	basic   bool // servers do not tell positions
	random  *rand.Rand
	steps   int
	beats   []sent
	trace   []string
	seen    map[string]int
}

func newHistory(number uint64, resume, traced bool) *history {
	h := &history{random: rand.New(rand.NewPCG(number, 1)), seen: map[string]int{}}
	options := model.Options{Nodes: 2 + h.random.IntN(4), Basic: h.random.IntN(5) == 0}
	if h.random.IntN(4) == 0 {
		options.Capacity = h.random.Int64N(5) // from before there were eras
	}
	if traced {
		options.Trace = func(line string) { h.trace = append(h.trace, line) }
	}
	profile := model.Profiles[h.random.IntN(len(model.Profiles))]
	if resume {
		profile.Resumes = 5
	}
	h.basic = options.Basic
	h.cluster = model.New(options, h.random)
	h.cluster.Live(profile)
	h.steps = 10 + h.random.IntN(60)
	if h.random.IntN(20) == 0 {
		h.steps *= 6 // long enough for eras to be dropped
	}
	return h
}

// run goes through a history, and holds a few verdicts against the truth at each step.
func (h *history) run(judge judge) error {
	for range h.steps {
		if commit := h.cluster.Step(); commit != nil {
			h.beats = append(h.beats, sent{commit, rowOf(commit), h.random.IntN(2) == 0})
		}
		if len(h.beats) == 0 {
			continue
		}
		for range judgments {
			// Half of the time the last few beats, as an exporter would ask.
			beat := h.beats[max(0, len(h.beats)-1-h.random.IntN(len(h.beats)))]
			if h.random.IntN(2) == 0 {
				beat = h.beats[max(0, len(h.beats)-1-h.random.IntN(3))]
			}
			node := h.cluster.Nodes[h.random.IntN(len(h.cluster.Nodes))]
			shown := sent{commit: node.At, row: rowOf(node.At)}
			if err := judge(h, beat, shown); err != nil {
				return fmt.Errorf("beat %+v, node %s shows %+v: %w", beat.row, node.Name, shown.row, err)
			}
		}
	}
	return nil
}

// marksBefore is what an exporter remembers that wrote on the line that led to a
// beat: the marks of its own beats.
func (h *history) marksBefore(beat sent) func(era, capacity int64) (int64, bool) {
	return func(era, capacity int64) (int64, bool) {
		for _, other := range h.beats {
			if other.own && other.row.Capacity == capacity && other.row.Era() == era &&
				beat.commit.Has(other.commit) {
				return other.row.Mark, true
			}
		}
		return 0, false
	}
}

func rowOf(commit *model.Commit) verdict.Row {
	row := commit.Row
	kept := row.Shown()
	eras := make([]verdict.Era, len(kept))
	for i, era := range kept {
		eras[i] = verdict.Era(era)
	}
	return verdict.Row{
		Found: row.Found, Capacity: row.Capacity, Mark: row.Mark, Born: row.Born,
		Timeline: row.Timeline, Fork: verdict.LSN(row.Fork), Eras: eras,
	}
}

// provable is the rule of completeness: where it holds, Unknown is wrong. The
// rows are of one birth, and they keep an era in common, or neither dropped one
// that could join it to the other.
func provable(beat, shown model.Row) bool {
	if !beat.Found || !shown.Found || beat.Born != shown.Born {
		return false
	}
	for _, one := range beat.Shown() {
		if slices.Contains(shown.Shown(), one) {
			return true
		}
	}
	return !mayFollow(beat, shown) && !mayFollow(shown, beat)
}

// mayFollow says that eras which row does not keep could have led from earlier to it.
func mayFollow(earlier, row model.Row) bool {
	return len(row.Eras) >= model.Kept && earlier.Capacity <= row.Shown()[0].From
}

var standings = map[model.Relation]verdict.Standing{
	model.Holds: verdict.Shows, model.Before: verdict.Behind, model.Apart: verdict.Left,
}

// judgeRows holds what rows prove against the truth.
func judgeRows(h *history, beat, shown sent) error {
	got, want := verdict.Compare(beat.row, shown.row), standings[model.Relate(beat.commit, shown.commit)]
	if !provable(beat.commit.Row, shown.commit.Row) {
		want = verdict.Unknown
	}
	if got != want {
		return fmt.Errorf("compared: %v, in truth: %v", got, want)
	}
	if marked := verdict.CompareMarked(beat.row, shown.row, h.marksBefore(beat)); marked != want {
		return fmt.Errorf("compared with marks: %v, in truth: %v", marked, want)
	}
	if !shown.row.Found || shown.row.Born != beat.row.Born {
		h.seen["apart"]++
		return nil
	}
	h.seen[got.String()]++
	if got == verdict.Unknown {
		h.seen["unknown, in truth "+standings[model.Relate(beat.commit, shown.commit)].String()]++
	}
	return judgeHolds(h, beat, shown)
}

// judgeHolds holds what a row proves about a beat of which only era and value
// are remembered, as of one that may be lost, against the truth.
func judgeHolds(h *history, beat, shown sent) error {
	got := shown.row.Holds(beat.row.Era(), beat.row.Capacity)
	held := model.Relate(beat.commit, shown.commit) == model.Holds
	switch {
	case got == verdict.Yes && !held, got == verdict.No && held:
		return fmt.Errorf("holds the beat: %v, in truth: %v", got, held)
	case got == verdict.Unproved && !mayFollow(beat.commit.Row, shown.commit.Row):
		return fmt.Errorf("holds the beat: not proved, in truth: %v", held)
	case got == verdict.Unproved:
		h.seen["not proved to hold"]++
	}
	return nil
}

// judgeCopiedMemory is what is left to prove where two servers go on in one
// life: never Left for what is not, and the mark of a value that is remembered.
func judgeCopiedMemory(h *history, beat, shown sent) error {
	truth := model.Relate(beat.commit, shown.commit)
	plain := verdict.Compare(beat.row, shown.row)
	marked := verdict.CompareMarked(beat.row, shown.row, h.marksBefore(beat))
	for _, got := range []verdict.Standing{plain, marked} {
		if got == verdict.Left && truth != model.Apart {
			return fmt.Errorf("left, in truth: %v", standings[truth])
		}
	}
	h.seen[marked.String()]++
	switch {
	case truth == model.Apart && marked != verdict.Left:
		h.seen["missed"]++
	case marked != plain:
		h.seen["by mark"]++
	}
	return nil
}

func TestRandomHistories(t *testing.T) {
	t.Parallel()
	seen := judgeHistories(t, false, *histories, judgeRows)
	for _, needed := range []string{
		"shows", "behind", "left", "apart", "not proved to hold",
		// Nothing is said where each is possible.
		"unknown, in truth shows", "unknown, in truth behind", "unknown, in truth left",
	} {
		if seen[needed] == 0 {
			t.Errorf("no history had the verdict %q", needed)
		}
	}
}

func TestRandomHistoriesWithCopiedMemory(t *testing.T) {
	t.Parallel()
	seen := judgeHistories(t, true, *histories/5, judgeCopiedMemory)
	if seen["by mark"] == 0 {
		t.Error("no mark proved anything")
	}
}

func judgeHistories(t *testing.T, resume bool, count int, judge judge) map[string]int {
	t.Helper()
	return runHistories(t, resume, count, func(h *history) error { return h.run(judge) })
}

// runHistories runs histories on all processors. The first that fails is
// told step by step; its number runs it again.
func runHistories(t *testing.T, resume bool, count int, run func(*history) error) map[string]int {
	t.Helper()
	var next atomic.Uint64
	var group errgroup.Group
	workers := make([]map[string]int, runtime.GOMAXPROCS(0))
	for i := range workers {
		workers[i] = map[string]int{}
		group.Go(func() error {
			for {
				number := next.Add(1) - 1
				if number >= uint64(count) {
					return nil
				}
				number += *firstSeed
				h := newHistory(number, resume, false)
				h.seen = workers[i]
				if run(h) != nil {
					again := newHistory(number, resume, true)
					err := run(again)
					return fmt.Errorf("history %d: %w\n%s", number, err, strings.Join(again.trace, "\n"))
				}
			}
		})
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
	sum := map[string]int{}
	for _, seen := range workers {
		for name, n := range seen {
			sum[name] += n
		}
	}
	t.Logf("%d histories: %v", count, sum)
	return sum
}
