package report

import (
	"encoding/json"
	"io"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector"
	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
	"github.com/pg-canary/pg_canary_exporter/internal/status"
)

// Document is the JSON form of what is known of a cluster; docs/api.md describes it. A field whose value was not observed is
// absent.
type Document struct {
	Cluster string  `json:"cluster"`
	Verdict Verdict `json:"verdict"`
	// Summary is the worst that there is to say, in a sentence.
	Summary string `json:"summary"`
	Level   string `json:"level"`
	// AskedBy says on whose behalf the probe was made.
	AskedBy         collector.Asker `json:"asked_by,omitempty"`
	Started         time.Time       `json:"started,omitzero"`
	DurationSeconds float64         `json:"duration_seconds,omitempty"`
	Primary         string          `json:"primary,omitempty"`
	Primaries       *int            `json:"primaries,omitempty"`
	Write           *WriteDocument  `json:"write,omitempty"`
	Nodes           []NodeDocument  `json:"nodes"`
}

// WriteDocument is an acknowledged canary commit.
type WriteDocument struct {
	Capacity        int64   `json:"capacity"`
	LSN             string  `json:"lsn,omitempty"`
	Timeline        uint32  `json:"timeline,omitempty"`
	DurationSeconds float64 `json:"duration_seconds"`
}

// NodeDocument is a node.
type NodeDocument struct {
	Node           string            `json:"node"`
	Up             *bool             `json:"up,omitempty"`
	Role           string            `json:"role,omitempty"`
	Version        string            `json:"version,omitempty"`
	Timeline       uint32            `json:"timeline,omitempty"`
	ConnectedSince time.Time         `json:"connected_since,omitzero"`
	Replica        *ReplicaDocument  `json:"replica,omitempty"`
	Failures       []FailureDocument `json:"failures,omitempty"`
}

// ReplicaDocument is what the reads of a replica showed.
type ReplicaDocument struct {
	State        verdict.ReplicaState `json:"state,omitempty"`
	Synced       *bool                `json:"synced,omitempty"`
	LagBytes     *uint64              `json:"lag_bytes,omitempty"`
	LagSeconds   *float64             `json:"lag_seconds,omitempty"`
	Capacity     *int64               `json:"capacity,omitempty"`
	ReplayLSN    string               `json:"replay_lsn,omitempty"`
	ReceiveLSN   string               `json:"receive_lsn,omitempty"`
	Timeline     uint32               `json:"timeline,omitempty"`
	DelaySeconds *float64             `json:"apply_delay_seconds,omitempty"`
	// Beats are the last ones, the oldest first, where somebody remembers them.
	Beats []BeatDocument `json:"beats,omitempty"`
}

// BeatDocument is a canary write, and what became of it on a replica.
type BeatDocument struct {
	At time.Time `json:"at"`
	// Outcome is synced, late or unknown; unwritten where it was not acknowledged.
	Outcome      string   `json:"outcome"`
	DelaySeconds *float64 `json:"delay_seconds,omitempty"`
}

// FailureDocument is an operation that failed.
type FailureDocument struct {
	Reason probe.Reason `json:"reason"`
	Error  string       `json:"error"`
}

// NewDocument returns the JSON form of what is known of a cluster; see [VerdictOn] for noReplica.
func NewDocument(c *status.Cluster, noReplica bool) *Document {
	headline := c.Headline()
	d := &Document{Cluster: c.Name, Verdict: NotProbed, Summary: headline.Text, Level: headline.Level.String(), Nodes: []NodeDocument{}}
	r := c.Result()
	if r == nil {
		for _, name := range c.Known.Nodes {
			d.Nodes = append(d.Nodes, NodeDocument{Node: name})
		}
		return d
	}
	d.Verdict, d.AskedBy, d.Primary = VerdictOn(r, noReplica), c.Known.By, r.Primary
	d.Started, d.DurationSeconds = r.Started.UTC(), r.Duration.Seconds()
	if count, known := r.Primaries(); known {
		d.Primaries = &count
	}
	if write := r.Write; write != nil {
		d.Write = &WriteDocument{
			Capacity: write.Capacity, LSN: lsnText(write.LSN), Timeline: write.Timeline,
			DurationSeconds: write.Acknowledged.Sub(write.Sent).Seconds(),
		}
	}
	for i := range r.Nodes {
		d.Nodes = append(d.Nodes, newNodeDocument(&r.Nodes[i]))
	}
	return d
}

// AddBeats adds the last beats, and what became of them on each node, at the same places.
func (d *Document) AddBeats(beats []collector.Beat, marks map[string][]collector.Mark) {
	for i := range d.Nodes {
		replica := d.Nodes[i].Replica
		if replica == nil {
			continue
		}
		for n, mark := range marks[d.Nodes[i].Node] {
			if b, ok := newBeatDocument(beats[n], mark); ok {
				replica.Beats = append(replica.Beats, b)
			}
		}
	}
}

// newBeatDocument is false for a beat that says nothing of a replica.
func newBeatDocument(beat collector.Beat, mark collector.Mark) (BeatDocument, bool) {
	d := BeatDocument{At: beat.At.UTC(), Outcome: mark.Outcome.String()}
	if !beat.Written {
		d.Outcome = "unwritten"
	}
	if mark.Delay >= 0 {
		d.DelaySeconds = secondsOf(&mark.Delay)
	}
	return d, d.Outcome != ""
}

// JSON writes a document, or several, and a newline.
func JSON(w io.Writer, document any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(document)
}

func newNodeDocument(node *probe.NodeResult) NodeDocument {
	d := NodeDocument{
		Node: node.Name, Up: &node.Up, Version: node.Version, Timeline: node.State.Timeline, ConnectedSince: node.Since.UTC().Truncate(time.Second),
	}
	if node.Answered {
		d.Role = status.Role(node)
	}
	if node.Replica != nil {
		d.Replica = newReplicaDocument(node.Replica)
	}
	for _, err := range node.Failures {
		d.Failures = append(d.Failures, FailureDocument{probe.ReasonOf(err), err.Error()})
	}
	return d
}

func newReplicaDocument(replica *probe.ReplicaResult) *ReplicaDocument {
	d := &ReplicaDocument{
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
