// Package report shows the result of one probe to people, as a table, and to
// programs, as JSON.
package report

import (
	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

// Verdict is the outcome of a probe in one word.
type Verdict string

// The verdicts; each is also the exit status of `check`.
const (
	// Synced: the canary was visible on every replica in time.
	Synced Verdict = "synced"
	// Lagging: it was not visible in time on at least one replica, or nobody can
	// say that it was.
	Lagging Verdict = "lagging"
	// Broken: it could not be written, a node did not answer as it should or is no
	// replica, two servers take writes, or there is no replica.
	Broken Verdict = "broken"
	// NotProbed: nobody has asked. No probe ends so.
	NotProbed Verdict = "unknown"
)

// ExitStatus returns 0, 1 or 2.
func (v Verdict) ExitStatus() int {
	switch v {
	case Synced:
		return 0
	case Lagging:
		return 1
	default:
		return 2
	}
}

// VerdictOn judges a result. It is broken without any replica, unless noReplica says
// that none is meant to be there.
func VerdictOn(r *probe.Result, noReplica bool) Verdict {
	replicas := r.Replicas()
	if primaries, _ := r.Primaries(); r.Write == nil || primaries > 1 || (len(replicas) == 0 && !noReplica) {
		return Broken
	}
	outcome := Synced
	for _, node := range replicas {
		switch replica := node.Replica; {
		case !replica.IsOne():
			return Broken
		case replica.Doubtful():
			outcome = Lagging
		case replica.Synced == nil:
			return Broken
		case !*replica.Synced:
			outcome = Lagging
		}
	}
	return outcome
}
