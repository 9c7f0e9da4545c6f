package verdict

import (
	"strings"
	"time"
)

// ReplicaState is the one verdict on a replica.
type ReplicaState string

// The states, in the order in which they are looked for: the first match wins.
const (
	// StateUnreachable: the node gave no answer.
	StateUnreachable ReplicaState = "unreachable"
	// StateForeign: the node belongs to another cluster.
	StateForeign ReplicaState = "foreign"
	// StateDiverged: the node's history left the primary's.
	StateDiverged ReplicaState = "diverged"
	// StateSynced: the canary was visible in time.
	StateSynced ReplicaState = "synced"
	// StatePaused: the replay is paused.
	StatePaused ReplicaState = "paused"
	// StateDelayed: recovery_min_apply_delay explains the lag.
	StateDelayed ReplicaState = "delayed"
	// StateDisconnected: no WAL receiver is streaming.
	StateDisconnected ReplicaState = "disconnected"
	// StateBlocked: the replay waits for a conflicting query.
	StateBlocked ReplicaState = "blocked"
	// StateReceiving: WAL is still on its way.
	StateReceiving ReplicaState = "receiving"
	// StateReplaying: the WAL is here, but not applied yet.
	StateReplaying ReplicaState = "replaying"
)

// ReplicaStates returns every state.
func ReplicaStates() []ReplicaState {
	return []ReplicaState{
		StateUnreachable, StateForeign, StateDiverged, StateSynced, StatePaused, StateDelayed, StateDisconnected,
		StateBlocked, StateReceiving, StateReplaying,
	}
}

// applyDelaySlack is how far a lag may exceed recovery_min_apply_delay and still
// be explained by it, where no wait event is seen: the time to receive and
// apply, generously.
const applyDelaySlack = time.Second

// BehindState says what is in the way of a replica that does not show the
// canary: seen is its last answer, lag how long it has been behind and target
// the position it has to reach, 0 when no canary was written. It returns ""
// when the answer does not tell.
func BehindState(seen State, lag time.Duration, target LSN) ReplicaState {
	switch {
	case !seen.Detailed || !seen.InRecovery:
		return ""
	case seen.ReplayPaused:
		return StatePaused
	case explainedByApplyDelay(seen, lag, target):
		return StateDelayed
	case seen.Receiver != "streaming" && seen.Receiver != Hidden:
		return StateDisconnected
	case strings.HasPrefix(seen.ReplayWaitsOn, "RecoveryConflict"),
		seen.ReplayWaitsOn == "BufferPin", seen.ReplayWaitsOn == WaitsOnLock:
		return StateBlocked
	case max(seen.ReceiveLSN, seen.ReplayLSN) < target:
		return StateReceiving
	case target != 0 || seen.ReplayLSN < seen.ReceiveLSN:
		return StateReplaying
	default:
		return ""
	}
}

func explainedByApplyDelay(seen State, lag time.Duration, target LSN) bool {
	if seen.ApplyDelay == nil || *seen.ApplyDelay == 0 {
		return false
	}
	switch seen.ReplayWaitsOn {
	case "RecoveryApplyDelay":
		return true
	case "", Hidden:
		// WAL that arrives wakes it for a moment.
		return target != 0 && lag <= *seen.ApplyDelay+applyDelaySlack
	default:
		return false
	}
}
