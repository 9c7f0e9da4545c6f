//go:build unix

package simulate

import (
	"slices"
	"time"
)

// row is the section's row, as far as anybody asks for it.
type row struct {
	cluster  string
	capacity int64
	mark     int64
	born     int64
	timeline int32
	// started is when the server started that wrote it; zero where nobody did yet.
	started time.Time
	// eras are pairs, of which the last is that of started. It is never changed in place.
	eras []int64
}

// timeline is that of all simulated servers: none is ever promoted, and so no row has a fork.
const timeline = 1

// mostEras is how many numbers of them are kept.
const mostEras = 2 * 16

// advance returns the row as a canary write leaves it: the first of a server's life begins an era.
func (r row) advance(started time.Time, mark int64) row {
	if !r.started.Equal(started) {
		r.eras = append(slices.Clone(r.eras), mark, r.capacity)
		r.eras = r.eras[max(0, len(r.eras)-mostEras):]
	}
	r.capacity, r.mark, r.timeline, r.started = r.capacity+1, mark, timeline, started
	return r
}
