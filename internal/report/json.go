package report

import (
	"encoding/json"
	"io"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// document is the JSON form of a result. A field whose value was not observed
// is absent.
type document struct {
	Verdict         Verdict        `json:"verdict"`
	Started         time.Time      `json:"started"`
	DurationSeconds float64        `json:"duration_seconds"`
	Primary         string         `json:"primary"`
	Write           *writeDocument `json:"write,omitempty"`
	Nodes           []nodeDocument `json:"nodes"`
}

type writeDocument struct {
	Capacity        int64   `json:"capacity"`
	LSN             string  `json:"lsn,omitempty"`
	Timeline        uint32  `json:"timeline,omitempty"`
	DurationSeconds float64 `json:"duration_seconds"`
}

type nodeDocument struct {
	Node     string            `json:"node"`
	Up       bool              `json:"up"`
	Role     string            `json:"role,omitempty"`
	Replica  *replicaDocument  `json:"replica,omitempty"`
	Failures []failureDocument `json:"failures,omitempty"`
}

type replicaDocument struct {
	State        verdict.ReplicaState `json:"state,omitempty"`
	Synced       *bool                `json:"synced,omitempty"`
	LagBytes     *uint64              `json:"lag_bytes,omitempty"`
	LagSeconds   *float64             `json:"lag_seconds,omitempty"`
	Capacity     *int64               `json:"capacity,omitempty"`
	ReplayLSN    string               `json:"replay_lsn,omitempty"`
	ReceiveLSN   string               `json:"receive_lsn,omitempty"`
	Timeline     uint32               `json:"timeline,omitempty"`
	DelaySeconds *float64             `json:"apply_delay_seconds,omitempty"`
}

type failureDocument struct {
	Reason probe.Reason `json:"reason"`
	Error  string       `json:"error"`
}

// JSON writes the result as one JSON object and a newline; see [VerdictOn] for noReplica.
func JSON(w io.Writer, r *probe.Result, noReplica bool) error {
	d := document{
		Verdict:         VerdictOn(r, noReplica),
		Started:         r.Started.UTC(),
		DurationSeconds: r.Duration.Seconds(),
		Primary:         r.Primary,
		Nodes:           make([]nodeDocument, 0, len(r.Nodes)),
	}
	if write := r.Write; write != nil {
		d.Write = &writeDocument{
			Capacity: write.Capacity, LSN: lsnText(write.LSN), Timeline: write.Timeline,
			DurationSeconds: write.Acknowledged.Sub(write.Sent).Seconds(),
		}
	}
	for i := range r.Nodes {
		d.Nodes = append(d.Nodes, newNodeDocument(&r.Nodes[i]))
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(d)
}

func newNodeDocument(node *probe.NodeResult) nodeDocument {
	d := nodeDocument{Node: node.Name, Up: node.Up}
	if node.Answered {
		d.Role = Role(node)
	}
	if node.Replica != nil {
		d.Replica = newReplicaDocument(node.Replica)
	}
	for _, err := range node.Failures {
		d.Failures = append(d.Failures, failureDocument{probe.ReasonOf(err), err.Error()})
	}
	return d
}

func newReplicaDocument(replica *probe.ReplicaResult) *replicaDocument {
	d := &replicaDocument{
		State: replica.State, Synced: replica.Synced, LagBytes: replica.LagBytes, LagSeconds: secondsOf(replica.Lag),
	}
	if first := replica.First; first != nil {
		d.ReplayLSN, d.ReceiveLSN, d.Timeline = lsnText(first.ReplayLSN), lsnText(first.ReceiveLSN), first.Timeline
		d.DelaySeconds = secondsOf(first.ApplyDelay)
	}
	if replica.Last.Found {
		d.Capacity = &replica.Last.Capacity
	}
	return d
}

func secondsOf(d *time.Duration) *float64 {
	if d == nil {
		return nil
	}
	s := d.Seconds()
	return &s
}

func lsnText(lsn verdict.LSN) string {
	if lsn == 0 {
		return ""
	}
	return lsn.String()
}
