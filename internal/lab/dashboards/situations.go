// Package dashboards asks the dashboards' queries about made-up clusters in every situation, as Grafana would ask them, and
// measures how long a real Prometheus takes to answer.
package dashboards

import (
	"fmt"
	"slices"
	"time"
)

// The situations of a cluster with the nodes a, its primary at first, b and c.
const (
	Healthy      = "healthy"
	Delayed      = "delayed on purpose"
	Replaying    = "16 s behind, replaying"
	FarBehind    = "ten minutes behind, receiving"
	Blocked      = "blocked by a query"
	Restoring    = "restoring from the archive"
	Paused       = "replay paused"
	CutOff       = "cut off"
	Unreachable  = "replica down"
	Foreign      = "another cluster's replica"
	Diverged     = "diverged"
	WriteFailing = "writes fail"
	CommitsWait  = "commits wait"
	NoPrimary    = "no primary"
	SplitBrain   = "split brain"
	DeadExporter = "exporter dead"
	LongDead     = "exporter dead for the whole range"
	NoReplica    = "no replica"
	FailedOver   = "failed over"
	Unknown      = "nothing known of a replica"
	Spike        = "15 s behind for three scrapes"
	OwnMetrics   = "no cluster, but the metrics of an exporter itself"
)

// outageOfTakeover is how many scrapes a failover takes.
const outageOfTakeover = 4

// Situations lists them all.
func Situations() []string {
	return []string{
		Healthy, Delayed, Replaying, FarBehind, Blocked, Restoring, Paused, CutOff, Unreachable, Foreign, Diverged, WriteFailing,
		CommitsWait, NoPrimary, SplitBrain, DeadExporter, LongDead, NoReplica, FailedOver, Unknown,
	}
}

// alertOf is the alert that tells of a situation, and its severity, label and node.
var alertOf = map[string][4]string{
	FarBehind: {"PgCanaryReplicaLagging", "critical", "replica", "b"}, Blocked: {"PgCanaryReplicaLagging", "warning", "replica", "b"},
	Paused: {"PgCanaryReplicaPaused", "warning", "replica", "b"}, CutOff: {"PgCanaryReplicaDisconnected", "critical", "replica", "b"},
	Unreachable: {"PgCanaryReplicaUnreachable", "critical", "replica", "b"}, Foreign: {"PgCanaryReplicaForeign", "critical", "replica", "b"},
	Diverged: {"PgCanaryReplicaDiverged", "critical", "replica", "b"}, WriteFailing: {"PgCanaryPrimaryWriteFailing", "critical"},
	CommitsWait: {"PgCanaryCommitsWait", "critical"}, NoPrimary: {"PgCanaryNoPrimary", "critical"}, SplitBrain: {"PgCanarySplitBrain", "critical"},
	DeadExporter: {"PgCanaryExporterDown", "critical"}, LongDead: {"PgCanaryExporterDown", "critical"},
	NoReplica: {"PgCanaryNoReplica", "warning"}, FailedOver: {"PgCanaryLostWrites", "critical"},
}

// Cluster is one that is made up.
type Cluster struct {
	// Cluster is the label of that name; empty: there is none.
	Cluster, Job, Instance string
	Situation              string
	// Since is the scrape at which it begins.
	Since int
	// Interval is that of the scrapes.
	Interval time.Duration
	// Suffix is put behind the names of the nodes.
	Suffix string
}

// node is what a scrape tells of one.
type node struct {
	up, leads, answered bool
	// replica is nil where nothing is told of it as one.
	replica *replica
}

type replica struct {
	state              string
	synced             bool
	lag, delay         float64
	missing, transport float64 // bytes behind the primary, and of them those not received
	timeline           float64
}

// moment is what one scrape tells.
type moment struct {
	scraped, written bool
	primaries        int
	nodes            [3]node
	primary          int
	timeline, lsn    float64
	reason           string // why the write failed
}

const walPerScrape = 300_000

// at is what the scrape i tells.
func (c *Cluster) at(i int) moment {
	m := moment{scraped: true, written: true, primaries: 1, timeline: 1, lsn: 0x2A_03000148 + float64(i)*walPerScrape}
	for n := range m.nodes {
		m.nodes[n] = node{up: true, answered: true, leads: n == 0}
		if n > 0 {
			m.nodes[n].replica = &replica{state: "synced", synced: true, lag: 0.0012 + float64(i%7)*0.0002, missing: 136, transport: 0, timeline: 1}
		}
	}
	if c.Situation == LongDead || c.Situation == DeadExporter && i >= c.Since {
		return moment{}
	}
	if i < c.Since && c.Situation != Delayed && c.Situation != NoReplica {
		return m
	}
	c.change(&m, float64(i-c.Since)*c.Interval.Seconds(), i-c.Since)
	return m
}

