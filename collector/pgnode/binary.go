package pgnode

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// epoch is 2000-01-01, from which PostgreSQL counts the microseconds of a
// timestamptz in its binary format.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// row reads the columns of one result row in PostgreSQL's binary format, from
// left to right. A NULL reads as the zero value.
type row struct {
	columns [][]byte
	err     error
}

// nextColumn returns the next column when it is size bytes long, and nil when it is
// NULL. Anything else is kept as the row's error.
func (r *row) nextColumn(size int) []byte {
	if len(r.columns) == 0 {
		r.err = fmt.Errorf("a row of the server has too few columns")
		return nil
	}
	column := r.columns[0]
	r.columns = r.columns[1:]
	if column != nil && size >= 0 && len(column) != size {
		r.err = fmt.Errorf("a column of the server has %d bytes, not %d", len(column), size)
		return nil
	}
	return column
}

func (r *row) uint64() uint64 {
	if column := r.nextColumn(8); column != nil {
		return binary.BigEndian.Uint64(column)
	}
	return 0
}

func (r *row) int64() int64 { return int64(r.uint64()) } //nolint:gosec // int8 is sent as two's complement.

func (r *row) uint32() uint32 {
	if column := r.nextColumn(4); column != nil {
		return binary.BigEndian.Uint32(column)
	}
	return 0
}

func (r *row) bool() bool {
	column := r.nextColumn(1)
	return column != nil && column[0] != 0
}

// int64s reads an array of int8. One of no or several dimensions, or with NULLs,
// reads as none.
func (r *row) int64s() []int64 {
	const header, element = 20, 12 // Dimensions, flags, type, length and lower bound; length and value.
	column := r.nextColumn(-1)
	if len(column) < header || (len(column)-header)%element != 0 || binary.BigEndian.Uint64(column) != 1<<32 {
		return nil
	}
	values := make([]int64, 0, (len(column)-header)/element)
	for column = column[header:]; len(column) > 0; column = column[element:] {
		values = append(values, int64(binary.BigEndian.Uint64(column[4:]))) //nolint:gosec // int8 is sent as two's complement.
	}
	return values
}

func (r *row) text() string     { return string(r.nextColumn(-1)) }
func (r *row) lsn() verdict.LSN { return verdict.LSN(r.uint64()) }
func (r *row) time() time.Time {
	column := r.nextColumn(8)
	if column == nil {
		return time.Time{}
	}
	return epoch.Add(time.Duration(binary.BigEndian.Uint64(column)) * time.Microsecond) //nolint:gosec // int8 is sent as two's complement.
}

// seconds reads a float8 as a duration, nil when it is NULL.
func (r *row) seconds() *time.Duration {
	column := r.nextColumn(8)
	if column == nil {
		return nil
	}
	d := time.Duration(math.Round(math.Float64frombits(binary.BigEndian.Uint64(column)) * float64(time.Second)))
	return &d
}

func int64Param(v int64) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(v)) //nolint:gosec // int8 is sent as two's complement.
}

func int32Param(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }

func boolParam(v bool) []byte {
	if v {
		return []byte{1}
	}
	return []byte{0}
}
