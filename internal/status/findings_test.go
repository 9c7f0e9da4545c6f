package status

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector"
	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// healthy is what a probe sees of a primary a and replicas b and c, of which nothing is wrong.
func healthy() *probe.Result {
	r := &probe.Result{Scraped: true, Started: time.Unix(1000, 0), Primary: "a", Write: &probe.Write{}}
	for i, name := range []string{"a", "b", "c"} {
		node := probe.NodeResult{Name: name, Up: true, Member: verdict.Member{
			Answered: true, Server: verdict.Server{System: 1, Started: time.Unix(int64(i+1), 0)}, State: verdict.State{InRecovery: i > 0},
		}}
		if i > 0 {
			node.Replica = &probe.ReplicaResult{Verdict: verdict.Verdict{State: verdict.StateSynced, Synced: new(true)}}
		}
		r.Nodes = append(r.Nodes, node)
	}
	return r
}

// with is a healthy cluster of which something is otherwise.
func with(change func(r *probe.Result)) *probe.Result {
	r := healthy()
	change(r)
	return r
}

func lags(r *probe.Result, i int, state verdict.ReplicaState, lag time.Duration) {
	r.Nodes[i].Replica.Verdict = verdict.Verdict{State: state, Synced: new(false), Lag: &lag}
}

func fails(r *probe.Result, i int, reason probe.Reason) {
	r.Nodes[i].Failures = append(r.Nodes[i].Failures, &probe.Error{Reason: reason, Err: errors.New("failed")})
}

func down(r *probe.Result, i int) {
	node := &r.Nodes[i]
	*node = probe.NodeResult{Name: node.Name, Failures: node.Failures}
	if i > 0 {
		r.Nodes[i].Replica = &probe.ReplicaResult{Verdict: verdict.Verdict{State: verdict.StateUnreachable}}
	}
}

