package collector

import (
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
	origin     time.Time // of the times that are logged
}

func newJournal(logger log.Logger) *journal {
	return &journal{
		logger: logger, conditions: map[string]string{}, limited: map[string]bool{}, pooled: map[string]bool{}, origin: time.Now(),
	}
}

// logProbe logs what has changed with this probe.
func (j *journal) logProbe(r *probe.Result) {
	j.logTakeoverAndLoss(r)
	for i := range r.Nodes {
		node := &r.Nodes[i]
		condition, good := conditionOf(r, node)
		if j.conditions[node.Name] != condition {
			j.conditions[node.Name] = condition
			j.logConditionChange(node, condition, good)
		}
		j.logPooler(node)
		j.logLimitation(node)
	}
	j.logMoments(r)
}

// logTakeoverAndLoss logs events, which pass at once: another primary, lost commits.
func (j *journal) logTakeoverAndLoss(r *probe.Result) {
	if t := r.Takeover; t != nil {
		fields := []any{"msg", "another node took over as primary", "from", t.From, "to", t.To}
		if w := r.Write; w != nil {
			fields = append(fields, "timeline", w.Timeline, "lsn", w.LSN)
		}
		_ = level.Warn(j.logger).Log(fields...)
	}
	if loss := r.Loss; loss != nil {
		fields := []any{"msg", "acknowledged commits are lost", "primary", r.Primary, "canary_commits", loss.Commits}
		if loss.Bytes != 0 {
			fields = append(fields, "wal_bytes_left_behind", loss.Bytes)
		}
		_ = level.Error(j.logger).Log(fields...)
	}
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
	case !node.Up && failed:
		return "unreachable: " + string(probe.ReasonOf(node.Failures[0])), false
	case !node.Up:
		return "unreachable", false
	case node.Name == r.Primary && r.Write != nil:
		return "primary, writable", true
	case node.Name == r.Primary && failed:
		return "not written: " + string(probe.ReasonOf(node.Failures[0])), false
	case failed:
		return "failing: " + string(probe.ReasonOf(node.Failures[0])), false
	case node.Replica == nil || node.Replica.State == "":
		return "replica, not compared", false
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
	default:
		return
	}
	j.limited[node.Name] = true
	_ = level.Warn(j.logger).Log("msg", "a node gives less information than it could", "node", node.Name, "limit", limit)
}
