package collector

import (
	"time"

	"github.com/go-kit/log/level"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// logMoments logs at debug level when the parts of a beat were sent and came back: the
// evidence behind its metrics. The line of a probe is last, that of a beat of the pulse too.
func (j *journal) logMoments(r *probe.Result) {
	logger, message := level.Debug(j.logger), "beat"
	if r.Scraped {
		message = "probe"
	}
	fields := []any{"msg", message, "primary", r.Primary}
	w := r.Write
	if w != nil {
		j.logReads(r)
		fields = append(fields, "capacity", w.Capacity, "lsn", w.LSN)
	} else if err := r.WriteFailure(); err != nil {
		fields = append(fields, "reason", probe.ReasonOf(err))
	}
	fields = j.appendMoment(fields, "started", r.Started)
	fields = j.appendMoment(fields, "attempted", r.Attempted)
	if w != nil {
		fields = j.appendMoment(fields, "sent", w.Sent)
		fields = j.appendMoment(fields, "acknowledged", w.Acknowledged)
	}
	fields = j.appendMoment(fields, "ended", r.Started.Add(r.Duration))
	_ = logger.Log(fields...)
}

// logReads logs those of each replica that looked for an acknowledged beat.
func (j *journal) logReads(r *probe.Result) {
	for _, node := range r.Replicas() {
		replica := node.Replica
		fields := []any{"msg", "reads", "node", node.Name, "capacity", r.Write.Capacity}
		if first := replica.First; first != nil {
			fields = j.appendMoment(fields, "first_sent", first.Sent)
			fields = j.appendMoment(fields, "first_received", first.Received)
		}
		fields = j.appendMoment(fields, "last_stale_sent", replica.LastStale)
		fields = j.appendMoment(fields, "first_fresh_received", replica.FirstFresh)
		fields = j.appendMoment(fields, "decided", replica.Decided)
		_ = level.Debug(j.logger).Log(fields...)
	}
}

// logShown logs a visibility delay, which the histogram counts.
func (j *journal) logShown(replica string, beat verdict.Sighting, delay time.Duration) {
	fields := []any{"msg", "shown", "node", replica, "capacity", beat.Capacity}
	fields = j.appendMoment(fields, "acknowledged", beat.Acknowledged)
	fields = j.appendMoment(fields, "received", beat.Acknowledged.Add(delay))
	_ = level.Debug(j.logger).Log(fields...)
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
