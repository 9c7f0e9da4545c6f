package report

import (
	"fmt"
	"io"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
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
func explainState(state verdict.ReplicaState) string {
	switch state {
	case verdict.StatePaused:
		return "replay is paused; SELECT pg_wal_replay_resume() on the replica resumes it"
	case verdict.StateDelayed:
		return "recovery_min_apply_delay holds the canary back"
	case verdict.StateDisconnected:
		return "no WAL receiver is streaming; see the replica's log and primary_conninfo"
	case verdict.StateBlocked:
		return "replay waits for a conflicting query; see pg_stat_activity on the replica"
	case verdict.StateReceiving:
		return "WAL is still on its way to the replica"
	case verdict.StateReplaying:
		return "the WAL has arrived, but is not applied yet"
	default:
		return "the canary was not visible in time"
	}
}
