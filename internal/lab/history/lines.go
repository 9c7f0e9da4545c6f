package history

// Branch is a line of commits that one promotion began: what its server wrote
// from then on, and what others got of it. The number of a timeline does not
// tell: two standbys that are promoted use the same.
type Branch struct {
	// ID counts from 1. Parent is the branch that it left, 0 for the first.
	ID     int    `json:"id"`
	Parent int    `json:"parent,omitempty"`
	Server string `json:"server"`
	// Timeline and Fork are what the server says of it: the number, and the
	// position up to which the parent's commits are on it.
	Timeline int64 `json:"timeline"`
	Fork     int64 `json:"fork,omitempty"`
	// Began is a moment before which nothing was written on it.
	Began Moment `json:"began"`
}

// Span is a time in which a server was on one branch, in one role and without a
// restart: not before Began, for sure from From to To, and not after Gone.
type Span struct {
	Server  string `json:"server"`
	Branch  int    `json:"branch"`
	Primary bool   `json:"primary,omitempty"`
	Began   Moment `json:"began"`
	From    Moment `json:"from"`
	To      Moment `json:"to"`
	Gone    Moment `json:"gone"`
}

// Shown is what a superuser saw of a server: reads on one connection, one after
// the other, that all showed the same row.
type Shown struct {
	Server   string `json:"server"`
	Capacity int64  `json:"capacity"`
	Mark     int64  `json:"mark"`
	First    Look   `json:"first"`
	Last     Look   `json:"last"`
}

// Look is one read, and a position that what it showed does not lie beyond: for
// a standby of what it has received, for a primary of what it has written.
type Look struct {
	Read
	LSN int64 `json:"lsn"`
}

// Scrape is what one exporter said in one scrape of a cluster of several servers.
type Scrape struct {
	Source
	// Number counts the scrapes of all.
	Number int    `json:"number"`
	Began  Moment `json:"began"`
	Ended  Moment `json:"ended"`

	Up        bool   `json:"up"`
	Capacity  *int64 `json:"primary_capacity,omitempty"`
	LSN       *int64 `json:"primary_lsn,omitempty"`
	Timeline  *int64 `json:"primary_timeline,omitempty"`
	Primaries *int64 `json:"primaries,omitempty"`
	Changes   int64  `json:"primary_changes_total"`
	Lost      int64  `json:"lost_writes_total"`
	Totals    Totals `json:"totals"`

	// Written is the server that acknowledged the beat, by the exporter's own account.
	Written      string  `json:"written,omitempty"`
	Sent         *Moment `json:"sent,omitempty"`
	Acknowledged *Moment `json:"acknowledged,omitempty"`

	// Nodes are those that it was told of, by their servers' names.
	Nodes map[string]NodeSaid `json:"nodes"`
}

// NodeSaid is what an exporter said of a node.
type NodeSaid struct {
	Up     bool   `json:"up"`
	State  string `json:"state,omitempty"`
	Synced *bool  `json:"synced,omitempty"`
	// Capacity is what the node showed as a replica.
	Capacity   *int64   `json:"replica_capacity,omitempty"`
	LagSeconds *float64 `json:"lag_seconds,omitempty"`
	Bound      *float64 `json:"staleness_bound_seconds,omitempty"`
	Reads
}
