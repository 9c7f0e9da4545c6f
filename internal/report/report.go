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
	// Broken: it could not be written, or a node did not answer as it should.
	Broken Verdict = "broken"
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

// VerdictOn judges a result.
func VerdictOn(r *probe.Result) Verdict {
	if r.Write == nil {
		return Broken
	}
	verdict := Synced
	for _, node := range r.Replicas() {
		switch {
		case node.Replica.Doubtful():
			verdict = Lagging
		case node.Replica.Synced == nil:
			return Broken
		case !*node.Replica.Synced:
			verdict = Lagging
		}
	}
	return verdict
}
