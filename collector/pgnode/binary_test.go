package pgnode

import (
	"encoding/binary"
	"slices"
	"testing"
)

// array is an int8[] as PostgreSQL sends it.
func array(values ...int64) []byte {
	var b []byte
	for _, n := range []int{1, 0, 20, len(values), 1} {
		b = binary.BigEndian.AppendUint32(b, uint32(n))
	}
	for _, v := range values {
		b = binary.BigEndian.AppendUint32(b, 8)
		b = binary.BigEndian.AppendUint64(b, uint64(v))
	}
	return b
}

func TestArrayOfInt8(t *testing.T) {
	withNull := array(1, 2)
	withNull[7] = 1
	for name, test := range map[string]struct {
		column []byte
		want   []int64
	}{
		"NULL":           {nil, nil},
		"empty":          {make([]byte, 12), nil},
		"values":         {array(-1, 1<<62), []int64{-1, 1 << 62}},
		"a NULL in it":   {withNull, nil},
		"cut off":        {array(1, 2)[:30], nil},
		"two dimensions": {append([]byte{0, 0, 0, 2}, array(1)[4:]...), nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := &row{columns: [][]byte{test.column}}
			if got := r.int64s(); !slices.Equal(got, test.want) || r.err != nil {
				t.Errorf("%v, %v, want %v", got, r.err, test.want)
			}
		})
	}
}