// TestHeadline: the sentence over a page, for everything that can be wrong, and how many more there are.
func TestHeadline(t *testing.T) {
	state := func(of verdict.ReplicaState) func(*probe.Result) {
		return func(r *probe.Result) { r.Nodes[1].Replica.Verdict = verdict.Verdict{State: of} }
	}
	lag := func(of verdict.ReplicaState, lag time.Duration) func(*probe.Result) {
		return func(r *probe.Result) { lags(r, 1, of, lag) }
	}
	for name, test := range map[string]struct {
		change func(*probe.Result)
		level  Level
		want   string
		more   int
	}{
		"all well":           {func(*probe.Result) {}, Well, "All well", 0},
		"replaying":          {lag(verdict.StateReplaying, 16*time.Second), Warning, "Replica b is 16 s behind: replaying", 0},
		"far behind":         {lag(verdict.StateReplaying, 3*time.Minute), Critical, "Replica b is 3 min behind: replaying", 0},
		"a little late":      {lag(verdict.StateReceiving, 240*time.Millisecond), Warning, "Replica b is 240 ms behind: receiving", 0},
		"paused":             {lag(verdict.StatePaused, time.Second), Warning, "Replica b is 1 s behind: paused", 0},
		"blocked":            {lag(verdict.StateBlocked, time.Second), Warning, "Replica b is 1 s behind: blocked", 0},
		"restoring":          {lag(verdict.StateRestoring, time.Minute), Warning, "Replica b is 60 s behind: restoring", 0},
		"disconnected":       {lag(verdict.StateDisconnected, time.Second), Critical, "Replica b is 1 s behind: disconnected", 0},
		"delayed":            {lag(verdict.StateDelayed, time.Hour), Note, "All well; replica b is 60 min behind on purpose: delayed", 0},
		"behind, no more":    {lag("", time.Second), Warning, "Replica b is 1 s behind", 0},
		"foreign":            {state(verdict.StateForeign), Critical, "Replica b belongs to another cluster", 0},
		"diverged":           {state(verdict.StateDiverged), Critical, "Replica b has left the primary's history", 0},
		"the primary itself": {state(verdict.StatePrimary), Warning, "Node b is no replica: its address leads to the primary", 0},
		"another's server":   {state(verdict.StateDuplicate), Warning, "Node b is no replica of its own: its address leads to another node's server", 0},
		"paused, not read":   {state(verdict.StatePaused), Warning, "Replica b is paused", 0},
		"unreachable":        {func(r *probe.Result) { down(r, 2) }, Critical, "Replica c does not answer", 0},
		"being connected": {func(r *probe.Result) {
			down(r, 2)
			r.Nodes[2].Connecting = true
		}, Unknown, "Replica c is still being connected", 0},
		"nothing known": {state(""), Unknown, "Nothing is known of replica b", 0},
		"in doubt": {func(r *probe.Result) {
			r.Nodes[1].Replica = &probe.ReplicaResult{FirstFresh: time.Unix(1, 0), Late: true}
		}, Unknown, "Replica b shows what was written, perhaps too late", 0},
		"the worst of two": {func(r *probe.Result) {
			lags(r, 1, verdict.StatePaused, time.Second)
			down(r, 2)
		}, Critical, "Replica c does not answer", 1},
		"the later of two": {func(r *probe.Result) {
			lags(r, 1, verdict.StatePaused, time.Second)
			lags(r, 2, verdict.StateReplaying, 20*time.Second)
		}, Warning, "Replica c is 20 s behind: replaying", 1},
		"no primary": {func(r *probe.Result) {
			r.Write = nil
			down(r, 0)
			fails(r, 0, probe.ReasonConnect)
			r.Nodes[1].Replica.Verdict = verdict.Verdict{State: verdict.StateDisconnected}
			r.Nodes[2].Replica.Verdict = verdict.Verdict{}
		}, Critical, "No primary", 0},
		"no primary, and one that is paused": {func(r *probe.Result) {
			r.Write = nil
			down(r, 0)
			fails(r, 0, probe.ReasonConnect)
			r.Nodes[1].Replica.Verdict = verdict.Verdict{State: verdict.StatePaused}
			r.Nodes[2].Replica.Verdict = verdict.Verdict{}
		}, Critical, "No primary", 1},
		"two primaries": {func(r *probe.Result) {
			r.Nodes[2].State.InRecovery = false
			r.Nodes[2].Replica.Verdict = verdict.Verdict{State: verdict.StateDiverged, Synced: new(false)}
		}, Critical, "Two primaries: a and c", 0},
		"two primaries, and nothing written": {func(r *probe.Result) {
			r.Write = nil
			r.Nodes[1].State.InRecovery = false
			r.Nodes[1].Replica.Verdict = verdict.Verdict{State: verdict.StateDiverged}
			r.Nodes[2].Replica.Verdict = verdict.Verdict{}
		}, Critical, "Two primaries: a and b", 0},
		"not all asked": {func(r *probe.Result) {
			r.Write = nil
			for i := range r.Nodes {
				down(r, i)
				r.Nodes[i].Connecting = true
			}
		}, Unknown, "Nobody knows whether there is a primary", 2},
		"commits wait": {func(r *probe.Result) {
			r.Write = nil
			fails(r, 0, probe.ReasonSyncWait)
			r.Nodes[1].Replica.Verdict, r.Nodes[2].Replica.Verdict = verdict.Verdict{}, verdict.Verdict{}
		}, Critical, "Commits wait for a synchronous standby", 0},
		"disk full": {func(r *probe.Result) {
			r.Write = nil
			fails(r, 0, probe.ReasonDiskFull)
			r.Nodes[1].Replica.Verdict, r.Nodes[2].Replica.Verdict = verdict.Verdict{}, verdict.Verdict{}
		}, Critical, "Primary a acknowledges no writes: its disk is full", 0},
		"not written, nobody knows why": {func(r *probe.Result) {
			r.Write = nil
			r.Nodes[1].Replica.Verdict, r.Nodes[2].Replica.Verdict = verdict.Verdict{}, verdict.Verdict{}
		}, Critical, "Primary a acknowledges no writes", 0},
		"cannot be renewed": {func(r *probe.Result) { fails(r, 0, probe.ReasonAuth) }, Warning, "Primary a is written, but a new connection fails: it refuses the exporter's login", 0},
		"lost":              {func(r *probe.Result) { r.Lost = &verdict.Loss{Commits: 3} }, Critical, "3 acknowledged canary commits were lost just now", 0},
		"no replica":        {func(r *probe.Result) { r.Nodes = r.Nodes[:1] }, Warning, "There is no replica", 0},
	} {
		findings := Findings(with(test.change))
		got := Headline(findings)
		if got.Level != test.level || got.Text != test.want || max(len(findings)-1, 0) != test.more {
			t.Errorf("%s: %s %q and %d more, want %s %q and %d", name, got.Level, got.Text, len(findings)-1, test.level, test.want, test.more)
		}
		for _, f := range findings {
			if f.Level > Note && f.Means+f.Next == "" || f.Level >= Warning && (f.Runbook == "" || f.Next == "") {
				t.Errorf("%s: %q does not say what it means, what is next, and where more is: %+v", name, f.Text, f.Words)
			}
		}
	}
}

