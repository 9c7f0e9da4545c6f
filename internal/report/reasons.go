package report

import (
	"fmt"
	"io"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

// Reasons writes why a result is not synced, one line each; nothing when it is.
func Reasons(w io.Writer, r *probe.Result) error {
	for i := range r.Nodes {
		node := &r.Nodes[i]
		for _, failure := range node.Failures {
			if _, err := fmt.Fprintf(w, "%s: %s: %v\n", node.Name, probe.ReasonOf(failure), failure); err != nil {
				return err
			}
		}
		replica := node.Replica
		if replica == nil || (!replica.Doubtful() && (replica.Synced == nil || *replica.Synced)) {
			continue
		}
		if _, err := fmt.Fprintf(w, "%s: %s: %s\n", node.Name, replica.State, explainState(replica.State)); err != nil {
			return err
		}
	}
	return nil
}

// explainState says what a state means for a replica that lags.
func explainState(state probe.ReplicaState) string {
	switch state {
	case probe.StatePaused:
		return "replay is paused; SELECT pg_wal_replay_resume() on the replica resumes it"
	case probe.StateDelayed:
		return "recovery_min_apply_delay holds the canary back"
	case probe.StateDisconnected:
		return "no WAL receiver is streaming; see the replica's log and primary_conninfo"
	case probe.StateBlocked:
		return "replay waits for a conflicting query; see pg_stat_activity on the replica"
	case probe.StateReceiving:
		return "WAL is still on its way to the replica"
	case probe.StateReplaying:
		return "the WAL has arrived, but is not applied yet"
	default:
		return "the canary was not visible in time"
	}
}
