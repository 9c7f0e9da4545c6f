package verdict

import "time"

// Position is a look at the primary that writes nothing.
type Position struct {
	// Sent and Received bracket the round trip, by the exporter's clock.
	Sent, Received time.Time
	// InRecovery is true where the server is no primary.
	InRecovery bool
	// LSN is the insert position: at or past the commit of everything that was acknowledged before Sent.
	LSN LSN
	// Timeline is the one that the server writes on.
	Timeline uint32
	// Row is the section, and OwnRow says that the server's present life wrote it.
	Row    Row
	OwnRow bool
}

// Proves says whether the position belongs to a history that is known: a row that the present life of the
// server wrote carries its era.
func (p Position) Proves() bool { return !p.InRecovery && p.OwnRow && p.LSN != 0 && p.Row.sound() }

// mostPositions bounds the memory of positions: some minutes of them, where checks ask all the time.
const mostPositions = 2048

// Positions are looks at the primary, the oldest first. The zero value has none.
type Positions struct{ all []Position }

// Record adds one. Those of another life of the primary say nothing any more: what was acknowledged then, and not
// flushed, may have been lost in a crash, and the same positions be those of other WAL.
func (p *Positions) Record(at Position) {
	if n := len(p.all); n > 0 && p.all[n-1].Row.Era() != at.Row.Era() {
		p.all = p.all[:0]
	}
	if len(p.all) == mostPositions {
		p.all = append(p.all[:0], p.all[mostPositions/2:]...)
	}
	p.all = append(p.all, at)
}

// Newest returns when the newest was sent; zero for none.
func (p *Positions) Newest() time.Time {
	if len(p.all) == 0 {
		return time.Time{}
	}
	return p.all[len(p.all)-1].Sent
}

// Stand says how a row that a node showed stands to that of the newest position.
func (p *Positions) Stand(shown Row) Standing {
	if len(p.all) == 0 {
		return Unknown
	}
	return Compare(p.all[len(p.all)-1].Row, shown)
}

// Reached returns when the newest position was asked for that a node has replayed, by what it said of itself
// and, with a later snapshot, showed; zero for none. Positions are compared within one history alone: the node
// shows the row that was there when the position was asked for, which the primary's present life wrote, and
// receives the primary's timeline, whose number one that was promoted since would have left.
func (p *Positions) Reached(state State, row Row) time.Time {
	for i := len(p.all) - 1; i >= 0; i-- {
		at := &p.all[i]
		if state.InRecovery && at.Proves() && at.sameLine(state, row) && state.ReplayLSN >= at.LSN {
			return at.Sent
		}
	}
	return time.Time{}
}

func (p *Position) sameLine(state State, row Row) bool {
	if state.Timeline == 0 || state.Timeline != p.Timeline || row.Era() != p.Row.Era() {
		return false
	}
	return Compare(p.Row, row) == Shows
}

// The sizes of the headers of a page of WAL, in bytes: each page begins with one, the first of a segment with a
// longer one.
const (
	pageHeader    = 24
	segmentHeader = 40
)

// WithoutHeader returns where the record before a position ends: an insert position that lies right behind the
// header of a page, where no record has begun yet, is that of the page's beginning. An idle primary may stay
// there for hours, and no standby ever reaches it. Pages and segments have the given sizes in bytes.
func (l LSN) WithoutHeader(page, segment uint64) LSN {
	switch {
	case page == 0 || segment == 0:
		return l
	case uint64(l)%segment == segmentHeader:
		return l - segmentHeader
	case uint64(l)%page == pageHeader && uint64(l)%segment >= page:
		return l - pageHeader
	default:
		return l
	}
}
