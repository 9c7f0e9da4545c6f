package pgnode

import (
	"slices"
	"time"
)

const (
	// quickTime is how long an attempt counts among the quick ones. One that takes longer waits
	// for its server, not for us.
	quickTime = time.Second
	// slowShare is how many times as many slow attempts there may be as quick ones.
	slowShare = 8
	// hurry is how many times as many attempts may begin in a second that a probe waits for.
	hurry = 4
	// longestTurn is how long an attempt that no probe waits for lets others go first that one
	// does wait for.
	longestTurn = 30 * time.Second
	// catchUp is how much of its pace the queue makes up for when its timer was late.
	catchUp = 20 * time.Millisecond
)

// dialTurn is one attempt's place in the queue.
type dialTurn struct {
	dials   *Dials
	may     chan struct{} // closed when it begins
	cluster string
	share   *dialShare // of the cluster
	asked   time.Time
	begun   time.Time // zero while it waits
	urged   bool      // a probe waits for it
	// slow is true for one that hung the last time, and for one that has lasted for quickTime.
	slow bool
}

// dialShare is what one cluster has of the attempts.
type dialShare struct {
	turns    int // waiting or under way
	underWay int
	last     time.Time // when one was begun last
}

// dialLine are attempts in the order in which they came.
type dialLine []*dialTurn

// dialQueue says which attempt begins when. The quick ones and the slow ones have places of
// their own, so that those that hang take none from the others. What a probe waits for goes
// first, at a pace of its own; the others leave half of the places free for it. Of equals it is
// the turn of the cluster that has fewest under way, then of the one that was served longest ago.
type dialQueue struct {
	most, mostSlow int
	gap            time.Duration // between attempts that no probe waits for
	waiting        [4]dialLine   // of each kind: quick or slow, and with or without a probe that waits
	quick          dialLine      // under way, in the order in which they were begun
	slow           int           // the others that are under way
	paced          time.Time     // when the next one may begin that no probe waits for
	hurried        time.Time     // when the next one may begin that one does wait for
	shares         map[string]*dialShare
}

func (q *dialQueue) underWay() int { return len(q.quick) + q.slow }

func (q *dialQueue) waits() (n int) {
	for _, line := range q.waiting {
		n += len(line)
	}
	return n
}

// lineOf returns the line that an attempt waits in.
func (q *dialQueue) lineOf(t *dialTurn) *dialLine {
	number := 0
	if t.slow {
		number++
	}
	if t.urged {
		number += 2
	}
	return &q.waiting[number]
}

// add has an attempt wait for its turn.
func (q *dialQueue) add(t *dialTurn) {
	share := q.shares[t.cluster]
	if share == nil {
		share = &dialShare{}
		q.shares[t.cluster] = share
	}
	share.turns++
	t.share = share
	q.lineOf(t).add(t)
}

// urge has a probe wait for an attempt, if that waits.
func (q *dialQueue) urge(t *dialTurn) {
	if !t.urged && q.lineOf(t).remove(t) {
		t.urged = true
		q.lineOf(t).add(t)
	}
}

// next returns the attempt that is to begin now, and if there is none, when to ask again:
// the zero time for not before something else changes.
func (q *dialQueue) next(now time.Time) (first *dialTurn, again time.Time) {
	q.slowDown(now)
	for _, line := range q.waiting {
		if len(line) == 0 {
			continue
		}
		due, ok := q.due(line[0], now)
		switch {
		case !ok:
		case now.Before(due):
			again = sooner(again, due)
		default:
			if t := line.first(now); first == nil || t.precedes(first, now) {
				first = t
			}
		}
	}
	return first, again
}

// due is when the first attempt of a line may begin, the zero time for at once; false where
// that is no matter of time.
func (q *dialQueue) due(t *dialTurn, now time.Time) (time.Time, bool) {
	due, ok := q.free(t.slow, t.presses(now))
	if presses := t.asked.Add(longestTurn); !t.presses(now) && (!ok || presses.Before(due)) {
		due, ok = presses, true // There is more room for it then.
	}
	if t.urged {
		return later(due, q.hurried), ok
	}
	return later(due, q.paced), ok
}

// free is when there is a place for a slow or quick attempt, one that presses or not.
func (q *dialQueue) free(slow, pressing bool) (time.Time, bool) {
	places := q.most
	if slow {
		places = q.mostSlow
	}
	if !pressing {
		places = (places + 1) / 2
	}
	switch {
	case slow:
		return time.Time{}, q.slow < places
	case len(q.quick) < places:
		return time.Time{}, true
	default:
		return q.quick[len(q.quick)-places].begun.Add(quickTime), true
	}
}

// first returns the attempt of a line whose turn it is: the oldest one, if it has waited for
// long though no probe waits for it.
func (line dialLine) first(now time.Time) *dialTurn {
	first := line[0]
	if first.presses(now) && !first.urged {
		return first
	}
	for _, t := range line[1:] {
		if t.precedes(first, now) {
			first = t
		}
	}
	return first
}

// precedes says whether, of two attempts that may begin, it is the turn of t before other.
func (t *dialTurn) precedes(other *dialTurn, now time.Time) bool {
	switch pressing := t.presses(now); {
	case pressing != other.presses(now):
		return pressing
	case t.share.underWay != other.share.underWay:
		return t.share.underWay < other.share.underWay
	case !t.share.last.Equal(other.share.last):
		return t.share.last.Before(other.share.last)
	default:
		return t.asked.Before(other.asked)
	}
}

// presses says whether a probe waits for an attempt, or it has waited for so long itself.
func (t *dialTurn) presses(now time.Time) bool { return t.urged || now.Sub(t.asked) >= longestTurn }

// slowDown counts those among the slow ones that have lasted so long.
func (q *dialQueue) slowDown(now time.Time) {
	for len(q.quick) > 0 && !now.Before(q.quick[0].begun.Add(quickTime)) {
		q.quick[0].slow = true
		q.quick = slices.Delete(q.quick, 0, 1)
		q.slow++
	}
}

// begin begins an attempt that waits.
func (q *dialQueue) begin(t *dialTurn, now time.Time) {
	q.lineOf(t).remove(t)
	t.share.underWay++
	t.begun, t.share.last = now, now
	if t.slow {
		q.slow++
	} else {
		q.quick = append(q.quick, t)
	}
	if late := now.Add(-catchUp); t.urged {
		q.hurried = later(q.hurried, late).Add(q.gap / hurry)
	} else {
		q.paced = later(q.paced, late).Add(q.gap)
	}
}

// remove takes out an attempt that has ended, or that waits and will not be made.
func (q *dialQueue) remove(t *dialTurn) {
	switch {
	case t.begun.IsZero():
		q.lineOf(t).remove(t)
	case t.slow:
		q.slow--
		t.share.underWay--
	default:
		q.quick.remove(t)
		t.share.underWay--
	}
	if t.share.turns--; t.share.turns == 0 {
		delete(q.shares, t.cluster)
	}
}

func (line *dialLine) add(t *dialTurn) { *line = append(*line, t) }

// remove says whether it was there.
func (line *dialLine) remove(t *dialTurn) bool {
	i := slices.Index(*line, t)
	if i >= 0 {
		*line = slices.Delete(*line, i, i+1)
	}
	return i >= 0
}
