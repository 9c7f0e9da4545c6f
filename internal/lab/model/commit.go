// Package model is a cluster in memory that knows its true history: nodes,
// their commits, forks, promotions, rewinds and copies. What a node's section
// shows is derived from it as the servers would, so that a verdict over rows can
// be held against the truth. It is deterministic, shares no code with the
// exporter, and knows neither time nor network.
package model

// Kept is how many eras a row keeps.
const Kept = 16

// Era is a part of a section's line of values: its name, and the value it follows.
type Era struct{ ID, From int64 }

// Row is the section after a commit.
type Row struct {
	Found          bool
	Capacity, Mark int64
	Born           int64
	Timeline       uint32
	Fork           uint64
	// Eras are all that ever were. A server keeps the last of them, see Shown.
	Eras []Era

	started   int64
	recovered uint64
}

// Shown returns the eras that a server's row keeps.
func (r Row) Shown() []Era { return r.Eras[max(0, len(r.Eras)-Kept):] }

// Commit is one record of a history: all that led to it are its ancestors.
type Commit struct {
	Parent   *Commit
	Depth    int
	LSN      uint64
	Timeline uint32
	Row      Row
	// Version is the last commit up to this one that changed the row.
	Version *Commit

	jump *Commit // an ancestor further up, so that others are found in few steps
}

// recordSize is what a record takes in the log.
const recordSize = 64

// after returns a commit that follows c and leaves the row as it is.
func (c *Commit) after() *Commit {
	next := &Commit{
		Parent: c, Depth: c.Depth + 1, LSN: c.LSN + recordSize,
		Timeline: c.Timeline, Row: c.Row, Version: c.Version, jump: c,
	}
	// Two jumps of one length are followed by one over both.
	if c.jump != nil && c.jump.jump != nil && c.Depth-c.jump.Depth == c.jump.Depth-c.jump.jump.Depth {
		next.jump = c.jump.jump
	}
	return next
}

// with returns a commit that follows c and changes the row.
func (c *Commit) with(row Row) *Commit {
	next := c.after()
	next.Row, next.Version = row, next
	return next
}

// At returns the ancestor of c (or c itself) at a depth.
func (c *Commit) At(depth int) *Commit {
	for depth = max(depth, 0); c.Depth > depth; {
		if c.jump.Depth >= depth {
			c = c.jump
		} else {
			c = c.Parent
		}
	}
	return c
}

// Has says whether other is c or an ancestor of it.
func (c *Commit) Has(other *Commit) bool { return c.At(other.Depth) == other }

// Relation is how what a node shows stands to a beat, in truth.
type Relation int

// The relations.
const (
	Holds  Relation = iota // the beat is on the history of what is shown
	Before                 // what is shown is on the history of the beat
	Apart                  // neither
)

// Relate returns how a node at the commit shown stands to a beat, by the
// versions of the row that both lead to: what else is in the log shows in no row.
func Relate(beat, shown *Commit) Relation {
	switch {
	case shown.Version.Has(beat.Version):
		return Holds
	case beat.Version.Has(shown.Version):
		return Before
	default:
		return Apart
	}
}
