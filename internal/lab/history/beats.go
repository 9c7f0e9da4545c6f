package history

// Source is one run of one exporter: on the pair there is but one, the zero value.
type Source struct {
	// Exporter is its name, Run counts its starts.
	Exporter string `json:"exporter,omitempty"`
	Run      int    `json:"run,omitempty"`
}

// Beat is a canary commit, or the attempt at one, of a scrape or of the pulse, by the
// exporter's own account.
type Beat struct {
	Source
	// Number counts those of a run, from 1 on, in the order in which they were counted.
	Number  int  `json:"number"`
	Scraped bool `json:"scraped,omitempty"`
	// Written is the node that acknowledged it, or was to.
	Written  string `json:"written"`
	Capacity *int64 `json:"capacity,omitempty"`
	LSN      *int64 `json:"lsn,omitempty"`
	// Started and Ended bracket the beat and its reads. Attempted is when the write was sent, or
	// would have been: the last one, if the first found that another server is to be written.
	Started      Moment  `json:"started"`
	Attempted    Moment  `json:"attempted"`
	Sent         *Moment `json:"sent,omitempty"`
	Acknowledged *Moment `json:"acknowledged,omitempty"`
	Ended        Moment  `json:"ended"`
	// Refused is true where it is known why it was not acknowledged.
	Refused bool `json:"refused,omitempty"`
	// Reads are those of each node that looked for it.
	Reads map[string]Reads `json:"reads,omitempty"`
	// Notices are what it was the first to see.
	Notices []Notice `json:"notices,omitempty"`
}

// Reads are when the reads of a node were sent and came back that looked for a beat, and when
// the one came back that decided: the first that showed it, or else the last.
type Reads struct {
	FirstSent     *Moment `json:"first_sent,omitempty"`
	FirstReceived *Moment `json:"first_received,omitempty"`
	LastStale     *Moment `json:"last_stale,omitempty"`
	FirstFresh    *Moment `json:"first_fresh,omitempty"`
	Decided       *Moment `json:"decided,omitempty"`
}

// Delay is a visibility delay that an exporter counted: that a node shows a beat.
type Delay struct {
	Source
	Node         string `json:"node"`
	Capacity     int64  `json:"capacity"`
	Acknowledged Moment `json:"acknowledged"`
	Received     Moment `json:"received"`
}

// Totals are what a scrape said of all beats so far.
type Totals struct {
	// Beat is the number of the scrape's own, 0 where it had none or did not wait for its end.
	Beat int `json:"beat,omitempty"`
	// Beats and Delays are how many are in the totals at the least.
	Beats  int `json:"beats"`
	Delays int `json:"delays"`

	Commits       int64   `json:"commits"`
	Outages       int64   `json:"outages"`
	OutageSeconds float64 `json:"outage_seconds"`
	// Nodes are those of each replica.
	Nodes map[string]NodeTotals `json:"nodes"`
}

// NodeTotals are what a scrape said of all beats and one replica.
type NodeTotals struct {
	Synced  int64 `json:"synced"`
	Late    int64 `json:"late"`
	Unknown int64 `json:"unknown"`
	// Delays and DelaySeconds are the number and the sum of the visibility delays.
	Delays       int64   `json:"delays"`
	DelaySeconds float64 `json:"delay_seconds"`
}

// The kinds of notices.
const (
	TookOver    = "took over"
	Lost        = "lost"
	AtRisk      = "at risk"
	SafeAgain   = "not at risk"
	OutageBegan = "outage began"
	OutageEnded = "outage ended"
)

// Notice is a line of an exporter's log that is logged once for what happens once.
type Notice struct {
	Kind string `json:"kind"`
	// Commits is how many beats it is about.
	Commits int64 `json:"commits,omitempty"`
	// Since is when an outage began, and After how long one lasted.
	Since Moment `json:"since,omitempty"`
	After Moment `json:"after,omitempty"`
}
