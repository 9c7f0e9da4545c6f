package drill

import (
	"strconv"
	"time"
)

// mark is the number of an event on a timeline, or the numbers of several that lie together.
type mark struct {
	first, last int // from 1 on
	at          float64
}

// text is the number, or the first and the last.
func (m mark) text() string {
	if m.first == m.last {
		return strconv.Itoa(m.first)
	}
	return strconv.Itoa(m.first) + "-" + strconv.Itoa(m.last)
}

// marksOf returns the marks of the events that are listed. place says where a moment lies, and
// what lies nearer than apart to the first of a mark belongs to it.
func marksOf(events []Event, place func(time.Time) float64, apart float64) []mark {
	var marks []mark
	for i, e := range events[:min(len(events), mostEvents)] {
		at := place(e.At)
		if n := len(marks); n > 0 && at-marks[n-1].at < apart {
			marks[n-1].last = i + 1
			continue
		}
		marks = append(marks, mark{first: i + 1, last: i + 1, at: at})
	}
	return marks
}
