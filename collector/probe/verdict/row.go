// Package verdict decides what sightings of the canary section prove. All of it
// is pure: values go in, a verdict comes out. It has no connection, no clock
// and no lock, so that every rule is a row of a table test.
package verdict

import "fmt"

// MaxEras is how many eras a row keeps; older ones were dropped from it.
const MaxEras = 16

// LSN is a position in PostgreSQL's write-ahead log, in bytes since 0/0. Zero
// is PostgreSQL's own InvalidXLogRecPtr and stands for "not known".
type LSN uint64

// String writes the position as PostgreSQL does, such as 0/3000148.
func (l LSN) String() string {
	return fmt.Sprintf("%X/%X", uint32(l>>32), uint32(l)) //nolint:gosec // The low half is meant.
}

// Since returns how many bytes l is past other, and 0 when it is not.
func (l LSN) Since(other LSN) uint64 {
	if l < other {
		return 0
	}
	return uint64(l - other)
}

// Era is the part of a row's line that one life of one server wrote, from its
// start to its next recovery. Within it there is one beat to each value.
type Era struct {
	// ID is the mark of the era's first beat.
	ID int64
	// From is the value that the first beat follows.
	From int64
}

// Row is the canary section as a read showed it or a beat left it behind.
type Row struct {
	// Found is false where there is the table, but not the row.
	Found bool
	// Capacity is the value that is written and compared.
	Capacity int64
	// Mark is the random mark of the beat that wrote the row.
	Mark int64
	// Born is the random mark of the row's making: rows that were made apart
	// have nothing in common. 0 where the table does not have it.
	Born int64
	// Timeline is the one that the beat was written on; 0 where the server
	// does not tell.
	Timeline uint32
	// Fork is at or past where that timeline began; 0 where not known.
	Fork LSN
	// Eras are the last ones that led to the row, oldest first.
	Eras []Era
}

// Eras reads the pairs of the row's array. What is no list of pairs is none.
func Eras(pairs []int64) []Era {
	if len(pairs)%2 != 0 {
		return nil
	}
	eras := make([]Era, 0, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		eras = append(eras, Era{pairs[i], pairs[i+1]})
	}
	return eras
}

// Answer is what a row proves about a beat.
type Answer int

// The answers. Only Yes and No are proved.
const (
	Unproved Answer = iota
	Yes
	No
)

// Era returns the era in which the row's own beat lies: 0 where nobody wrote
// the row since it has eras.
func (r Row) Era() int64 {
	if len(r.Eras) == 0 {
		return 0
	}
	return r.Eras[len(r.Eras)-1].ID
}

// Holds says whether the line that led to the row has the beat that wrote a
// value in an era. The beat must be of a row with the same Born.
func (r Row) Holds(era, capacity int64) Answer {
	if !r.sound() {
		return Unproved
	}
	for i, e := range r.Eras {
		if e.ID == era {
			return answer(capacity > e.From && capacity <= r.upTo(i))
		}
	}
	switch {
	// Each value was written once on the line, and this one in an era that is kept.
	case capacity > r.first():
		return No
	// The era may be one of those that were dropped.
	case r.cut():
		return Unproved
	// What lies before the first era, when there was none, is era 0.
	default:
		return answer(era == 0)
	}
}

// upTo is the highest value of the i-th era.
func (r Row) upTo(i int) int64 {
	if i+1 < len(r.Eras) {
		return r.Eras[i+1].From
	}
	return r.Capacity
}

// first is the value up to which no era is kept.
func (r Row) first() int64 {
	if len(r.Eras) == 0 {
		return r.Capacity
	}
	return r.Eras[0].From
}

// cut says that eras may have been dropped: from a full row, nobody can tell.
func (r Row) cut() bool { return len(r.Eras) >= MaxEras }

// sound says whether the row is one that beats can make: each era has at least
// a beat. Whoever sets values back by hand makes one that proves nothing.
func (r Row) sound() bool {
	if !r.Found || r.Born == 0 {
		return false
	}
	for i, e := range r.Eras {
		if e.From >= r.upTo(i) {
			return false
		}
	}
	return true
}

func answer(yes bool) Answer {
	if yes {
		return Yes
	}
	return No
}
