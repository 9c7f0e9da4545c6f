package drill

import (
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// reasonConnecting is why a beat failed for which there was no connection yet, where nothing
// else is known to be wrong.
const reasonConnecting probe.Reason = "connecting"

// beat is one canary write, as a drill counts it.
type beat struct {
	// sent is when it left, or would have; ended is when it was acknowledged, or the latest
	// moment at which it failed.
	sent, ended  time.Time
	acknowledged bool
	// node is who was to take it, and reason why it did not; "" for one that was acknowledged.
	node   string
	reason probe.Reason
	row    verdict.Row
	lsn    verdict.LSN
}

// beatsOf returns the beats of a result: one, or two where the first found that the primary is
// another server now.
//
// One of the pulse counts from when it was due: until its connection is there, nobody can write
// over it.
func beatsOf(r *probe.Result) []beat {
	due := r.Attempted
	if due.IsZero() || (!r.Scraped && r.Started.Before(due)) {
		due = r.Started
	}
	w := r.Write
	if w == nil {
		return []beat{{sent: due, ended: latest(r.Started.Add(r.Duration), due), node: r.Primary, reason: reasonOf(r.WriteFailure())}}
	}
	acknowledged := beat{sent: due, ended: w.Acknowledged, acknowledged: true, node: r.Primary, row: w.Row, lsn: w.LSN}
	if len(r.Takeovers) > 0 {
		acknowledged.sent = w.Sent
	}
	first := r.Outage
	if first.Err == nil || !first.Began.Before(w.Sent) {
		return []beat{acknowledged}
	}
	failed := beat{sent: latest(first.Began, due), ended: w.Sent, node: first.Node, reason: reasonOf(first.Err)}
	return []beat{failed, acknowledged}
}

// reasonOf returns the reason of a failure. Without one, the connection was still being made.
func reasonOf(err error) probe.Reason {
	if err == nil {
		return reasonConnecting
	}
	return probe.ReasonOf(err)
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (b beat) took() time.Duration { return b.ended.Sub(b.sent) }

// position is where an acknowledged beat lies.
func (b beat) position() Position {
	return Position{Node: b.node, Timeline: b.row.Timeline, Era: b.row.Era(), Value: b.row.Capacity, LSN: b.lsn}
}
