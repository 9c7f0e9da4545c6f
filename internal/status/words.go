package status

import (
	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// Words are what to say of a state.
type Words struct {
	// Means says what the state is.
	Means string
	// Next is the next step; "" where none is due.
	Next string
	// Runbook is the name of the alert whose runbook has more; "" for none.
	Runbook string
}

var states = map[verdict.ReplicaState]Words{
	verdict.StateSynced: {Means: "shows what was written in time"},
	verdict.StateUnreachable: {
		"it gave no answer", "look whether the server runs and its address leads there from this host", "PgCanaryReplicaUnreachable",
	},
	verdict.StateForeign: {
		"the server has the system identifier of another cluster", "correct its connection string", "PgCanaryReplicaForeign",
	},
	verdict.StatePrimary: {
		"the address leads to the primary, so this is no replica", "correct it, or look at the balancer", "PgCanaryNotAReplica",
	},
	verdict.StateDuplicate: {
		"the address leads to the server of another node", "name each server once", "PgCanaryNotAReplica",
	},
	verdict.StateDiverged: {
		"its history left the primary's, and it never catches up by itself", "rewind it with pg_rewind or clone it anew", "PgCanaryReplicaDiverged",
	},
	verdict.StateRestoring: {
		"no WAL receiver is streaming; WAL from the archive is replayed", "see primary_conninfo on the replica, unless it is to live from the archive",
		"PgCanaryReplicaLagging",
	},
	verdict.StatePaused: {
		"replay is paused", "SELECT pg_wal_replay_resume() on the replica resumes it", "PgCanaryReplicaPaused",
	},
	verdict.StateDelayed: {Means: "the replica's recovery_min_apply_delay holds it back"},
	verdict.StateDisconnected: {
		"no WAL receiver is streaming", "see the replica's log and primary_conninfo", "PgCanaryReplicaDisconnected",
	},
	verdict.StateBlocked: {
		"replay waits for a conflicting query", "see pg_stat_activity on the replica", "PgCanaryReplicaLagging",
	},
	verdict.StateReceiving: {
		"WAL is still on its way to the replica", "see the network between the two, and pg_stat_replication on the primary", "PgCanaryReplicaLagging",
	},
	verdict.StateReplaying: {
		"the WAL has arrived, but is not applied yet", "see whether the replica's disk and processor keep up", "PgCanaryReplicaLagging",
	},
}

// OfState returns what to say of a replica's state; of "" that nothing is known.
func OfState(state verdict.ReplicaState) Words {
	if words, ok := states[state]; ok {
		return words
	}
	return Words{"the canary was not visible in time, and why is not known", "see the failures of the node", "PgCanaryReplicaUnknown"}
}

// reasons are why an operation failed, as a sentence ends.
var reasons = map[probe.Reason]string{
	probe.ReasonConnect:            "it cannot be connected to",
	probe.ReasonDNS:                "its host name cannot be looked up",
	probe.ReasonTLS:                "TLS cannot be agreed on",
	probe.ReasonAuth:               "it refuses the exporter's login",
	probe.ReasonPermission:         "the exporter's role lacks a right",
	probe.ReasonMissingTable:       "the canary table is missing or outdated",
	probe.ReasonReadOnly:           "it is read-only",
	probe.ReasonLockTimeout:        "the canary's row is locked by another session",
	probe.ReasonTimeout:            "it does not answer in time",
	probe.ReasonSyncWait:           "the commit waits for a synchronous standby",
	probe.ReasonConflict:           "replay cancelled the query",
	probe.ReasonTooManyConnections: "it has no connection left",
	probe.ReasonStartingUp:         "it is starting up",
	probe.ReasonShuttingDown:       "it is shutting down",
	probe.ReasonDiskFull:           "its disk is full",
	probe.ReasonPooler:             "the pooler in front of it refuses",
	probe.ReasonNotWritten:         "the canary's row was not written",
	probe.ReasonForeign:            "it belongs to another cluster",
}

// OfReason says why an operation failed, as a sentence ends; "" where the reason says nothing.
func OfReason(reason probe.Reason) string { return reasons[reason] }

// Role is the node's own word, or "?" when it gave none.
func Role(node *probe.NodeResult) string {
	switch {
	case !node.Answered:
		return "?"
	case node.State.InRecovery:
		return "replica"
	default:
		return "primary"
	}
}
