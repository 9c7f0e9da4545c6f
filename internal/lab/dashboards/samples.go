package dashboards

import (
	"bufio"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// writer writes what the scrapes of one cluster tell, as OpenMetrics. It has no mark for the end of a series: what
// is not told any more is there for five minutes still.
type writer struct {
	cluster  *Cluster
	to       *bufio.Writer
	now      string // in seconds since 1970
	at       int64
	known    map[string]string // the series as OpenMetrics writes it, by its key
	counters map[string]float64
	upgraded bool
}

func newWriter(c *Cluster) *writer {
	return &writer{cluster: c, known: map[string]string{}, counters: map[string]float64{}}
}

// bounds are those of the exporter's histograms.
var bounds = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}

// scrape writes the scrape i, at a time in seconds since 1970.
func (w *writer) scrape(to *bufio.Writer, i int, now int64) {
	w.to, w.at, w.now = to, now, strconv.FormatInt(now, 10)
	w.upgraded = w.cluster.Situation == Spike && i >= w.cluster.Since
	m := w.cluster.at(i)
	w.tell("up", flag(m.scraped))
	w.alerts(i)
	if w.cluster.Situation == OwnMetrics {
		w.tell("pg_canary_clusters", 1)
		return
	}
	if !m.scraped {
		return
	}
	w.primary(&m)
	for n := range m.nodes {
		w.node(&m, n)
	}
}

func (w *writer) alerts(i int) {
	alert, ok := alertOf[w.cluster.Situation]
	if !ok || i < w.cluster.Since {
		return
	}
	with := []string{"alertname", alert[0], "severity", alert[1]}
	if alert[2] != "" {
		with = append(with, alert[2], alert[3]+w.cluster.Suffix)
	}
	began := w.at - int64(float64(i-w.cluster.Since)*w.cluster.Interval.Seconds())
	w.tell("ALERTS", 1, append(with, "alertstate", "firing")...)
	w.tell("ALERTS_FOR_STATE", float64(began), with...)
}

func (w *writer) primary(m *moment) {
	w.tell("pg_canary_up", flag(m.written))
	w.tell("pg_canary_probe_duration_seconds", 0.004)
	w.tell("pg_canary_primaries", float64(m.primaries))
	w.count("pg_canary_probes_total", 1)
	tookOver := flag(m.primary != 0 && w.counters["pg_canary_primary_changes_total"] == 0)
	w.count("pg_canary_primary_changes_total", tookOver)
	w.count("pg_canary_lost_writes_total", 3*tookOver)
	interval := w.cluster.Interval.Seconds()
	w.count("pg_canary_write_outages_total", flag(!m.written && w.counters["outage"] == 0))
	w.count("pg_canary_write_outage_seconds_total", flag(!m.written)*interval)
	w.counters["outage"] = flag(!m.written)
	w.histogram("pg_canary_commit_duration_seconds", 0.0021, flag(m.written))
	if m.written {
		w.tell("pg_canary_write_duration_seconds", 0.0021)
		w.tell("pg_canary_primary_lsn", m.lsn)
		w.tell("pg_canary_primary_capacity", w.counters["pg_canary_probes_total"])
		w.tell("pg_canary_primary_timeline", m.timeline)
		w.tell("pg_canary_last_acknowledged_timestamp_seconds", float64(w.at))
	}
}

func (w *writer) node(m *moment, n int) {
	if n > 0 && w.cluster.Situation == NoReplica {
		return
	}
	node, name := &m.nodes[n], w.cluster.node(n)
	w.tell("pg_canary_node_up", flag(node.up), "node", name)
	if node.answered {
		w.tell("pg_canary_node_is_primary", flag(node.leads), "node", name)
	}
	for _, reason := range []string{"connect", "timeout", "sync_wait", "disk_full"} {
		failed := n == m.primary && reason == m.reason || reason == "connect" && !node.up
		w.count("pg_canary_failures_total", flag(failed), "node", name, "reason", reason)
	}
	if n != 0 || m.primary != 0 {
		w.replica(m, name, node.replica)
	}
}

