package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-kit/log"

	"github.com/pg-canary/pg_canary_exporter/collector"
	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// scene is a cluster of which a test says what its probes saw.
type scene struct {
	names    []string
	observer probe.Observer
	probes   int
	last     *probe.Result
}

var _ collector.Prober = (*scene)(nil)

func (s *scene) Names() []string          { return s.names }
func (s *scene) Observe(o probe.Observer) { s.observer = o }

// Probe sees the same as the last one did, now.
func (s *scene) Probe(context.Context) *probe.Result {
	s.probes++
	if s.last == nil {
		s.last = seen(time.Now(), 1, s.names)
	}
	again := *s.last
	again.Started = time.Now()
	s.observer.Ended(&again)
	return &again
}

// shows tells what a beat came to.
func (s *scene) shows(r *probe.Result) {
	s.last = r
	s.observer.Ended(r)
}

// seen is a healthy cluster of some nodes, the primary first, at a moment, with a value.
func seen(at time.Time, value int64, names []string) *probe.Result {
	position := verdict.LSN(0x1_4F000148 + 0x90*value)
	r := &probe.Result{
		Scraped: true, Started: at, Duration: 4 * time.Millisecond, Attempted: at, Acknowledged: at.Add(time.Millisecond), Primary: names[0],
		Write: &probe.Write{
			Row: verdict.Row{Found: true, Capacity: value, Timeline: 3}, Sent: at, Acknowledged: at.Add(time.Millisecond), LSN: position,
		},
	}
	for i, name := range names {
		node := probe.NodeResult{
			Name: name, Up: true, Version: "17.6", Since: at.Add(-3 * time.Hour), Servers: 1,
			Member: verdict.Member{
				Answered: true, Server: verdict.Server{System: 1, Started: at.Add(-time.Duration(i+4) * time.Hour).Truncate(time.Hour)},
				State: verdict.State{InRecovery: i > 0, Timeline: 3, Detailed: true, Receiver: "streaming"},
			},
		}
		if i > 0 {
			delay := time.Duration(400+100*i)*time.Microsecond + time.Duration(value%7)*90*time.Microsecond
			node.Replica = &probe.ReplicaResult{
				Verdict: verdict.Verdict{
					State: verdict.StateSynced, Synced: new(true), Visibility: &delay, Lag: &delay, LagBytes: new(uint64), Unseen: new(int64),
				},
				First: &probe.Read{State: verdict.State{InRecovery: true, ReplayLSN: position, ReceiveLSN: position, Timeline: 3, Detailed: true}, Sent: at, Received: at.Add(time.Millisecond)},
				Last:  verdict.Row{Found: true, Capacity: value}, FirstFresh: at.Add(2 * time.Millisecond),
			}
		}
		r.Nodes = append(r.Nodes, node)
	}
	return r
}

// behind makes the i-th node one that lags in a state.
func behind(r *probe.Result, i int, lag time.Duration, state verdict.ReplicaState) {
	replica := r.Nodes[i].Replica
	bytes, unseen := min(uint64(lag.Milliseconds())*2100, 2<<30), min(int64(lag/time.Second), 900)
	replica.Verdict = verdict.Verdict{State: state, Synced: new(false), Lag: &lag, LagBytes: &bytes, Unseen: &unseen}
	replica.First.ReplayLSN -= verdict.LSN(bytes)
	replica.Last.Capacity -= unseen
	replica.FirstFresh, replica.Stale, replica.LastStale = time.Time{}, true, r.Started.Add(time.Second)
}

// silent makes the i-th node one that does not answer.
func silent(r *probe.Result, i int, reason probe.Reason, text string) {
	node := &r.Nodes[i]
	*node = probe.NodeResult{Name: node.Name, Failures: []error{&probe.Error{Reason: reason, Err: errors.New(text)}}, Replica: node.Replica}
	if node.Replica != nil {
		node.Replica = &probe.ReplicaResult{Verdict: verdict.Verdict{State: verdict.StateUnreachable}}
	}
}

// unwritten makes it a probe whose write was not acknowledged.
func unwritten(r *probe.Result) {
	r.Write, r.Acknowledged = nil, r.Started.Add(-16*time.Second)
	for i := range r.Nodes {
		if replica := r.Nodes[i].Replica; replica != nil && replica.State == verdict.StateSynced {
			replica.Verdict, replica.FirstFresh = verdict.Verdict{}, time.Time{}
		}
	}
}

const (
	refused = "dial tcp 10.20.0.11:5432: connect: connection refused"
	suffix  = ".shard-2.checkout.shop.eu-central-1c.production.postgres.example.com:5432"
)

// longName is a name of ninety characters.
func longName(begin string) string {
	return fmt.Sprintf("%s-%0*d%s", begin, 90-len(begin)-1-len(suffix), 1, suffix)
}

// situation is what a page is looked at in: the nodes, and what the newest of its beats came to.
type situation struct {
	names  []string
	beats  int // how many there were
	change func(r *probe.Result)
	// from is how many of the newest beats are changed; 0 is one.
	from int
	age  time.Duration
	// gap is how far beats are apart; 0 is a second.
	gap time.Duration
}

