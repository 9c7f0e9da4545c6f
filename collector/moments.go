package collector

import (
	"time"

	"github.com/go-kit/log/level"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

// logMoments logs at debug level when the parts of a probe were sent and came
// back: the evidence behind its metrics. A probe without an acknowledged write
// has none.
func (j *journal) logMoments(r *probe.Result) {
	w := r.Write
	if w == nil {
		return
	}
	logger := level.Debug(j.logger)
	for _, node := range r.Replicas() {
		replica := node.Replica
		fields := []any{"msg", "reads", "node", node.Name, "capacity", w.Capacity}
		if first := replica.First; first != nil {
			fields = j.appendMoment(fields, "first_sent", first.Sent)
			fields = j.appendMoment(fields, "first_received", first.Received)
		}
		fields = j.appendMoment(fields, "last_stale_sent", replica.LastStale)
		fields = j.appendMoment(fields, "first_fresh_received", replica.FirstFresh)
		_ = logger.Log(fields...)
	}
	fields := []any{"msg", "probe", "primary", r.Primary, "capacity", w.Capacity}
	fields = j.appendMoment(fields, "sent", w.Sent)
	fields = j.appendMoment(fields, "acknowledged", w.Acknowledged)
	fields = j.appendMoment(fields, "ended", r.Started.Add(r.Duration))
	_ = logger.Log(fields...)
}

// appendMoment appends a time unless it is zero.
func (j *journal) appendMoment(fields []any, key string, t time.Time) []any {
	if t.IsZero() {
		return fields
	}
	return append(fields, key, moment{j.origin, t})
}

// moment is a time that is formatted only when it is logged. Its distance from
// the origin is measured by the monotonic clock, so that a step of the system's
// clock does not change the time between two moments.
type moment struct{ origin, t time.Time }

// MarshalText formats the time with its nanoseconds.
func (m moment) MarshalText() ([]byte, error) {
	return m.origin.Add(m.t.Sub(m.origin)).UTC().MarshalText()
}
