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

func beatOf(r *probe.Result) beat {
	if w := r.Write; w != nil {
		return beat{sent: w.Sent, ended: w.Acknowledged, acknowledged: true, node: r.Primary, row: w.Row, lsn: w.LSN}
	}
	b := beat{sent: r.Attempted, ended: r.Started.Add(r.Duration), node: r.Primary, reason: reasonConnecting}
	if b.sent.IsZero() {
		b.sent = r.Started
	}
	if b.ended.Before(b.sent) {
		b.ended = b.sent
	}
	if err := r.WriteFailure(); err != nil {
		b.reason = probe.ReasonOf(err)
	}
	return b
}

func (b beat) took() time.Duration { return b.ended.Sub(b.sent) }

// position is where an acknowledged beat lies.
func (b beat) position() Position {
	return Position{Node: b.node, Timeline: b.row.Timeline, Era: b.row.Era(), Value: b.row.Capacity, LSN: b.lsn}
}
