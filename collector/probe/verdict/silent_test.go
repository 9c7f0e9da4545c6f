package verdict

import (
	"testing"
	"time"
)

func TestMayStillWrite(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		situation string
		silence   time.Duration
		refused   bool
		want      bool
	}{
		{"the old primary missed one probe", 5 * time.Second, false, true},
		{"the old primary was killed", time.Second, true, false},
		{"the old primary's host is gone for good", time.Minute, false, false},
	} {
		if got := MayStillWrite(test.silence, test.refused); got != test.want {
			t.Errorf("%s: %v, want %v", test.situation, got, test.want)
		}
	}
}