func (w *writer) replica(m *moment, name string, r *replica) {
	one := m.written && r != nil
	late := one && r.state != "synced" && r.state != "unreachable"
	inTime := one && r.synced
	w.count("pg_canary_verdicts_total", flag(inTime), "replica", name, "verdict", "synced")
	w.count("pg_canary_verdicts_total", flag(late), "replica", name, "verdict", "late")
	w.count("pg_canary_verdicts_total", flag(m.written && !late && !inTime), "replica", name, "verdict", "unknown")
	w.count("pg_canary_reads_total", flag(one), "replica", name)
	w.count("pg_canary_stale_reads_total", flag(late), "replica", name)
	w.count("pg_canary_backward_reads_total", 0, "replica", name)
	delay := 0.0012
	if one && r.lag > 0 {
		delay = r.lag
	}
	w.histogram("pg_canary_visibility_delay_seconds", delay, flag(inTime), "replica", name)
	if r == nil {
		return
	}
	for _, state := range states {
		w.tell("pg_canary_replica_state", flag(state == r.state), "replica", name, "state", state)
	}
	if r.lag < 0 { // Nothing was read.
		return
	}
	w.tell("pg_canary_synced", flag(r.synced), "replica", name)
	w.tell("pg_canary_lag_seconds", r.lag, "replica", name)
	w.tell("pg_canary_replica_apply_delay_seconds", r.delay, "replica", name)
	w.tell("pg_canary_replica_read_duration_seconds", 0.0008, "replica", name)
	w.tell("pg_canary_replica_timeline", r.timeline, "replica", name)
	w.tell("pg_canary_replica_capacity", max(0, w.counters["pg_canary_probes_total"]-float64(int(r.lag/w.cluster.Interval.Seconds()))), "replica", name)
	w.tell("pg_canary_replica_replay_lsn", m.lsn-max(r.missing, 0), "replica", name)
	w.tell("pg_canary_replica_receive_lsn", m.lsn-r.transport, "replica", name)
	if r.missing >= 0 {
		w.tell("pg_canary_lag_bytes", r.missing, "replica", name)
	}
}

// states are those of pg_canary_replica_state.
var states = strings.Fields("unreachable foreign primary duplicate diverged synced paused delayed restoring disconnected blocked receiving replaying")

func (w *writer) histogram(name string, took, count float64, with ...string) {
	for _, bound := range bounds {
		w.count(name+"_bucket", count*flag(took <= bound), append(with, "le", w.bound(bound))...)
	}
	w.count(name+"_bucket", count, append(with, "le", "+Inf")...)
	w.count(name+"_count", count, with...)
	w.count(name+"_sum", count*took, with...)
}

// bound is spelled as Prometheus 2 does, and after a spike as Prometheus 3 does, as though it had been upgraded then.
func (w *writer) bound(b float64) string {
	text := strconv.FormatFloat(b, 'g', -1, 64)
	if w.upgraded && !strings.Contains(text, ".") {
		return text + ".0"
	}
	return text
}

// count adds to a counter, and tells it.
func (w *writer) count(name string, add float64, with ...string) {
	key := name + "\xff" + strings.Join(with, "\xff")
	w.counters[key] += add
	if len(with) == 0 {
		w.counters[name] = w.counters[key]
	}
	w.append(key, name, w.counters[key], with)
}

func (w *writer) tell(name string, value float64, with ...string) {
	w.append(name+"\xff"+strings.Join(with, "\xff"), name, value, with)
}

// append writes a sample. What cannot be written, Flush says.
func (w *writer) append(key, name string, value float64, with []string) {
	series, ok := w.known[key]
	if !ok {
		var pairs []string
		for pair := range slices.Chunk(append(w.cluster.labels(), with...), 2) {
			pairs = append(pairs, fmt.Sprintf("%s=%q", pair[0], pair[1]))
		}
		series = name + "{" + strings.Join(pairs, ",") + "} "
		w.known[key] = series
	}
	fmt.Fprintf(w.to, "%s%s %s\n", series, strconv.FormatFloat(value, 'g', -1, 64), w.now)
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
