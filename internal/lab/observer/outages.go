package observer

import (
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
)

// Unusual is how long a write waits for its acknowledgement before it counts as one that
// nobody answers: when four more would have been made by then.
const Unusual = 5 * WriteInterval

// Outage is a time in which none of an application's writes was acknowledged.
type Outage struct {
	// From is when the first was sent that failed or waited unusually long, and To when the first
	// after that was acknowledged; [history.Never] if none was.
	From, To history.Moment
	// Before is when the last one that was acknowledged in time had been sent: perhaps nobody could write
	// any more right after that. From Surely to Until nobody could for sure: from when the first had
	// failed, or waited unusually long, to when the last one was sent that failed or, where one
	// waited all the time, to its acknowledgement.
	Before, Surely, Until history.Moment
}

// Lasted returns how long it lasted.
func (o Outage) Lasted() time.Duration { return time.Duration(o.To - o.From) }

// Bounds returns between what its length lies by all that the writes tell.
func (o Outage) Bounds() (least, most time.Duration) {
	return max(0, time.Duration(o.Until-o.Surely)), time.Duration(o.To - o.Before)
}

// Outages returns those of an application's writes.
func Outages(writes []Write) (all []Outage) {
	before, lasts := history.Always, false
	for _, w := range writes {
		unusual := w.Sent + history.Moment(Unusual)
		if !lasts && !w.Failed && w.Answered <= unusual {
			before = w.Sent
			continue
		}
		if !lasts {
			all = append(all, Outage{From: w.Sent, To: history.Never, Before: before, Surely: min(w.Answered, unusual), Until: w.Answered})
		}
		last := &all[len(all)-1]
		if w.Failed {
			last.Until = w.Sent
		} else {
			last.To, before = w.Answered, w.Sent
		}
		lasts = w.Failed
	}
	return all
}
