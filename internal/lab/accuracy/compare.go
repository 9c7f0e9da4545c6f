//go:build unix

package accuracy

import (
	"fmt"
	"sort"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
)

// lagTolerance is what lag_seconds of a replica that is behind may be off.
const lagTolerance = 50 * time.Millisecond

// compare holds each probe against what the observer saw.
func (o *outcome) compare(seen history.Sightings) {
	for _, m := range o.measurements {
		lastStale, firstFresh := seen.Bounds(m.capacity)
		switch {
		case lastStale == history.Always || firstFresh == history.Never:
			m.violation = fmt.Sprintf("canary %d: the observer did not see it come", m.capacity)
		case lastStale > m.firstFresh:
			m.violation = fmt.Sprintf("canary %d: it was not visible %v after the exporter's first fresh read",
				m.capacity, time.Duration(lastStale-m.firstFresh))
		case firstFresh < m.lastStale:
			m.violation = fmt.Sprintf("canary %d: it was visible %v before the exporter's last stale read",
				m.capacity, time.Duration(m.lastStale-firstFresh))
		}
		low, high := lastStale-m.acknowledged, firstFresh-m.acknowledged
		if !m.fresh {
			low, high = o.behind(seen, m)
		}
		m.low, m.high = time.Duration(low), time.Duration(high)
		if off := off(m); !m.fresh && m.violation == "" && off > lagTolerance {
			m.violation = fmt.Sprintf("canary %d: a lag of %v, which is off by %v", m.capacity, m.lag, off)
		}
	}
}

// behind returns between what bounds the oldest canary that the exporter's last
// stale read did not show had been waiting when that read was sent. Which one
// that is may change until the read was answered, at the latest at the probe's end.
func (o *outcome) behind(seen history.Sightings, m *measurement) (low, high history.Moment) {
	oldest, _, known := seen.ShownAt(m.lastStale)
	_, newest, knownToo := seen.ShownAt(m.ended)
	if !known || !knownToo {
		m.violation = fmt.Sprintf("canary %d: the observer did not look at that time", m.capacity)
	}
	return o.waiting(newest, m), o.waiting(oldest, m)
}

// truth is the middle of what the observer's reads leave.
func truth(m *measurement) time.Duration { return (m.low + m.high) / 2 }

// off is how far the exporter is off: from the truth when the replica showed the
// canary, and from all that the observer's reads leave when it did not, because
// there the truth jumps by the time between two canaries.
func off(m *measurement) time.Duration {
	if m.fresh {
		return (m.lag - truth(m)).Abs()
	}
	return max(m.low-m.lag, m.lag-m.high, 0)
}

// waiting returns how long the first canary above a value had been waiting.
func (o *outcome) waiting(value int64, m *measurement) history.Moment {
	i := sort.Search(len(o.measurements), func(i int) bool { return o.measurements[i].capacity > value })
	if i == len(o.measurements) {
		return 0
	}
	return max(0, m.lastStale-o.measurements[i].acknowledged)
}
