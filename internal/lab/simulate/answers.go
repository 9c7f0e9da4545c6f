//go:build unix

package simulate

import (
	"encoding/binary"
	"math"
	"time"
)

// answers are how the statements are answered, each known by a part of its text that no other
// one has. An answer without columns is one without a row.
var answers = []struct {
	mark    string
	command string
	answer  func(*session) ([][]byte, error)
}{
	{"pg_control_system()", "SELECT", (*session).who},
	{"NULL::pg_catalog.int8, pg_catalog.pg_postmaster_start_time()", "SELECT", (*session).whoStarted},
	{"NULL::pg_catalog.timestamptz", "SELECT", (*session).whoServes},
	{"found a pooler", "SELECT", (*session).guard},
	{"string_agg(", "SELECT", (*session).noFaults},
	{"pg_stat_wal_receiver", "SELECT", (*session).state},
	{"pg_current_wal_insert_lsn()", "SELECT", (*session).position},
	{"\nUPDATE canary.section", "UPDATE", (*session).advance},
	{"\nSELECT s.capacity", "SELECT", (*session).section},
	{"SELECT s.cluster", "SELECT", (*session).ofCluster},
}

// who is the server's identity. The exporter asks for less of it as well, for the case that
// this is kept from its role.
func (s *session) who() ([][]byte, error) {
	return [][]byte{
		int4(s.pid), []byte(s.searchPath), int8s(int64(s.server.cluster.system)), //nolint:gosec // It is sent as two's complement.
		timestamp(s.server.since()), boolean(s.server.inRecovery),
	}, nil
}

func (s *session) whoStarted() ([][]byte, error) {
	columns, err := s.who()
	columns[2] = nil
	return columns, err
}

func (s *session) whoServes() ([][]byte, error) {
	columns, err := s.who()
	columns[2], columns[3] = nil, nil
	return columns, err
}

func (s *session) guard() ([][]byte, error) {
	if binary.BigEndian.Uint32(s.params[0]) != s.pid {
		return nil, refuse("22P02", "pg_canary_exporter found a pooler, and prepares nothing (process %d)", s.pid)
	}
	return [][]byte{int4(0)}, nil
}

// noFaults is what is wrong with the table: nothing.
func (s *session) noFaults() ([][]byte, error) { return [][]byte{nil}, nil }

func (s *session) state() ([][]byte, error) {
	if !s.server.inRecovery {
		return [][]byte{boolean(false), nil, nil, boolean(false), zeroSeconds, nil, int4(timeline), nil, nil}, nil
	}
	at := int8s(int64(s.server.cluster.visible(s.server).lsn)) //nolint:gosec // As above.
	var waitsOn []byte
	if s.params[0][0] != 0 {
		waitsOn = []byte("RecoveryWalStream")
	}
	return [][]byte{
		boolean(true), at, at, boolean(false), zeroSeconds, []byte("streaming"), int4(timeline), int4(timeline), waitsOn,
	}, nil
}

func (s *session) position() ([][]byte, error) {
	if s.server.inRecovery {
		return nil, refuse("55000", "recovery is in progress")
	}
	return [][]byte{int8s(int64(s.server.cluster.visible(s.server).lsn))}, nil //nolint:gosec // As above.
}

func (s *session) advance() ([][]byte, error) {
	if s.server.inRecovery {
		return nil, refuse("25006", "cannot execute UPDATE in a read-only transaction")
	}
	if string(s.params[0]) != Section {
		return nil, nil
	}
	mark := int64(binary.BigEndian.Uint64(s.params[1])) //nolint:gosec // As above.
	written, ok := s.server.cluster.advance(mark, string(s.params[2]))
	if !ok {
		return nil, nil
	}
	s.server.fleet.counts.note(func(c *Counts) { c.Commits++ })
	return written.columns(), nil
}

func (s *session) section() ([][]byte, error) {
	if string(s.params[0]) != Section {
		return nil, nil
	}
	return s.server.cluster.visible(s.server).row.columns(), nil
}

func (s *session) ofCluster() ([][]byte, error) {
	if string(s.params[0]) != Section {
		return nil, nil
	}
	return [][]byte{[]byte(s.server.cluster.Name)}, nil
}

// columns are those that the canary write returns, and a read.
func (r row) columns() [][]byte {
	list := [][]byte{int8s(r.capacity), int8s(r.mark), nil, nil, int8s(r.born), array(r.eras)}
	if r.timeline != 0 {
		list[2] = int4(uint32(r.timeline)) //nolint:gosec // It is small.
	}
	return list
}

// zeroSeconds is 0 as a float8.
var zeroSeconds = binary.BigEndian.AppendUint64(nil, math.Float64bits(0))

func int8s(v int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(v)) } //nolint:gosec // Two's complement.

func int4(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }

func boolean(v bool) []byte {
	if v {
		return []byte{1}
	}
	return []byte{0}
}

// timestamp is in microseconds since 2000-01-01.
func timestamp(t time.Time) []byte {
	return int8s(t.Sub(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).Microseconds())
}

// array is one of int8: dimensions, flags, type, length and lower bound, and the elements, each
// after its own length. An empty one has no dimension.
func array(values []int64) []byte {
	const int8OID = 20
	if len(values) == 0 {
		return append(int8s(0), int4(int8OID)...)
	}
	b := append(int8s(1<<32), int4(int8OID)...)
	b = append(b, int4(uint32(len(values)))...) //nolint:gosec // There are at most 32.
	b = append(b, int4(1)...)
	for _, v := range values {
		b = append(append(b, int4(8)...), int8s(v)...)
	}
	return b
}
