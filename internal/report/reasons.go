package report

import (
	"fmt"
	"io"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// Reasons writes why a result is not synced, one line each; nothing when it is.
func Reasons(w io.Writer, r *probe.Result, noReplica bool) error {
	if err := clusterReasons(w, r, noReplica); err != nil {
		return err
	}
	for i := range r.Nodes {
		node := &r.Nodes[i]
		for _, failure := range node.Failures {
			if _, err := fmt.Fprintf(w, "%s: %s: %v\n", node.Name, probe.ReasonOf(failure), failure); err != nil {
				return err
			}
		}
		if node.Connecting && !node.Up {
			if _, err := fmt.Fprintf(w, "%s: %v\n", node.Name, probe.ErrConnecting); err != nil {
				return err
			}
		}
		replica := node.Replica
		if replica == nil || (replica.IsOne() && !replica.Doubtful() && (replica.Synced == nil || *replica.Synced)) {
			continue
		}
		if _, err := fmt.Fprintf(w, "%s: %s\n", node.Name, explain(replica)); err != nil {
			return err
		}
	}
	return nil
}

// clusterReasons writes what is wrong with the cluster as a whole.
func clusterReasons(w io.Writer, r *probe.Result, noReplica bool) error {
	var lines []string
	if primaries, _ := r.Primaries(); primaries > 1 {
		lines = append(lines, fmt.Sprintf("split brain: %d servers take writes", primaries))
	}
	if len(r.Replicas()) == 0 && !noReplica {
		lines = append(lines, "no replica: name one with --replica.dsn, or say --no-replica where none is meant to be there")
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

// explain says why a replica is not synced, or not known to be.
func explain(replica *probe.ReplicaResult) string {
	switch {
	case replica.Doubtful() && replica.Late:
		return "shows the canary, but was connected too late to tell how soon"
	case replica.Doubtful() && replica.LastStale.IsZero():
		took := replica.First.Received.Sub(replica.First.Sent).Round(time.Millisecond)
		return fmt.Sprintf("shows the canary, but one read takes %v, longer than --probe.synced-within: raise that above it", took)
	case replica.Doubtful():
		return "shows the canary, perhaps too late: it came at the limit of --probe.synced-within"
	case replica.State == "":
		return explainState(replica.State)
	default:
		return string(replica.State) + ": " + explainState(replica.State)
	}
}

// explainState says what a state means for a replica that lags.
func explainState(state verdict.ReplicaState) string {
	switch state {
	case verdict.StateForeign:
		return "the server has the system identifier of another cluster"
	case verdict.StatePrimary:
		return "the address leads to the primary, so this is no replica: correct it, or look at the balancer"
	case verdict.StateDuplicate:
		return "the address leads to the server of another node: name each server once"
	case verdict.StateDiverged:
		return "its history left the primary's, and it never catches up by itself; see docs/runbooks/PgCanaryReplicaDiverged.md"
	case verdict.StateRestoring:
		return "no WAL receiver is streaming; WAL from the archive is replayed"
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
