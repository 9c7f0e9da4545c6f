//go:build unix

package simulate

import "time"

// remembered is how many of the last commits a cluster can still be asked about.
const remembered = 4096

// moments are those of the last values, by the value's remainder.
type moments struct {
	newest int64
	at     []time.Time
}

// until keeps that all values up to one are reached at a moment.
func (m *moments) until(value int64, at time.Time) {
	if m.at == nil {
		m.at = make([]time.Time, remembered)
	}
	for v := max(m.newest+1, value-remembered+1); v <= value; v++ {
		m.at[v%remembered] = at
	}
	m.newest = max(m.newest, value)
}

// of returns the moment of a value; false where it has not been reached, or was too long ago.
func (m *moments) of(value int64) (time.Time, bool) {
	if value > m.newest || value <= m.newest-remembered || m.at == nil {
		return time.Time{}, false
	}
	at := m.at[value%remembered]
	return at, !at.IsZero()
}

// Begin gives the section a value to count from, as long as nobody has written it.
func (c *Cluster) Begin(value int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.commits[0].row.capacity = value
	for _, s := range c.servers {
		s.reached.newest = value
	}
}

// Reached returns when a server first had a value or a higher one: the primary when it committed that, a replica when it was
// first looked at what it shows. It is false for a value that it does not have, and for one of long ago.
func (s *Server) Reached(value int64) (time.Time, bool) {
	s.cluster.mu.Lock()
	defer s.cluster.mu.Unlock()
	return s.reached.of(value)
}

// Newest returns the newest value of a server.
func (s *Server) Newest() int64 {
	s.cluster.mu.Lock()
	defer s.cluster.mu.Unlock()
	return s.reached.newest
}
