package collector

import (
	"slices"
	"strings"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// journal logs the condition of every node when it changes, and only then.
type journal struct {
	logger     log.Logger
	conditions map[string]string
	limited    map[string]bool
	pooled     map[string]bool
	inTurn     map[string]bool
	atRisk     bool
	origin     time.Time // of the times that are logged
}

func newJournal(logger log.Logger) *journal {
	return &journal{
		logger: logger, conditions: map[string]string{}, limited: map[string]bool{}, pooled: map[string]bool{},
		inTurn: map[string]bool{}, origin: time.Now(),
	}
}

// logBeat logs what has changed with this beat. What the nodes are like a probe tells; a
// beat of the pulse does not look closely enough.
func (j *journal) logBeat(r *probe.Result) {
	j.logChanges(r)
	if r.Scraped {
		j.logNodes(r)
	}
	j.logMoments(r)
}

// logNodes logs how the nodes are, where that has changed.
func (j *journal) logNodes(r *probe.Result) {
	for i := range r.Nodes {
		node := &r.Nodes[i]
		condition, good := conditionOf(r, node)
		if j.conditions[node.Name] != condition {
			j.conditions[node.Name] = condition
			j.logConditionChange(node, condition, good)
		}
		j.logPooler(node)
		j.logServersInTurn(node)
		j.logLimitation(node)
	}
}

// logMembers logs that nodes have come and gone. Of one that comes back everything is new.
func (j *journal) logMembers(joined, left []string) {
	for _, name := range left {
		delete(j.conditions, name)
		for _, once := range []map[string]bool{j.limited, j.pooled, j.inTurn} {
			delete(once, name)
		}
	}
	if len(joined) > 0 || len(left) > 0 {
		_ = level.Info(j.logger).Log("msg", "the cluster has other nodes", "joined", strings.Join(joined, " "), "left", strings.Join(left, " "))
	}
}

// logChanges logs what happens once: another cluster, another primary, lost commits.
func (j *journal) logChanges(r *probe.Result) {
	if f := r.Reformed; f != nil {
		_ = level.Warn(j.logger).Log("msg", "the nodes agree on another cluster; what was remembered is forgotten",
			"from_system_identifier", f.From, "to_system_identifier", f.To)
	}
	for _, t := range r.Takeovers {
		fields := []any{"msg", "another server took over as primary", "from", t.From, "to", t.To}
		if w := r.Write; w != nil {
			fields = append(fields, "timeline", w.Timeline, "lsn", w.LSN)
		}
		_ = level.Warn(j.logger).Log(fields...)
	}
	j.logOutage(r)
	if loss := r.Lost; loss != nil {
		fields := append([]any{"msg", "acknowledged commits are lost", "primary", r.Primary}, lossFields(r, loss)...)
		_ = level.Error(j.logger).Log(append(fields,
			"keep", "the data directory or the WAL of the old primary from the first position on, before it is rewound or cloned")...)
	}
	j.logRisk(r)
}

// logOutage logs when nobody can write any more, and why, and when somebody can again.
func (j *journal) logOutage(r *probe.Result) {
	if o := r.Outage; !o.Began.IsZero() {
		fields := []any{"msg", "no canary commit is acknowledged", "primary", o.Node}
		if o.Err != nil {
			fields = append(fields, "reason", probe.ReasonOf(o.Err), "err", o.Err)
		} else {
			fields = append(fields, "reason", "it took so long that the next one was due")
		}
		_ = level.Error(j.logger).Log(append(fields, "since", moment{j.origin, o.Began})...)
	}
	if w := r.Write; w != nil && r.Outage.Ended > 0 {
		fields := []any{
			"msg", "canary commits are acknowledged again", "primary", r.Primary, "after", r.Outage.Ended.String(), "timeline", w.Timeline, "era", w.Era(),
		}
		for _, t := range r.Takeovers {
			fields = append(fields, "before", t.From)
		}
		if r.Lost != nil {
			fields = append(fields, "lost_canary_commits", r.Lost.Commits)
		}
		_ = level.Info(j.logger).Log(fields...)
	}
}

// logRisk logs when commits come to be at risk, and when none are any more.
func (j *journal) logRisk(r *probe.Result) {
	switch risk := r.AtRisk; {
	case risk != nil && !j.atRisk:
		j.atRisk = true
		fields := append([]any{"msg", "acknowledged commits are on another primary only", "primary", r.Primary}, lossFields(r, risk)...)
		_ = level.Error(j.logger).Log(append(fields, "consequence", "they are lost when that one is given up")...)
	case j.atRisk && r.Write != nil && !r.Undecided:
		j.atRisk = false
		_ = level.Info(j.logger).Log("msg", "no acknowledged commits are at risk any more")
	}
}

// lossFields name the commits: what to look for in the WAL of who has them.
func lossFields(r *probe.Result, loss *verdict.Loss) []any {
	fields := []any{
		"canary_commits", loss.Commits, "era", loss.Era, "first_value", loss.From, "last_value", loss.To,
	}
	if loss.LastLSN != 0 {
		fields = append(fields, "first_lsn", loss.FirstLSN, "last_lsn", loss.LastLSN)
	}
	if w := r.Write; w != nil && w.Fork != 0 && loss.LastLSN > w.Fork && branchedOff(w.Row, loss.Era) {
		fields = append(fields, "fork_lsn", w.Fork, "wal_bytes_left_behind", loss.LastLSN.Since(w.Fork))
	}
	return fields
}

// branchedOff says whether a row's line has left an era behind that it has been on: only then does where it
// began tell what that era had besides. Who is kept on the older line has left nothing behind.
func branchedOff(row verdict.Row, era int64) bool {
	return row.Era() != era && slices.ContainsFunc(row.Eras, func(e verdict.Era) bool { return e.ID == era })
}

func (j *journal) logConditionChange(node *probe.NodeResult, condition string, good bool) {
	fields := []any{"msg", "node's condition changed", "node", node.Name, "condition", condition}
	if replica := node.Replica; replica != nil && replica.Lag != nil {
		fields = append(fields, "lag", replica.Lag.String())
	}
	logger := level.Info(j.logger)
	if !good {
		logger = level.Warn(j.logger)
		if n := len(node.Failures); n > 0 {
			fields = append(fields, "err", node.Failures[n-1])
		}
	}
	_ = logger.Log(fields...)
}

// conditionOf puts a node's part of a result into a few words that change only
// when there is something new to say.
func conditionOf(r *probe.Result, node *probe.NodeResult) (condition string, good bool) {
	failed := len(node.Failures) > 0
	switch {
	case !node.Up && node.Connecting && !failed:
		return "connecting", false
	case !node.Up && failed:
		return "unreachable: " + string(probe.ReasonOf(node.Failures[0])), false
	case !node.Up:
		return "unreachable", false
	case node.Name == r.Primary && r.Write != nil && failed: // Its connection cannot be renewed.
		return "primary, writable, but failing: " + string(probe.ReasonOf(node.Failures[0])), false
	case node.Name == r.Primary && r.Write != nil:
		return "primary, writable", true
	case node.Name == r.Primary && failed:
		return "not written: " + string(probe.ReasonOf(node.Failures[0])), false
	case node.Name == r.Primary: // Its connection was ready too late.
		return "not written", false
	case failed:
		return "failing: " + string(probe.ReasonOf(node.Failures[0])), false
	case node.Replica != nil && node.Replica.Doubtful():
		return "replica, shows the canary, perhaps too late", true
	case node.Replica == nil || node.Replica.State == "":
		return "replica, not compared", false
	case node.Replica.State == verdict.StatePrimary:
		return "no replica: the address leads to the primary", false
	case node.Replica.State == verdict.StateDuplicate:
		return "no replica of its own: the address leads to the server of another node", false
	case node.Replica.State == verdict.StateReceiving, node.Replica.State == verdict.StateReplaying:
		return "replica, lagging", false
	default:
		return "replica, " + string(node.Replica.State), node.Replica.State == verdict.StateSynced
	}
}

// logPooler says once that a pooler stands in front of a node.
func (j *journal) logPooler(node *probe.NodeResult) {
	if !node.Pooled || j.pooled[node.Name] {
		return
	}
	j.pooled[node.Name] = true
	_ = level.Info(j.logger).Log("msg", "a pooler stands in front of a node", "node", node.Name,
		"consequence", "settings are local to each transaction and statements are not prepared; see docs/between.md")
}

// logServersInTurn says once that an address leads to several servers in turn.
func (j *journal) logServersInTurn(node *probe.NodeResult) {
	if !node.InTurn || j.inTurn[node.Name] {
		return
	}
	j.inTurn[node.Name] = true
	_ = level.Warn(j.logger).Log("msg", "a node's address leads to several servers in turn", "node", node.Name, "servers", node.Servers,
		"consequence", "what is published of it is what the server of the moment shows: name each server as a node of its own, "+
			"or connect anew for each probe with --probe.fresh-connection="+node.Name+", in a configuration file fresh_connection: true")
}

// logLimitation says once what a node does not reveal, and which metrics lack it.
func (j *journal) logLimitation(node *probe.NodeResult) {
	if j.limited[node.Name] || node.Replica == nil || node.Replica.First == nil {
		return
	}
	var limit string
	switch first := node.Replica.First; {
	case !first.Detailed:
		limit = "the server has no replay functions or the role may not call them: " +
			"no LSNs, no lag in bytes, no state but synced"
	case first.Receiver == verdict.Hidden:
		limit = "the role lacks pg_read_all_stats: the exporter cannot see the states disconnected and blocked; " +
			"GRANT pg_read_all_stats to it, or run setup"
	case node.Replica.Doubtful() && node.Replica.LastStale.IsZero() && !node.Replica.Late:
		limit = "one read takes longer than a replica may to count as synced (" + first.Received.Sub(first.Sent).String() +
			"), so that nothing proves a canary visible in time: raise --probe.synced-within, in a configuration file synced_within, " +
			"if that is usual"
	default:
		return
	}
	j.limited[node.Name] = true
	_ = level.Warn(j.logger).Log("msg", "a node gives less information than it could", "node", node.Name, "limit", limit)
}
