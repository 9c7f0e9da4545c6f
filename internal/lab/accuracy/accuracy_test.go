//go:build unix

package accuracy

import (
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/exporter"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
)

// TestShort measures a little of everything on real servers. Nothing may be untrue; how exact it is, the
// long form says.
func TestShort(t *testing.T) {
	must(t, exporter.OnServers(t.Context(), servers, func(program *exporter.Program, pair *rig.Rig) error {
		b, all := bench{program, pair}, Options{Share: 1}
		must(t, b.prepare(t.Context()))
		delays, err := measureAll(t.Context(), all, b, []*scenario{applyDelay(pair, 50*time.Millisecond, 5, usualWait)})
		must(t, err)
		none(t, reportDelays(t.Output(), delays))
		brackets, err := measureAll(t.Context(), all, b, []*bracket{
			healthy(20, false), healthy(20, true),
			lateBy(pair, 300*time.Millisecond, 5, true),
			pausedFor(pair, 2, false), pausedFor(pair, 2, true),
			heavyWrites(pair, 5, false),
		})
		must(t, err)
		none(t, reportBrackets(t.Output(), brackets))
		for _, b := range brackets {
			liesAreFound(t, b)
		}
		outages, err := measureAll(t.Context(), all, b, []*interruption{
			frozen(pair.Servers, 300*time.Millisecond, 2, true),
			frozen(pair.Servers, 2500*time.Millisecond, 1, false),
			failover(pair.Servers, 1, true), failover(pair.Servers, 1, false),
		})
		must(t, err)
		none(t, reportOutages(t.Output(), outages))
		return nil
	}))
}

// liesAreFound plants a lag that is too long for what the application saw, and a bound that is too low, in each
// probe of a replica that was behind.
func liesAreFound(t *testing.T, b *bracketed) {
	t.Helper()
	for _, s := range b.said {
		l, known := b.app.late(s)
		missed, _ := b.app.lag(s.decided)
		if !known || missed == 0 {
			continue
		}
		low := s
		low.bound = missed / 2
		if _, contradiction := b.app.fromAbove(low); contradiction == "" {
			t.Errorf("%s: a bound of %v is not contradicted, and %v were missed", b.name, low.bound, missed)
		}
		long := s
		long.lag = 2 * l.most
		if compared, contradiction := b.app.fromBelow(long); compared && !s.fresh && contradiction == "" {
			t.Errorf("%s: a lag of %v is not contradicted, of a replica that was late by %v at the most", b.name, long.lag, l.most)
		}
	}
}

func none(t *testing.T, untrue []string) {
	t.Helper()
	for _, line := range untrue {
		t.Error(line)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
