//go:build unix

package accuracy

import (
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/observer"
)

func TestOutageOf(t *testing.T) {
	t.Parallel()
	writes := []observer.Write{
		{Sent: 0, Answered: 2 * ms},
		{Sent: 20 * ms, Answered: 220 * ms}, // One before the interruption.
		{Sent: 300 * ms, Answered: 301 * ms},
		{Sent: 320 * ms, Answered: 620 * ms},
		{Sent: 621 * ms, Answered: 622 * ms},
		{Sent: 640 * ms, Answered: 642 * ms, Failed: true},
		{Sent: 660 * ms, Answered: 662 * ms},
	}
	o := outageOf(writes, 310*ms)
	if want := (outage{observed: 322 * ms, least: 200 * ms, most: 361 * ms}); o != want {
		t.Errorf("observed were %+v, want %+v", o, want)
	}
	for counted, want := range map[time.Duration]struct{ difference, off time.Duration }{
		322 * ms: {0, 0}, 200 * ms: {122 * ms, 0}, 150 * ms: {172 * ms, 50 * ms}, 400 * ms: {78 * ms, 39 * ms},
	} {
		o.counted = counted
		if o.difference() != want.difference || o.off() != want.off {
			t.Errorf("%v counted: a difference of %v, off by %v; want %+v", counted, o.difference(), o.off(), want)
		}
	}
}
