//go:build unix

package accuracy

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// scrapeInterval is how often the exporter is scraped where it has no pulse.
const scrapeInterval = time.Second

// interruption is a way in which nobody can write for a while.
type interruption struct {
	series
	// pulse is true where the exporter has one. Else it is scraped every second.
	pulse bool
	// begin and end are what makes it, and mend, if it is not nil, what brings the servers back.
	begin, end, mend func(context.Context) error
}

// interval is how far apart beats are at the most.
func (i interruption) interval() time.Duration {
	if i.pulse {
		return pulseLongest
	}
	return scrapeInterval
}

// interruptions are all of them, each with the pulse and without it. The failovers are the last: they
// leave another server as the primary.
func interruptions(servers *pgcluster.Cluster) (list []*interruption) {
	for _, pulse := range []bool{true, false} {
		list = append(list,
			frozen(servers, 300*time.Millisecond, 5, pulse),
			frozen(servers, time.Second, 5, pulse),
			frozen(servers, 3*time.Second, 5, pulse),
			frozen(servers, 10*time.Second, 2, pulse),
		)
	}
	return append(list, failover(servers, 5, true), failover(servers, 5, false))
}

// frozen stops the primary's processes for a time, counted from when the first of them is stopped.
func frozen(servers *pgcluster.Cluster, length time.Duration, times int, pulse bool) *interruption {
	var began time.Time
	return &interruption{
		series: series{fmt.Sprintf("primary frozen for %v%s", length, beating(pulse)), times}, pulse: pulse,
		begin: func(context.Context) error {
			began = time.Now()
			return servers.Primary().Freeze()
		},
		end: func(ctx context.Context) error {
			return errors.Join(lab.Sleep(ctx, length-time.Since(began)), servers.Primary().Thaw())
		},
	}
}

// failover kills the primary, promotes the standby within a second or so, and clones the old primary again.
func failover(servers *pgcluster.Cluster, times int, pulse bool) *interruption {
	var killed *pgcluster.Server
	return &interruption{
		series: series{"failover" + beating(pulse), times}, pulse: pulse,
		begin: func(context.Context) error {
			killed = servers.Primary()
			return killed.Kill()
		},
		end: func(ctx context.Context) error {
			if err := lab.Sleep(ctx, time.Second/2+rand.N(time.Second)); err != nil { //nolint:gosec // It need not be a secret.
				return err
			}
			return servers.Replicas()[0].Promote(ctx)
		},
		mend: func(ctx context.Context) error { return servers.Reclone(ctx, killed, nil) },
	}
}

func beating(pulse bool) string {
	if pulse {
		return withPulse(pulse)
	}
	return fmt.Sprintf(", scraped every %v", scrapeInterval)
}