// TestEveryStateHasWords, and every reason but the one that says nothing.
func TestEveryStateHasWords(t *testing.T) {
	for _, state := range verdict.ReplicaStates() {
		words := OfState(state)
		if words == OfState("") {
			t.Errorf("%s has no words", state)
		}
		if state != verdict.StateSynced && state != verdict.StateDelayed && (words.Next == "" || words.Runbook == "") {
			t.Errorf("%s has no next step: %+v", state, words)
		}
	}
	for _, reason := range probe.Reasons() {
		if (OfReason(reason) == "") != (reason == probe.ReasonOther) {
			t.Errorf("%s is %q", reason, OfReason(reason))
		}
	}
}

func TestDoubt(t *testing.T) {
	sent := time.Unix(1, 0)
	first := &probe.Read{Sent: sent, Received: sent.Add(303 * time.Millisecond)}
	for want, replica := range map[string]*probe.ReplicaResult{
		"connected too late": {Late: true},
		"303ms":              {First: first},
		"at the limit":       {First: first, LastStale: sent},
	} {
		if got := Doubt(replica); !strings.Contains(got, want) {
			t.Errorf("%q does not say %q", got, want)
		}
	}
}

// TestCluster: what is said of a cluster also depends on when it was looked at, and on what happened before.
func TestCluster(t *testing.T) {
	at := time.Unix(1000, 0)
	lost := []collector.Event{{At: at.Add(-4 * time.Minute), Kind: collector.EventLost, Node: "a", Commits: 3}}
	lostBefore := []collector.Event{{At: at.Add(-61 * time.Minute), Kind: collector.EventLost, Node: "a", Commits: 3}}
	names := []string{"a", "b", "c"}
	gone := with(func(r *probe.Result) { down(r, 2) })
	for name, test := range map[string]struct {
		cluster Cluster
		level   Level
		want    string
	}{
		"never":        {Cluster{Known: collector.Known{Nodes: names, Began: at}, Now: at.Add(time.Second)}, Unknown, "Not probed yet"},
		"no nodes":     {Cluster{Now: at}, Unknown, "No nodes are known yet"},
		"fresh":        {Cluster{Known: collector.Known{Nodes: names, Last: healthy()}, Now: at.Add(59 * time.Second)}, Well, "All well"},
		"old":          {Cluster{Known: collector.Known{Nodes: names, Last: healthy()}, Now: at.Add(61 * time.Second)}, Unknown, "Nobody has looked for 61 s: then it was «All well»"},
		"rarely asked": {Cluster{Known: collector.Known{Nodes: names, Last: healthy(), Gap: time.Minute}, Now: at.Add(2 * time.Minute)}, Well, "All well"},
		"old and bad":  {Cluster{Known: collector.Known{Nodes: names, Last: gone}, Now: at.Add(time.Hour)}, Critical, "Nobody has looked for 60 min: then it was «Replica c does not answer»"},
		"the one that does not answer is no node any more": {Cluster{Known: collector.Known{Nodes: names[:2], Last: gone}, Now: at}, Well, "All well"},
		"lost a while ago":  {Cluster{Known: collector.Known{Nodes: names, Last: healthy()}, Events: lost, Now: at}, Critical, "3 acknowledged canary commits were lost 4 min ago"},
		"lost long ago":     {Cluster{Known: collector.Known{Nodes: names, Last: healthy()}, Events: lostBefore, Now: at}, Well, "All well"},
		"asked by the hour": {Cluster{Known: collector.Known{Nodes: names, Last: healthy(), Gap: time.Hour}, Now: at.Add(16 * time.Minute)}, Unknown, "Nobody has looked for 16 min: then it was «All well»"},
		"lost, and no more": {Cluster{Known: collector.Known{Nodes: names, Last: with(func(r *probe.Result) { r.Lost = &verdict.Loss{Commits: 1} })}, Events: lost, Now: at}, Critical, "One acknowledged canary commit was lost just now"},
	} {
		if got := test.cluster.Headline(); got.Level != test.level || got.Text != test.want {
			t.Errorf("%s: %s %q, want %s %q", name, got.Level, got.Text, test.level, test.want)
		}
	}
	if len(gone.Nodes) != 3 {
		t.Error("a result was changed")
	}
}
