package collector

import "slices"

// Metrics returns every metric of a probe, without those of the exporter itself
// (go_*, process_*, promhttp_*, pg_canary_exporter_build_info).
func Metrics() []*Metric { return slices.Concat(ofOneProbe(), ofAllProbes()) }

// What one probe saw. A series is absent when its value was not observed in the probe.
var (
	up = Define(Gauge, "up",
		"1 if the canary commit was acknowledged in this probe, 0 if it was not.")
	probeDuration = Define(Gauge, "probe_duration_seconds",
		"How long the whole probe took.")
	writeDuration = Define(Gauge, "write_duration_seconds",
		"From sending the canary write to the acknowledgement of its commit.")
	primaryLSN = Define(Gauge, "primary_lsn",
		"WAL position of the primary right after the canary commit, in bytes since 0/0.")
	primaryCapacity = Define(Gauge, "primary_capacity",
		"Capacity of the canary section that was written on the primary.")
	primaryTimeline = Define(Gauge, "primary_timeline",
		"Timeline that the primary writes on.")
	primaries = Define(Gauge, "primaries",
		"Servers of the cluster that say they are not in recovery: 1 is right, 0 means that no server takes writes, "+
			"2 or more a split brain.")
	nodeUp = Define(Gauge, "node_up",
		"1 if the node answered in this probe, be it with an error; 0 if it did not.", "node")
	nodeIsPrimary = Define(Gauge, "node_is_primary",
		"1 if the node says that it is not in recovery, 0 if it says that it is.", "node")
	nodeServers = Define(Gauge, "node_servers",
		"Different servers that the node's address led to within the last hour, a restarted one being another: 1 is usual.", "node")
	synced = Define(Gauge, "synced",
		"1 if the canary was visible on the replica within --probe.synced-within of its acknowledgement, 0 if not.", "replica")
	lagBytes = Define(Gauge, "lag_bytes",
		"How far the replica's replay was behind primary_lsn at the first read, in bytes of WAL.", "replica")
	lagSeconds = Define(Gauge, "lag_seconds",
		"How long the oldest acknowledged canary commit that the replica does not show has been waiting; "+
			"the visibility delay when it shows the newest one.", "replica")
	stalenessBound = Define(Gauge, "staleness_bound_seconds",
		"How old what the replica shows is at the most: no read misses anything that was acknowledged longer ago. "+
			"What an application sees lies between lag_seconds and this.", "replica")
	unseenBeats = Define(Gauge, "unseen_beats",
		"Acknowledged canary commits that the replica does not show yet.", "replica")
	replayLSN = Define(Gauge, "replica_replay_lsn",
		"Last WAL position replayed at the first read, in bytes since 0/0.", "replica")
	receiveLSN = Define(Gauge, "replica_receive_lsn",
		"Last WAL position received and synced to disk at the first read, in bytes since 0/0.", "replica")
	replicaCapacity = Define(Gauge, "replica_capacity",
		"Capacity of the canary section that the deciding read of the replica showed: "+
			"the first that showed the canary, or the last that did not.", "replica")
	readDuration = Define(Gauge, "replica_read_duration_seconds",
		"Round trip of the first read of the replica.", "replica")
	replicaTimeline = Define(Gauge, "replica_timeline",
		"Timeline that the replica follows.", "replica")
	applyDelay = Define(Gauge, "replica_apply_delay_seconds",
		"Setting recovery_min_apply_delay of the replica.", "replica")
	replicaState = Define(Gauge, "replica_state",
		"1 for the state that the replica is in, 0 for the others.", "replica", "state")
)

// lastAcknowledged is not of this probe alone: it says when the last one was that had
// an acknowledgement.
var lastAcknowledged = Define(Gauge, "last_acknowledged_timestamp_seconds",
	"When the last canary commit was acknowledged, in seconds since 1970.")

// ofOneProbe returns the metrics of what one probe saw. The registry refuses one that is not listed.
func ofOneProbe() []*Metric {
	return []*Metric{
		up, probeDuration, writeDuration, primaryLSN, primaryCapacity, primaryTimeline, primaries, nodeUp,
		nodeIsPrimary, nodeServers, synced, lagBytes, lagSeconds, stalenessBound, unseenBeats, replayLSN, receiveLSN, replicaCapacity, readDuration,
		replicaTimeline, applyDelay, replicaState, lastAcknowledged,
	}
}

// Totals of all probes since the exporter started.
var (
	visibilityDelay = Define(Histogram, "visibility_delay_seconds",
		"From the acknowledgement of the canary commit to the first read of the replica that showed it; "+
			"a canary that was not seen is in no bucket.", "replica")
	verdicts = Define(Counter, "verdicts_total",
		"Canary commits by what was proved of the replica: synced (visible within --probe.synced-within), "+
			"late, or unknown.", "replica", "verdict")
	reads = Define(Counter, "reads_total",
		"First reads of the replica, right after the acknowledgement of a canary commit.", "replica")
	staleReads = Define(Counter, "stale_reads_total",
		"First reads of the replica that did not show the canary.", "replica")
	backwardReads = Define(Counter, "backward_reads_total",
		"Reads of the replica that showed an older value than the read before: once for each step back.", "replica")
	lostWrites = Define(Counter, "lost_writes_total",
		"Acknowledged canary commits that the primary does not have, nor any other server that takes writes.")
	primaryChanges = Define(Counter, "primary_changes_total",
		"Times another server took over as primary, under whatever name.")
	commitDuration = Define(Histogram, "commit_duration_seconds",
		"From sending a canary write to the acknowledgement of its commit, of every one that was acknowledged.")
	writeOutages = Define(Counter, "write_outages_total",
		"Times in which no canary commit was acknowledged, counted as they begin.")
	writeOutageSeconds = Define(Counter, "write_outage_seconds_total",
		"How long they lasted in all: each from sending the first write that failed to the acknowledgement of "+
			"the first one that did not.")
	probes = Define(Counter, "probes_total",
		"Probes that were run.")
	failures = Define(Counter, "failures_total",
		"Operations on the node that failed, by reason.", "node", "reason")
)

// ofAllProbes returns the metrics that are totals of all probes.
func ofAllProbes() []*Metric {
	return []*Metric{
		visibilityDelay, verdicts, reads, staleReads, backwardReads, lostWrites, primaryChanges, commitDuration,
		writeOutages, writeOutageSeconds, probes, failures,
	}
}

// buckets of delays: from what a pair on one host needs to a replica that was cut off
// for minutes.
var buckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}