func situations() map[string]situation {
	three := []string{"a", "b", "c"}
	return map[string]situation{
		"healthy": {names: three, beats: 100, change: func(*probe.Result) {}, from: 0, age: 3 * time.Second},
		"paused":  {names: three, beats: 100, change: func(r *probe.Result) { behind(r, 1, 16*time.Second, verdict.StatePaused) }, from: 16, age: 3 * time.Second},
		"cut": {names: three, beats: 100, change: func(r *probe.Result) {
			behind(r, 1, 26*time.Second, verdict.StateReceiving)
			silent(r, 2, probe.ReasonTimeout, "read tcp 10.20.0.9:41320->10.20.0.12:5432: i/o timeout: the host or the network does not answer")
		}, from: 26, age: 3 * time.Second},
		"no primary": {names: three, beats: 100, change: func(r *probe.Result) {
			unwritten(r)
			silent(r, 0, probe.ReasonConnect, refused)
			for i := 1; i < 3; i++ {
				r.Nodes[i].Replica.State = verdict.StateDisconnected
			}
		}, from: 16, age: 3 * time.Second},
		"two primaries": {names: three, beats: 100, change: func(r *probe.Result) {
			r.Nodes[2].State = verdict.State{Timeline: 4, Detailed: true}
			r.Nodes[2].Replica = &probe.ReplicaResult{Verdict: verdict.Verdict{State: verdict.StateDiverged, Synced: new(false)}}
			r.AtRisk = &verdict.Loss{Commits: 12}
		}, from: 5, age: 3 * time.Second},
		"commits wait": {names: three, beats: 100, change: func(r *probe.Result) {
			unwritten(r)
			r.Nodes[0].Failures = []error{&probe.Error{Reason: probe.ReasonSyncWait, Err: errors.New("the commit waits for a synchronous standby"), Hint: "bring one of synchronous_standby_names back"}}
		}, from: 4, age: 3 * time.Second},
		"delayed": {names: three, beats: 40, change: func(r *probe.Result) { behind(r, 2, 59*time.Minute, verdict.StateDelayed) }, from: 40, age: 3 * time.Second},
		"lost": {names: three, beats: 100, change: func(r *probe.Result) {
			r.Lost = &verdict.Loss{Commits: 3}
			r.Takeovers = []probe.Takeover{{From: "c", To: "a"}}
			r.Outage.Ended = 6100 * time.Millisecond
		}, from: 0, age: 3 * time.Second},
		"doubtful": {names: three, beats: 100, change: func(r *probe.Result) {
			replica := r.Nodes[1].Replica
			replica.Synced, replica.State, replica.First.Received = nil, "", r.Started.Add(303*time.Millisecond)
		}, from: 30, age: 3 * time.Second},
		"old":    {names: three, beats: 100, change: func(*probe.Result) {}, from: 0, age: 6 * time.Minute},
		"never":  {names: three},
		"nobody": {},
		"long names": {names: []string{longName("primary"), longName("near"), longName("far")}, beats: 100, change: func(r *probe.Result) {
			behind(r, 2, 16*time.Second, verdict.StateReplaying)
		}, from: 16, age: 3 * time.Second},
		"pulse": {names: three, beats: 100, change: func(r *probe.Result) {
			r.Scraped = false
			for i := 1; i < 3; i++ {
				r.Nodes[i].Replica.First.State, r.Nodes[i].Replica.LagBytes = verdict.State{}, nil
			}
		}, from: 4, age: 3 * time.Second},
	}
}

// in returns a cluster in a situation.
func in(name string, s situation, now time.Time) (Cluster, *scene) {
	played := &scene{names: s.names}
	c := Cluster{Name: name, Timeout: 5 * time.Second, Collector: collector.New(played, log.NewNopLogger())}
	for n := range s.beats {
		left := s.beats - n
		r := seen(now.Add(-s.age-time.Duration(left-1)*cmp.Or(s.gap, time.Second)), int64(1000+n), s.names)
		if left <= max(s.from, 1) {
			s.change(r)
		} else if n%23 == 11 {
			late := 340 * time.Millisecond
			r.Nodes[1].Replica.Verdict = verdict.Verdict{State: verdict.StateReplaying, Synced: new(false), Visibility: &late, Lag: &late}
		}
		played.shows(r)
	}
	return c, played
}

// hundred are so many clusters in all situations.
func hundred(now time.Time) fakeClusters {
	all := situations()
	trouble := []string{"paused", "cut", "no primary", "two primaries", "commits wait", "delayed", "lost", "never", "old", "doubtful", "long names"}
	var clusters fakeClusters
	for i := range 100 {
		s, name := all["healthy"], fmt.Sprintf("shop-%03d", i)
		if i%7 == 3 {
			s = all[trouble[i/7%len(trouble)]]
		}
		if i == 42 {
			name = longName("cluster")
		}
		if s.beats = min(s.beats, 2); s.age < time.Minute {
			s.gap = time.Hour // They are not old before long.
		}
		c, _ := in(name, s, now)
		clusters = append(clusters, c)
	}
	return clusters
}
