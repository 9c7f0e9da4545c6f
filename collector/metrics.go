package collector

import (
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// namespace begins the name of every metric of a probe.
const namespace = "pg_canary"

// Metric describes one metric that the exporter publishes. Its name, type,
// labels and help are defined only here.
type Metric struct {
	// Name is the full name, with the namespace.
	Name string
	// Type is "gauge", "counter" or "histogram".
	Type   string
	Labels []string
	Help   string

	desc *prometheus.Desc
}

const (
	gauge     = "gauge"
	counter   = "counter"
	histogram = "histogram"
)

func define(kind, name, help string, labels ...string) *Metric {
	full := prometheus.BuildFQName(namespace, "", name)
	return &Metric{Name: full, Type: kind, Labels: labels, Help: help, desc: prometheus.NewDesc(full, help, labels, nil)}
}

// constMetric returns a gauge's value for one scrape.
func (m *Metric) constMetric(value float64, labels ...string) prometheus.Metric {
	metric, err := prometheus.NewConstMetric(m.desc, prometheus.GaugeValue, value, labels...)
	if err != nil {
		return prometheus.NewInvalidMetric(m.desc, err)
	}
	return metric
}

// newCounterVec returns the counters of the metric's series.
func (m *Metric) newCounterVec() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: m.Name, Help: m.Help}, m.Labels)
}

// newHistogramVec returns the histograms of the metric's series.
func (m *Metric) newHistogramVec() *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    m.Name,
		Help:    m.Help,
		Buckets: buckets,
		// Resolution and bounds of the native histogram, as its documentation
		// recommends.
		NativeHistogramBucketFactor:     1.1,
		NativeHistogramMaxBucketNumber:  100,
		NativeHistogramMinResetDuration: time.Hour,
	}, m.Labels)
}

// Metrics returns every metric of a probe, without those of the exporter itself
// (go_*, process_*, promhttp_*, pg_canary_exporter_build_info).
func Metrics() []*Metric { return slices.Concat(ofOneProbe(), ofAllProbes()) }

// What one probe saw. A series is absent when its value was not observed in the probe.
var (
	up = define(gauge, "up",
		"1 if the canary commit was acknowledged in this probe, 0 if it was not.")
	probeDuration = define(gauge, "probe_duration_seconds",
		"How long the whole probe took.")
	writeDuration = define(gauge, "write_duration_seconds",
		"From sending the canary write to the acknowledgement of its commit.")
	primaryLSN = define(gauge, "primary_lsn",
		"WAL position of the primary right after the canary commit, in bytes since 0/0.")
	primaryCapacity = define(gauge, "primary_capacity",
		"Capacity of the canary section that was written on the primary.")
	primaryTimeline = define(gauge, "primary_timeline",
		"Timeline that the primary writes on.")
	primaries = define(gauge, "primaries",
		"Servers of the cluster that say they are not in recovery: 1 is right, 0 means that no server takes writes, "+
			"2 or more a split brain.")
	nodeUp = define(gauge, "node_up",
		"1 if the node answered in this probe, be it with an error; 0 if it did not.", "node")
	nodeIsPrimary = define(gauge, "node_is_primary",
		"1 if the node says that it is not in recovery, 0 if it says that it is.", "node")
	nodeServers = define(gauge, "node_servers",
		"Different servers that the node's address led to within the last hour, a restarted one being another: 1 is usual.", "node")
	synced = define(gauge, "synced",
		"1 if the canary was visible on the replica within --probe.synced-within of its acknowledgement, 0 if not.", "replica")
	lagBytes = define(gauge, "lag_bytes",
		"How far the replica's replay was behind primary_lsn at the first read, in bytes of WAL.", "replica")
	lagSeconds = define(gauge, "lag_seconds",
		"How long the oldest acknowledged canary commit that the replica does not show has been waiting; "+
			"the visibility delay when it shows the newest one.", "replica")
	stalenessBound = define(gauge, "staleness_bound_seconds",
		"How old what the replica shows is at the most: no read misses anything that was acknowledged longer ago. "+
			"What an application sees lies between lag_seconds and this.", "replica")
	unseenBeats = define(gauge, "unseen_beats",
		"Acknowledged canary commits that the replica does not show yet.", "replica")
	replayLSN = define(gauge, "replica_replay_lsn",
		"Last WAL position replayed at the first read, in bytes since 0/0.", "replica")
	receiveLSN = define(gauge, "replica_receive_lsn",
		"Last WAL position received and synced to disk at the first read, in bytes since 0/0.", "replica")
	replicaCapacity = define(gauge, "replica_capacity",
		"Capacity of the canary section that the deciding read of the replica showed: "+
			"the first that showed the canary, or the last that did not.", "replica")
	readDuration = define(gauge, "replica_read_duration_seconds",
		"Round trip of the first read of the replica.", "replica")
	replicaTimeline = define(gauge, "replica_timeline",
		"Timeline that the replica follows.", "replica")
	applyDelay = define(gauge, "replica_apply_delay_seconds",
		"Setting recovery_min_apply_delay of the replica.", "replica")
	replicaState = define(gauge, "replica_state",
		"1 for the state that the replica is in, 0 for the others.", "replica", "state")
)

// lastAcknowledged is not of this probe alone: it says when the last one was that had
// an acknowledgement.
var lastAcknowledged = define(gauge, "last_acknowledged_timestamp_seconds",
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
	visibilityDelay = define(histogram, "visibility_delay_seconds",
		"From the acknowledgement of the canary commit to the first read of the replica that showed it; "+
			"a canary that was not seen is in no bucket.", "replica")
	verdicts = define(counter, "verdicts_total",
		"Canary commits by what was proved of the replica: synced (visible within --probe.synced-within), "+
			"late, or unknown.", "replica", "verdict")
	reads = define(counter, "reads_total",
		"First reads of the replica, right after the acknowledgement of a canary commit.", "replica")
	staleReads = define(counter, "stale_reads_total",
		"First reads of the replica that did not show the canary.", "replica")
	backwardReads = define(counter, "backward_reads_total",
		"Reads of the replica that showed an older value than the read before: once for each step back.", "replica")
	lostWrites = define(counter, "lost_writes_total",
		"Acknowledged canary commits that the primary does not have, nor any other server that takes writes.")
	primaryChanges = define(counter, "primary_changes_total",
		"Times another server took over as primary, under whatever name.")
	commitDuration = define(histogram, "commit_duration_seconds",
		"From sending a canary write to the acknowledgement of its commit, of every one that was acknowledged.")
	writeOutages = define(counter, "write_outages_total",
		"Times in which no canary commit was acknowledged, counted as they begin.")
	writeOutageSeconds = define(counter, "write_outage_seconds_total",
		"How long they lasted in all: each from sending the first write that failed to the acknowledgement of "+
			"the first one that did not.")
	probes = define(counter, "probes_total",
		"Probes that were run.")
	failures = define(counter, "failures_total",
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
