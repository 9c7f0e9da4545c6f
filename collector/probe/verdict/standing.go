package verdict

// Standing is how a row that a node showed stands to a beat.
type Standing int

const (
	// Unknown is said when the rows prove nothing: one of them is missing or
	// of a table without eras; they were made apart; or only one of the eras
	// that were dropped could join them.
	Unknown Standing = iota
	// Shows is the standing of a row whose line has the beat.
	Shows
	// Behind is the standing of a row that lies on the beat's line, before it.
	Behind
	// Left is the standing of a row whose line left the beat's.
	Left
)

// String returns a word for logs.
func (s Standing) String() string {
	return [...]string{"unknown", "shows", "behind", "left"}[s]
}

// Compare says how a row that was shown stands to the beat that left the row
// beat behind. It tells all that the rows prove, and is Unknown only if
//
//   - one of the rows is missing, has no Born, or is not of the kind that beats
//     make; or they were born apart: the row was deleted and made again, and
//     which is the newer nobody can tell; or
//   - one has MaxEras eras, and the other's value is not above the value that
//     the oldest of these follows: eras that were dropped may join the two.
//     So it takes sixteen lives of servers from one to the other.
//
// Only a copy of a server's memory (a virtual machine that was resumed twice)
// goes on in the same era, so that values above the fork cannot be told apart
// by the rows; see [CompareMarked].
func Compare(beat, shown Row) Standing {
	if !beat.sound() || !shown.sound() || beat.Born != shown.Born || !agree(beat.Eras, shown.Eras) {
		return Unknown
	}
	if beat.Era() == shown.Era() && beat.Capacity == shown.Capacity {
		if beat.Mark != shown.Mark {
			return Left
		}
		return Shows
	}
	shows, behind := shown.Holds(beat.Era(), beat.Capacity), beat.Holds(shown.Era(), shown.Capacity)
	switch {
	case shows == Yes:
		return Shows
	case behind == Yes:
		return Behind
	case shows == No && behind == No:
		return Left
	default:
		return Unknown
	}
}

// CompareMarked is [Compare] for whoever remembers marks: markOf returns the
// mark of the beat that wrote a value in an era, of the exporter's own beats on
// the line that led to beat. Another mark there proves that a row that seems to
// lie on that line does not, even where a copied memory hides it. A value that
// is not remembered proves nothing: another exporter may have written it.
func CompareMarked(beat, shown Row, markOf func(era, capacity int64) (mark int64, ok bool)) Standing {
	standing := Compare(beat, shown)
	if standing != Behind {
		return standing
	}
	if mark, ok := markOf(shown.Era(), shown.Capacity); ok && mark != shown.Mark {
		return Left
	}
	return standing
}

// agree says whether eras that are kept by both follow the same value, as they
// do unless somebody changed a row by hand.
func agree(a, b []Era) bool {
	for _, x := range a {
		for _, y := range b {
			if x.ID == y.ID && x.From != y.From {
				return false
			}
		}
	}
	return true
}
