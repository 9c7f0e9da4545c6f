//go:build unix

package accuracy

import (
	"context"
	"fmt"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
)

// scenario is one way in which the replica is late, and by how much.
type scenario struct {
	series
	// wait is the exporter's --probe.wait.
	wait time.Duration
	// healthy is true where nothing is in the way, and the stricter limit holds.
	healthy bool
	// unobserved is true where no observer takes part of the machine.
	unobserved bool
	// begin and end bracket all probes, before comes before each of them.
	begin, before, end func(context.Context) error
}

// usualWait is the default, longWait long enough for delays beyond it.
var usualWait = rig.Config().Wait

const longWait = 5 * time.Second

// scenarios are all of them. A delay beyond the wait is there twice: as it is
// by default, where the probe gives up and tells how far the replica is behind,
// and with a wait that is long enough to see the canary arrive.
func scenarios(pair *rig.Rig) []*scenario {
	list := []*scenario{
		{series: series{"nothing in the way, no observer", 1000}, wait: usualWait, healthy: true, unobserved: true},
		{series: series{"nothing in the way", 1000}, wait: usualWait, healthy: true},
	}
	for _, link := range []struct {
		delay  time.Duration
		probes int
	}{
		{time.Millisecond, 300},
		{5 * time.Millisecond, 300},
		{20 * time.Millisecond, 200},
		{100 * time.Millisecond, 100},
		{500 * time.Millisecond, 40},
	} {
		list = append(list, slowLink(pair, link.delay, link.probes, usualWait))
	}
	return append(list,
		slowLink(pair, 2*time.Second, 10, longWait),
		applyDelay(pair, 50*time.Millisecond, 100, usualWait),
		applyDelay(pair, 500*time.Millisecond, 40, usualWait),
		applyDelay(pair, 3*time.Second, 8, longWait),
		pauseFor(pair, 300*time.Millisecond, 40),
		slowLink(pair, 2*time.Second, 15, usualWait),
		applyDelay(pair, 3*time.Second, 15, usualWait),
		paused(pair, 15),
	)
}

// slowLink adds a delay to the replication stream.
func slowLink(pair *rig.Rig, delay time.Duration, probes int, wait time.Duration) *scenario {
	return &scenario{
		series: series{fmt.Sprintf("link slower by %v%s", delay, waiting(wait)), probes}, wait: wait,
		begin: func(ctx context.Context) error { return pair.Link.Delay(ctx, delay) },
		end:   pair.Link.Mend,
	}
}

// applyDelay sets recovery_min_apply_delay.
func applyDelay(pair *rig.Rig, delay time.Duration, probes int, wait time.Duration) *scenario {
	return &scenario{
		series: series{fmt.Sprintf("recovery_min_apply_delay %v%s", delay, waiting(wait)), probes}, wait: wait,
		begin: pair.DelayReplay(fmt.Sprint(delay.Milliseconds(), "ms")),
		end:   pair.DelayReplay("0"),
	}
}

// pauseFor pauses the replay before each probe and resumes it after a time.
func pauseFor(pair *rig.Rig, length time.Duration, probes int) *scenario {
	return &scenario{
		series: series{fmt.Sprintf("replay paused for %v", length), probes}, wait: usualWait,
		before: func(ctx context.Context) error {
			if err := pair.PauseReplay(ctx); err != nil {
				return err
			}
			time.AfterFunc(length, func() { _ = pair.ResumeReplay(ctx) }) // A replay that stays paused shows.
			return nil
		},
	}
}

// paused leaves the replay paused for all probes.
func paused(pair *rig.Rig, probes int) *scenario {
	return &scenario{
		series: series{"replay paused all the time", probes}, wait: usualWait,
		begin: pair.PauseReplay,
		end:   pair.ResumeReplay,
	}
}

func waiting(wait time.Duration) string {
	if wait == usualWait {
		return ""
	}
	return fmt.Sprintf(", --probe.wait=%v", wait)
}
