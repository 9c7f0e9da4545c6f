package status

import (
	"strconv"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector"
	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// Page is what a page of one cluster shows.
type Page struct {
	Name     string
	Headline Finding
	// More are all findings, where there are several.
	Findings []Finding
	// Seen says when the newest result was known; nil for never.
	Seen *Seen
	// Looked says when the nodes were looked at closely, where that was before.
	Looked *Seen
	// Written says what the last canary write was.
	Written Written
	Cards   []Card
	Nodes   []Row
	Events  []Event
}

// Written is the last canary write. A field that is not known is "".
type Written struct {
	Primary, Value, LSN, Took string
	Ago                       *Seen // since the last one that was acknowledged; nil where there was none, or it is the newest
}

// Field is a figure, what it comes to in other words, and how old it is where it is of an earlier result than the rest.
type Field struct {
	Name, Value, Note string
	Ago               *Seen
}

// Card is a replica.
type Card struct {
	Name  string
	Level Level
	// Verdict is Synced, Lagging or Unknown, and State the one of pg_canary_replica_state; "" for none.
	Verdict, State string
	Words
	// Lag says how far it is behind, or after how long it showed the last beat; "" for not known.
	Lag    string
	Fields []Field
	Strip  Strip
}

// Event is something that happened.
type Event struct {
	Seen
	Text string
}

// mostEvents is how many a page shows.
const mostEvents = 20

// NewPage returns what a page of the cluster shows, with what became of the last beats on each node.
func NewPage(c *Cluster, beats []collector.Beat, marks map[string][]collector.Mark) Page {
	p := Page{Name: c.Name, Headline: c.Headline(), Findings: c.Findings(), Events: eventsOf(c)}
	if seen, ok := c.Seen(); ok {
		p.Seen = &seen
		p.Looked = c.lookedAt()
	}
	r := c.Result()
	if r == nil {
		for _, name := range c.Known.Nodes {
			p.Nodes = append(p.Nodes, Row{Name: name, Role: "?", Connection: "not asked yet"})
		}
		return p
	}
	p.Written = c.written(r)
	for _, node := range r.Replicas() {
		card := c.card(r, node)
		card.Strip = NewStrip(beats, marks[node.Name])
		p.Cards = append(p.Cards, card)
	}
	p.Nodes = c.rows(r)
	return p
}

// lookedAt says when the nodes were looked at closely; nil where that was now.
func (c *Cluster) lookedAt() *Seen {
	r := c.Known.Close
	if r == nil || r == c.Known.Last {
		return nil
	}
	return c.seenAt(r.Started.Add(r.Duration))
}

func (c *Cluster) seenAt(at time.Time) *Seen { return &Seen{At: at, Age: max(c.Now.Sub(at), 0)} }

func (c *Cluster) written(r *probe.Result) Written {
	w := Written{Primary: r.Primary}
	if r.Write != nil {
		w.Value, w.LSN = strconv.FormatInt(r.Write.Capacity, 10), lsn(r.Write.LSN)
		w.Took = Span(r.Write.Acknowledged.Sub(r.Write.Sent))
	} else if !r.Acknowledged.IsZero() {
		w.Ago = c.seenAt(r.Acknowledged)
	}
	return w
}

// card returns what is known of a replica.
func (c *Cluster) card(r *probe.Result, node *probe.NodeResult) Card {
	replica := node.Replica
	card := Card{Name: node.Name, State: string(replica.State), Verdict: "Unknown", Level: Unknown, Words: OfState(replica.State)}
	switch {
	case replica.Synced == nil:
	case *replica.Synced:
		card.Verdict, card.Level = "Synced", Well
	default:
		card.Verdict, card.Level = "Lagging", Warning
	}
	if found, ok := ofReplica(r, node); ok {
		card.Level, card.Words = found.Level, found.Words
	} else if rivals(r, node) {
		card.Level, card.Words = Critical, Words{Means: "it takes writes itself"}
	} else if r.Write == nil && replica.Synced == nil && replica.State != verdict.StateUnreachable {
		card.Words = Words{Means: "nothing is compared, because nothing was written"}
	}
	if replica.Lag != nil {
		card.Lag = Span(*replica.Lag) + " behind"
		if !replica.FirstFresh.IsZero() {
			card.Lag = "after " + Span(*replica.Lag)
		}
	}
	card.Fields = c.fields(r, node, card.Verdict)
	return card
}

// fields are the six that a replica is known by: what the primary has, what the replica has, and how far the two are apart.
func (c *Cluster) fields(r *probe.Result, node *probe.NodeResult, synced string) []Field {
	w := c.written(r)
	value := ""
	if node.Replica.Last.Found {
		value = strconv.FormatInt(node.Replica.Last.Capacity, 10)
	}
	replayed, behind := positions(node.Replica)
	fields := []Field{
		{Name: "Primary value", Value: w.Value},
		{Name: "Replica value", Value: value},
		{Name: "Verdict", Value: synced},
		{Name: "Primary LSN", Value: w.LSN},
		replayed, behind,
	}
	if replayed.Value != "" || behind.Value != "" || r == c.Known.Close {
		return fields
	}
	// A beat of the pulse asks for the value alone.
	if earlier := find(c.looked(), node.Name); earlier != nil && earlier.Replica != nil {
		fields[4], fields[5] = positions(earlier.Replica)
		fields[4].Ago, fields[5].Ago = c.lookedAt(), c.lookedAt()
	}
	return fields
}

// positions are how far a replica has replayed, and how far that is behind.
func positions(replica *probe.ReplicaResult) (replayed, behind Field) {
	replayed.Name, behind.Name = "Replica LSN", "Lag bytes"
	if replica.First != nil {
		replayed.Value = lsn(replica.First.ReplayLSN)
	}
	if replica.LagBytes != nil {
		behind.Value, behind.Note = Size(*replica.LagBytes)
	}
	return replayed, behind
}

// find returns a node's part of a result; nil where there is none.
func find(r *probe.Result, name string) *probe.NodeResult {
	if r == nil {
		return nil
	}
	for i := range r.Nodes {
		if r.Nodes[i].Name == name {
			return &r.Nodes[i]
		}
	}
	return nil
}

func lsn(at verdict.LSN) string {
	if at == 0 {
		return ""
	}
	return at.String()
}

func eventsOf(c *Cluster) []Event {
	var all []Event
	for _, e := range c.Events[:min(len(c.Events), mostEvents)] {
		all = append(all, Event{*c.seenAt(e.At), Happened(e)})
	}
	return all
}
