//go:build unix

package compare

import (
	"context"
	"fmt"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
)

// situation is a state of the cluster in which all are asked.
type situation struct {
	name string
	// rest is how long nothing at all is written first.
	rest time.Duration
	// begin and end bracket the situation.
	begin, end func(context.Context) error
	// lasts is how long the application writes and the exporter is scraped,
	// once a second, before all are asked; 0: nothing is written.
	lasts time.Duration
	// samples is how often all are asked, a second apart; medians are shown.
	samples int
	// heavy is true where other sessions write as much as they can.
	heavy bool
}

func situations(pair *rig.Rig, pace float64) []situation {
	long := func(d time.Duration) time.Duration { return time.Duration(pace * float64(d)) }
	idle, cut, paused, before := long(time.Minute), long(20*time.Second), long(15*time.Second), long(20*time.Second)
	const delay = 5 * time.Second
	return []situation{
		{name: "nothing in the way, light writes", lasts: long(5 * time.Second), samples: 5},
		{name: fmt.Sprintf("idle primary for %v", idle), rest: idle, samples: 1},
		{
			name: fmt.Sprintf("replication cut for %v", cut), begin: pair.Link.Cut, end: pair.Link.Mend,
			lasts: cut, samples: 1,
		},
		{
			name: fmt.Sprintf("packets dropped for %v", cut), begin: pair.Link.BlackHole, end: pair.Link.Mend,
			lasts: cut, samples: 1,
		},
		{
			name: fmt.Sprintf("replay paused for %v, primary idle for %v before", paused, before), rest: before,
			begin: pair.PauseReplay, end: pair.ResumeReplay, lasts: paused, samples: 1,
		},
		{
			name: fmt.Sprintf("recovery_min_apply_delay %v", delay), begin: pair.DelayReplay(delay.String()), end: pair.DelayReplay("0"),
			lasts: 2 * delay, samples: 5,
		},
		{name: "heavy writes", lasts: long(10 * time.Second), samples: 10, heavy: true},
	}
}
