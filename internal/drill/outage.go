package drill

import (
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

// shortestWait is how long nobody could write, without a beat that failed, for that to be an
// outage. A busy disk makes commits wait for some tens of milliseconds all the time, and for more
// than a hundred now and then.
const shortestWait = 250 * time.Millisecond

// Outage is a time in which nobody could write: from the sending of the first beat that was not
// acknowledged at once to the first acknowledgement after it.
type Outage struct {
	Began time.Time
	// Ended is zero for one that lasts.
	Ended time.Time
	// Lasted is its time, of one that lasts until the end of the drill.
	Lasted time.Duration
	// AtLeast and AtMost bracket the true one; see [interval.bounds].
	AtLeast, AtMost time.Duration
	// Waited is how much of its time beats waited, and were neither acknowledged nor refused.
	Waited time.Duration
	// Beats are those within it, without the one that ended it.
	Beats Counts
	// Refusals are why they failed, in the order in which the reasons appeared.
	Refusals []Refusal
	// Before is the last beat that was acknowledged before it, After the first one that was
	// after it.
	Before, After Position
}

// Lasts is true for one that has not ended.
func (o *Outage) Lasts() bool { return o.Ended.IsZero() }

// isWait is true for one in which nothing failed, and that ended on the server that it began on.
func (o *Outage) isWait() bool {
	return len(o.Refusals) == 0 && !o.Lasts() && o.Before.Node == o.After.Node && o.Before.Era == o.After.Era
}

// Refused is how much of its time beats were refused.
func (o *Outage) Refused() time.Duration {
	if o.Beats.Refused == 0 {
		return 0
	}
	return max(o.Lasted-o.Waited, 0)
}

// isPause is true for a short time of waiting in which nothing failed.
func (o *Outage) isPause() bool {
	return o.Beats.Refused+o.Beats.GivenUp == 0 && o.Lasted < shortestWait
}

// First is the first reason; both are "" where nothing but waiting happened.
func (o *Outage) First() (node string, reason probe.Reason) {
	if len(o.Refusals) == 0 {
		return "", ""
	}
	return o.Refusals[0].Node, o.Refusals[0].Reason
}

func (o *Outage) refuse(b beat) {
	for i := range o.Refusals {
		if r := &o.Refusals[i]; r.Node == b.node && r.Reason == b.reason {
			r.Beats++
			return
		}
	}
	o.Refusals = append(o.Refusals, Refusal{Node: b.node, Reason: b.reason, Beats: 1})
}

// interval is an outage that may go on.
type interval struct {
	Outage
	// before is when the last beat was sent that was acknowledged before it; zero for none.
	before time.Time
	// patience is how long a beat may take that does not wait.
	patience time.Duration
	// begunBy is when it had begun at the latest, and lastsAt when it lasted still.
	begunBy, lastsAt time.Time
	announced        bool
}

// add counts a beat that was not acknowledged, or not at once.
func (i *interval) add(b beat, waited bool) {
	proves := b.took() >= shortestWait
	if i.begunBy.IsZero() {
		i.begunBy = b.ended
		if proves {
			i.begunBy = b.sent.Add(i.patience) // One that was sent before would have been acknowledged by then.
		}
	}
	if waited {
		i.Waited += b.took()
	}
	i.Ended, i.After, i.lastsAt = time.Time{}, Position{}, b.sent
	switch {
	case b.acknowledged:
		i.Beats.Acknowledged++
		i.Beats.Late++
		if proves {
			i.lastsAt = b.ended.Add(-i.patience)
		}
		i.end(b)
		return
	case waited:
		i.Beats.GivenUp++
	default:
		i.Beats.Refused++
	}
	i.refuse(b)
	i.Lasted = b.ended.Sub(i.Began)
}

// end ends it with an acknowledgement.
func (i *interval) end(b beat) {
	i.Ended, i.After = b.ended, b.position()
	i.bounds(b.ended)
}

// bounds says how long it has lasted by a moment, and brackets that. Somebody could write
// when the last acknowledged beat was sent, at least a moment later, and could not any more
// when the first one failed; nobody could when the last one that failed was sent, and somebody
// could by the first acknowledgement. So the true outage lies between the two inner moments and
// the two outer ones. A beat that waited for less than shortestWait proves nothing meanwhile: it
// may have been slow by itself.
func (i *interval) bounds(by time.Time) {
	i.Lasted = by.Sub(i.Began)
	i.AtLeast = min(max(i.lastsAt.Sub(i.begunBy), 0), i.Lasted)
	i.AtMost = i.Lasted
	if !i.before.IsZero() {
		i.AtMost = by.Sub(i.before)
	}
}