// change is what the situation makes of a healthy moment, seconds and scrapes after it began.
func (c *Cluster) change(m *moment, seconds float64, scrapes int) {
	if late, ok := c.behind(seconds, scrapes); ok {
		m.nodes[1].replica = late
		return
	}
	nothing := &replica{lag: -1, missing: -1}
	switch c.Situation {
	case Diverged:
		m.nodes[1].replica = &replica{state: "diverged", lag: seconds, missing: -1, timeline: 2}
	case Foreign:
		nothing.state = "foreign"
		m.nodes[1].replica = nothing
	case Unreachable:
		nothing.state = "unreachable"
		m.nodes[1] = node{replica: nothing}
	case Unknown:
		m.nodes[1].replica = nil
	case WriteFailing:
		m.fail("disk_full", 1)
	case CommitsWait:
		m.fail("sync_wait", 1)
	case NoPrimary:
		m.fail("connect", 0)
		m.nodes[0] = node{}
		nothing.state = "disconnected"
		m.nodes[1].replica = nothing
	case SplitBrain:
		m.primaries, m.nodes[1].leads, m.nodes[1].replica = 2, true, &replica{state: "diverged", lag: seconds, missing: -1, timeline: 2}
	case FailedOver:
		m.failOver(scrapes, nothing)
	}
}

// behind is the replica b where the situation is that it is behind.
func (c *Cluster) behind(seconds float64, scrapes int) (*replica, bool) {
	late, ok := map[string]struct {
		state string
		most  float64 // seconds
	}{
		Delayed: {"delayed", 0}, Replaying: {"replaying", 16}, FarBehind: {"receiving", 600}, Blocked: {"blocked", 60},
		Restoring: {"restoring", 90}, Paused: {"paused", seconds}, CutOff: {"disconnected", seconds}, Spike: {"replaying", 15},
	}[c.Situation]
	if !ok || c.Situation == Spike && scrapes >= 3 {
		return nil, false
	}
	r := &replica{state: late.state, lag: min(seconds, late.most), timeline: 1}
	switch c.Situation {
	case Delayed:
		r.delay, r.lag = 3600, 3600.2
	case Spike:
		r.lag = late.most
	}
	r.missing = r.lag * walPerScrape / c.Interval.Seconds()
	if slices.Contains([]string{FarBehind, Restoring, CutOff}, c.Situation) {
		r.transport = r.missing
	}
	return r, true
}

// fail lets the write fail, so that nothing is told of replicas.
func (m *moment) fail(reason string, primaries int) {
	m.written, m.reason, m.primaries = false, reason, primaries
	m.nodes[1].replica, m.nodes[2].replica = nil, nil
}

// failOver has b take over from a, of which nothing is known any more.
func (m *moment) failOver(scrapes int, nothing *replica) {
	if scrapes < outageOfTakeover {
		m.fail("connect", 0)
		m.nodes[0] = node{}
		return
	}
	m.timeline, m.primary = 2, 1
	nothing.state = "unreachable"
	m.nodes[0] = node{replica: nothing}
	m.nodes[1] = node{up: true, answered: true, leads: true}
	m.nodes[2].replica.timeline = 2
}

// labels are those of the cluster's target.
func (c *Cluster) labels() []string {
	if c.Cluster == "" {
		return []string{"job", c.Job, "instance", c.Instance}
	}
	return []string{"cluster", c.Cluster, "job", c.Job, "instance", c.Instance}
}

func (c *Cluster) node(n int) string { return "abc"[n:n+1] + c.Suffix }

// Fleet makes count clusters, in all situations in turn: every fifth is in trouble, from a third of the scrapes on.
func Fleet(count, scrapes int, interval time.Duration) []Cluster {
	var all []Cluster
	situations := Situations()
	for i := range count {
		c := Cluster{Job: "pg_canary", Situation: Healthy, Since: scrapes/3 + i, Interval: interval}
		c.Cluster = fmt.Sprintf("cluster-%03d", i)
		c.Instance = c.Cluster
		if count <= len(situations) || i%5 == 0 {
			c.Situation = situations[i/max(1, min(5, count/len(situations)))%len(situations)]
		}
		all = append(all, c)
	}
	return all
}
