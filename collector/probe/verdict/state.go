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
	// StatePrimary: the address leads to the primary, which is no replica.
	StatePrimary ReplicaState = "primary"
	// StateDuplicate: the address leads to the server of another replica.
	StateDuplicate ReplicaState = "duplicate"
	// StateDiverged: the node's history left the primary's.
	StateDiverged ReplicaState = "diverged"
	// StateSynced: the canary was visible in time.
	StateSynced ReplicaState = "synced"
	// StatePaused: the replay is paused.
	StatePaused ReplicaState = "paused"
	// StateDelayed: recovery_min_apply_delay explains the lag.
	StateDelayed ReplicaState = "delayed"
	// StateRestoring: no WAL receiver is streaming, and WAL from an archive is replayed.
	StateRestoring ReplicaState = "restoring"
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
		StateUnreachable, StateForeign, StatePrimary, StateDuplicate, StateDiverged, StateSynced, StatePaused,
		StateDelayed, StateRestoring, StateDisconnected, StateBlocked, StateReceiving, StateReplaying,
	}
}

// RestoreMemory is how long after its replay last moved a standby without a WAL receiver
// counts as fed from an archive: a quiet primary archives a segment every
// archive_timeout, of which a minute is usual.
const RestoreMemory = 5 * time.Minute

// Restores says whether a standby's replay moved by WAL that no receiver got: what
// lies past the last position received came from an archive.
func Restores(before, now State) bool {
	return now.InRecovery && now.Receiver == "" && before.ReplayLSN != 0 &&
		now.ReplayLSN > before.ReplayLSN && now.ReplayLSN > now.ReceiveLSN
}

// applyDelaySlack is how far a lag may exceed recovery_min_apply_delay and still
// be explained by it, where no wait event is seen: the time to receive and
// apply, generously.
const applyDelaySlack = time.Second

// BehindState says what is in the way of a replica that does not show the
// canary: seen is its last answer, lag how long it has been behind and target
// the position it has to reach, 0 when no canary was written. restoring says
// that it is fed from an archive; see [Restores]. It returns "" when the answer
// does not tell.
func BehindState(seen State, lag time.Duration, target LSN, restoring bool) ReplicaState {
	streams := seen.Receiver == "streaming" || seen.Receiver == Hidden
	switch {
	case !seen.Detailed || !seen.InRecovery:
		return ""
	case seen.ReplayPaused:
		return StatePaused
	case explainedByApplyDelay(seen, lag, target):
		return StateDelayed
	case !streams && restoring:
		return StateRestoring
	case !streams:
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

// StillWaiting returns the later of two answers. A replay that has not moved
// between them waits for what it waited for, even if it looked up for a moment.
func StillWaiting(earlier, later State) State {
	if later.ReplayWaitsOn == "" && later.ReplayLSN == earlier.ReplayLSN {
		later.ReplayWaitsOn = earlier.ReplayWaitsOn
	}
	return later
}
