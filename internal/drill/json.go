package drill

import (
	"encoding/json"
	"io"
	"strconv"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// document is the JSON form of a record; docs/drill.md describes it. What is not known is absent.
// Eras are text: they have more digits than many readers of JSON keep.
type document struct {
	Started         time.Time          `json:"started"`
	Ended           time.Time          `json:"ended"`
	DurationSeconds float64            `json:"duration_seconds"`
	IntervalSeconds float64            `json:"interval_seconds"`
	Beats           countsDocument     `json:"beats"`
	CommitSeconds   float64            `json:"median_commit_seconds"`
	LongestSeconds  float64            `json:"longest_outage_seconds"`
	Outages         []outageDocument   `json:"outages"`
	Pauses          pausesDocument     `json:"pauses"`
	Takeovers       []takeoverDocument `json:"takeovers"`
	Lost            lostDocument       `json:"lost"`
	Nodes           []nodeDocument     `json:"nodes"`
	Writes          []writingDocument  `json:"writes"`
	Events          []eventDocument    `json:"events"`
	Recovered       *time.Time         `json:"recovered,omitempty"`
	Exceeded        []excessDocument   `json:"exceeded"`
}

type countsDocument struct {
	Sent         int64 `json:"sent"`
	Acknowledged int64 `json:"acknowledged"`
	Late         int64 `json:"late"`
	Refused      int64 `json:"refused"`
	GivenUp      int64 `json:"given_up"`
}

type outageDocument struct {
	Began           time.Time         `json:"began"`
	Ended           *time.Time        `json:"ended,omitempty"`
	DurationSeconds float64           `json:"duration_seconds"`
	AtLeastSeconds  float64           `json:"at_least_seconds"`
	AtMostSeconds   float64           `json:"at_most_seconds"`
	RefusedSeconds  float64           `json:"refused_seconds"`
	WaitedSeconds   float64           `json:"waited_seconds"`
	Refusals        []refusalDocument `json:"refusals"`
	Before          positionDocument  `json:"before"`
	After           *positionDocument `json:"after,omitempty"`
}

type refusalDocument struct {
	Node   string       `json:"node"`
	Reason probe.Reason `json:"reason"`
	Beats  int64        `json:"beats"`
}

type positionDocument struct {
	Node     string `json:"node"`
	Timeline uint32 `json:"timeline,omitempty"`
	Era      string `json:"era,omitempty"`
	Value    int64  `json:"value,omitempty"`
	LSN      string `json:"lsn,omitempty"`
}

type pausesDocument struct {
	Count           int64   `json:"count"`
	DurationSeconds float64 `json:"duration_seconds"`
	LongestSeconds  float64 `json:"longest_seconds"`
}

type takeoverDocument struct {
	At      time.Time        `json:"at"`
	From    positionDocument `json:"from"`
	To      positionDocument `json:"to"`
	ForkLSN string           `json:"fork_lsn,omitempty"`
}

type lostDocument struct {
	Beats     int64          `json:"beats"`
	Of        int64          `json:"of"`
	AtRisk    int64          `json:"at_risk"`
	Undecided bool           `json:"undecided"`
	Parts     []lossDocument `json:"parts"`
}

type lossDocument struct {
	At         time.Time `json:"at"`
	Beats      int64     `json:"beats"`
	Era        string    `json:"era,omitempty"`
	FirstValue int64     `json:"first_value"`
	LastValue  int64     `json:"last_value"`
	FirstLSN   string    `json:"first_lsn,omitempty"`
	LastLSN    string    `json:"last_lsn,omitempty"`
}

type writingDocument struct {
	From time.Time `json:"from"`
	Fate Fate      `json:"fate"`
}

type eventDocument struct {
	At              time.Time    `json:"at"`
	Kind            Kind         `json:"kind"`
	Node            string       `json:"node,omitempty"`
	From            string       `json:"from,omitempty"`
	To              string       `json:"to,omitempty"`
	DurationSeconds float64      `json:"duration_seconds,omitempty"`
	Reason          probe.Reason `json:"reason,omitempty"`
	Beats           int64        `json:"beats,omitempty"`
	LSN             string       `json:"lsn,omitempty"`
	Timeline        uint32       `json:"timeline,omitempty"`
	State           string       `json:"state,omitempty"`
}

type excessDocument struct {
	Limit string `json:"limit"`
	Text  string `json:"text"`
}

// JSON writes the record, and the limits that were not kept, as one JSON object and a newline.
func JSON(w io.Writer, r *Record, exceeded []Excess) error {
	d := document{
		Started: stamp(r.Started), Ended: stamp(r.Ended), DurationSeconds: r.Lasted().Seconds(),
		IntervalSeconds: r.Interval.Seconds(), CommitSeconds: r.MedianCommit.Seconds(),
		Beats:  countsDocument{r.Beats.Sent(), r.Beats.Acknowledged, r.Beats.Late, r.Beats.Refused, r.Beats.GivenUp},
		Pauses: pausesDocument{r.Pauses.Count, r.Pauses.Lasted.Seconds(), r.Pauses.Longest.Seconds()},
		Lost:   lostOf(r), Recovered: stampOrNone(r.Recovered),
		Outages: each(r.Outages, outageOf), Takeovers: each(r.Takeovers, takeoverOf), Events: each(r.Events, eventOf),
		Nodes:    each(r.Nodes, func(n Node) nodeDocument { return nodeOf(r, &n) }),
		Writes:   each(r.Writes, func(w Writing) writingDocument { return writingDocument{stamp(w.From), w.Fate} }),
		Exceeded: each(exceeded, func(e Excess) excessDocument { return excessDocument(e) }),
	}
	if longest := r.Longest(); longest != nil {
		d.LongestSeconds = longest.Lasted.Seconds()
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(d)
}

// each makes a list that is never null.
func each[T, D any](list []T, convert func(T) D) []D {
	documents := make([]D, len(list))
	for i, item := range list {
		documents[i] = convert(item)
	}
	return documents
}

func outageOf(o Outage) outageDocument {
	d := outageDocument{
		Began: stamp(o.Began), Ended: stampOrNone(o.Ended), DurationSeconds: o.Lasted.Seconds(),
		AtLeastSeconds: o.AtLeast.Seconds(), AtMostSeconds: o.AtMost.Seconds(),
		RefusedSeconds: o.Refused().Seconds(), WaitedSeconds: o.Waited.Seconds(), Before: positionOf(o.Before),
		Refusals: each(o.Refusals, func(r Refusal) refusalDocument { return refusalDocument(r) }),
	}
	if !o.Lasts() {
		after := positionOf(o.After)
		d.After = &after
	}
	return d
}

func takeoverOf(t Takeover) takeoverDocument {
	return takeoverDocument{At: stamp(t.At), From: positionOf(t.From), To: positionOf(t.To), ForkLSN: lsnText(t.Fork)}
}

func positionOf(p Position) positionDocument {
	return positionDocument{Node: p.Node, Timeline: p.Timeline, Era: eraText(p.Era), Value: p.Value, LSN: lsnText(p.LSN)}
}

func lostOf(r *Record) lostDocument {
	return lostDocument{
		Beats: r.Lost(), Of: r.Beats.Acknowledged, AtRisk: r.risk(), Undecided: r.Undecided,
		Parts: each(r.Losses, func(l Loss) lossDocument {
			return lossDocument{
				At: stamp(l.At), Beats: l.Commits, Era: eraText(l.Era), FirstValue: l.From, LastValue: l.To,
				FirstLSN: lsnText(l.FirstLSN), LastLSN: lsnText(l.LastLSN),
			}
		}),
	}
}

func eventOf(e Event) eventDocument {
	return eventDocument{
		At: stamp(e.At), Kind: e.Kind, Node: e.Node, From: e.From, To: e.To, DurationSeconds: e.Lasted.Seconds(),
		Reason: e.Reason, Beats: e.Beats, LSN: lsnText(e.LSN), Timeline: e.Timeline, State: e.State,
	}
}

// stamp drops the monotonic reading.
func stamp(t time.Time) time.Time { return t.Round(0).UTC() }

func stampOrNone(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	stamped := stamp(t)
	return &stamped
}

func lsnText(lsn verdict.LSN) string {
	if lsn == 0 {
		return ""
	}
	return lsn.String()
}

func eraText(era int64) string {
	if era == 0 {
		return ""
	}
	return strconv.FormatInt(era, 10)
}
