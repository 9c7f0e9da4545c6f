package drill

import (
	"slices"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// Recorder makes a record of what it is told. It has no clock and no lock: results come in their
// order, and one call at a time.
type Recorder struct {
	started   time.Time
	outages   outages
	nodes     []*follower
	on        map[string]beat // the last one that each node acknowledged
	takeovers []Takeover
	losses    []Loss
	atRisk    *verdict.Loss
	undecided bool
	recovery  recovery
	events    []Event
	fresh     int // how many of the events were taken
}

// NewRecorder returns one for beats that are sent at an interval. Their results come up to so
// long after them.
func NewRecorder(interval, delay time.Duration) *Recorder {
	return &Recorder{outages: outages{every: interval, delay: delay}, on: map[string]beat{}}
}

// Ended takes the result of the next beat.
func (c *Recorder) Ended(r *probe.Result) {
	all := beatsOf(r)
	b := all[len(all)-1]
	if c.started.IsZero() {
		c.started = all[0].sent
	}
	var ended []*Outage
	for _, each := range all {
		began, over := c.outages.add(each)
		if began != nil {
			c.happened(beginningOf(began))
		}
		if over != nil {
			ended = append(ended, over)
		}
	}
	c.takeOver(r, b)
	for _, each := range all {
		if each.acknowledged {
			c.on[each.node] = each
		}
	}
	for _, over := range ended {
		c.recovery.trouble()
		c.happened(endOf(over))
	}
	c.lose(r, b)
	for i := range r.Nodes {
		c.happened(c.node(r.Nodes[i].Name).see(r, &r.Nodes[i], b.sent)...)
	}
	if c.recovery.see(c.isWell(b), b.sent) {
		c.happened(Event{At: b.sent, Kind: KindRecovered})
	}
}

// Shown takes the moment at which a replica shows a beat. Of nodes that no result has told of yet
// it says nothing new.
func (c *Recorder) Shown(replica string, beat verdict.Sighting, delay time.Duration) {
	for _, f := range c.nodes {
		if f.Name == replica {
			f.shown(beat, delay)
		}
	}
}

func (c *Recorder) happened(events ...Event) { c.events = append(c.events, events...) }

// takeOver keeps the takeovers of a result: its beat is the first on the last of the servers.
func (c *Recorder) takeOver(r *probe.Result, b beat) {
	for i, t := range r.Takeovers {
		over := Takeover{At: b.ended, From: Position{Node: t.From}, To: Position{Node: t.To}}
		if on, ok := c.on[t.From]; ok && i == 0 {
			over.From = on.position()
		}
		if i == len(r.Takeovers)-1 && b.acknowledged {
			over.To, over.Fork = b.position(), b.row.Fork
		}
		c.takeovers = append(c.takeovers, over)
		c.recovery.trouble()
		c.happened(Event{At: over.At, Kind: KindTakeover, Node: t.To, From: t.From, To: t.To, Timeline: over.To.Timeline})
	}
}

func (c *Recorder) lose(r *probe.Result, b beat) {
	known := latest(r.Started.Add(r.Duration), b.ended)
	if l := r.Lost; l != nil {
		c.losses = append(c.losses, Loss{At: known, Loss: *l})
		c.happened(Event{At: known, Kind: KindLost, Node: r.Primary, Beats: l.Commits, LSN: l.FirstLSN})
	}
	if !b.acknowledged {
		return // It says nothing of them.
	}
	if l := r.AtRisk; l != nil && c.atRisk == nil {
		c.happened(Event{At: known, Kind: KindAtRisk, Node: r.Primary, Beats: l.Commits, LSN: l.FirstLSN})
	}
	c.atRisk, c.undecided = r.AtRisk, r.Undecided
}

// isWell says whether a beat was acknowledged at once and every node that answers is the primary
// or synced.
func (c *Recorder) isWell(b beat) bool {
	if !b.acknowledged || (c.outages.open != nil && !c.outages.open.isPause()) {
		return false
	}
	return !slices.ContainsFunc(c.nodes, func(f *follower) bool {
		switch f.Last() {
		case Primary, Synced, Away, NoReplica:
			return false
		default:
			return true
		}
	})
}

func (c *Recorder) node(name string) *follower {
	for _, f := range c.nodes {
		if f.Name == name {
			return f
		}
	}
	f := &follower{Node: Node{Name: name}}
	c.nodes = append(c.nodes, f)
	return f
}

// News returns the events that came since it was last asked.
func (c *Recorder) News() []Event {
	news := slices.Clone(c.events[c.fresh:])
	c.fresh = len(c.events)
	return news
}

// Recovered says whether the cluster has recovered from what happened last.
func (c *Recorder) Recovered() bool { return !c.recovery.at.IsZero() }

// WaitsSince returns since when a beat has been waiting of which no result has come by now; zero
// where none is known to.
func (c *Recorder) WaitsSince(now time.Time) time.Time { return c.outages.waitsSince(now) }

// Record returns what was seen until the end.
func (c *Recorder) Record(end time.Time) *Record {
	record := &Record{
		Started: c.started, Ended: end, Interval: c.outages.every, Beats: c.outages.counts, MedianCommit: c.outages.usual.median(),
		Writes: c.outages.lane(end), Outages: c.outages.all(end), Pauses: c.outages.pauses,
		Takeovers: slices.Clone(c.takeovers), Losses: slices.Clone(c.losses), AtRisk: c.atRisk, Undecided: c.undecided,
		Events: slices.Clone(c.events), Recovered: c.recovery.at,
	}
	if record.Started.IsZero() {
		record.Started = end
	}
	for _, f := range c.nodes {
		node := f.Node
		node.Stretches = slices.Clone(node.Stretches)
		record.Nodes = append(record.Nodes, node)
	}
	slices.SortStableFunc(record.Events, func(a, b Event) int { return a.At.Compare(b.At) })
	return record
}
