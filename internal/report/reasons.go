package report

import (
	"fmt"
	"io"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
	"github.com/pg-canary/pg_canary_exporter/internal/status"
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
	case replica.Doubtful():
		return "shows the canary, but " + status.Doubt(replica)
	case replica.State == "":
		return explainState(replica.State)
	default:
		return string(replica.State) + ": " + explainState(replica.State)
	}
}

// explainState says what a state means for a replica that lags, and what to do about it.
func explainState(state verdict.ReplicaState) string {
	words := status.OfState(state)
	if words.Next == "" {
		return words.Means
	}
	return words.Means + "; " + words.Next
}
