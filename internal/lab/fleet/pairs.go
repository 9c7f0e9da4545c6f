//go:build unix

package fleet

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
)

// pairs compares simulated pairs with real ones: the same exporter on as many of each.
func (b *bench) pairs(ctx context.Context) error {
	if b.Pairs == 0 {
		return nil
	}
	var simulated, actual figures
	err := b.onClusters(ctx, b.Pairs, 1, func(s *stage) (err error) {
		simulated, err = s.atRest(ctx, s.short())
		return err
	})
	if err != nil {
		return err
	}
	if actual, err = b.onRealPairs(ctx); err != nil {
		return err
	}
	lab.Say(b.out, "\n%d pairs, %v each; times are those of a whole scrape", b.Pairs, b.short())
	table := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', 0)
	lab.Say(table, "\tscrapes\tfailed\twrong\tmedian\tp99\tcontrol's\tseries\tof a core\tresident")
	for i, f := range []figures{simulated, actual} {
		own := []float64{ownDelay.Seconds() * 1e3, 0}[i]
		lab.Say(table, "%s\t%d\t%d\t%d\t%.2f ms\t%.2f ms\t%s\t%d\t%.2f%%\t%.1f MB", []string{"simulated", "real"}[i], f.scrapes, f.failed, f.wrong,
			f.half.Seconds()*1e3+own, f.most.Seconds()*1e3+own, ms(f.control), f.samples, 100*f.cpu, mb(f.resident))
	}
	return table.Flush()
}

// onRealPairs measures real ones.
func (b *bench) onRealPairs(ctx context.Context) (f figures, err error) {
	s := &stage{bench: b, config: &configuration{}, replicas: 1}
	for i := range b.Pairs {
		pair, startErr := rig.New(ctx, rig.Options{})
		if startErr != nil {
			return f, startErr
		}
		defer func() { err = errors.Join(err, pair.Close()) }()
		s.config.add(fmt.Sprintf("pair%d", i+1), pair.DSNs())
	}
	err = s.run(ctx, func(s *stage) (err error) {
		f, err = s.atRest(ctx, s.short())
		return err
	})
	return f, err
}
