//go:build unix

package fleet

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
)

// sizes measures 1, 10, 100… clusters, and the most of all for longest.
func (b *bench) sizes(ctx context.Context) error {
	var rows []figures
	for n := 1; ; n = min(10*n, b.Clusters) {
		length := b.short()
		if n == b.Clusters {
			length = max(b.length(), length)
		}
		err := b.onClusters(ctx, n, b.Replicas, func(s *stage) error {
			lab.Say(b.out, "Measuring %d clusters for %v", n, length)
			row, err := s.atRest(ctx, length)
			rows = append(rows, row)
			return err
		})
		if err != nil {
			return fmt.Errorf("%d clusters: %w", n, err)
		}
		if n == b.Clusters {
			break
		}
	}
	b.printSizes(rows)
	if b.SVG == "" {
		return nil
	}
	return os.WriteFile(b.SVG, []byte(plot(rows, b.Options)), 0o644) //nolint:gosec // It is a page's picture.
}

// atRest waits until all is right, and then measures.
func (s *stage) atRest(ctx context.Context, length time.Duration) (figures, error) {
	if err := s.settled(ctx); err != nil {
		return figures{}, err
	}
	return s.measure(ctx, length)
}

func (b *bench) printSizes(rows []figures) {
	lab.Say(b.out, "\nScraped every %v, %v for the most clusters and %v for the others; times are beyond the servers' own %v", b.Interval, b.length(), b.short(), ownDelay)
	table := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', 0)
	lab.Say(table, "clusters\tscrapes\tfailed\twrong\tat most\tmedian\tp99\tat most\tcontrol's\tseries\tconnections\tat most\tdials/s\tresident\tat most\tgrowth\tat most\tof a core\tat most")
	for _, f := range rows {
		nodes := f.clusters * (1 + b.Replicas)
		lab.Say(table, "%d\t%d\t%d\t%d\t0\t%s\t%s\t%v\t%s\t%d\t%d\t%d\t%d\t%.1f MB\t%d\t%+.1f%%\t%d%%\t%.1f%%\t%.0f%%",
			f.clusters, f.scrapes, f.failed, f.wrong, ms(f.half), ms(f.most), mostBeyond, ms(f.control), f.samples,
			f.Open, nodes, f.BusiestSecond, mb(f.resident), mostMemory, f.growthShare(), mostGrowth, 100*f.cpu, 100*mostCPU)
	}
	_ = table.Flush()
}

// growthShare is the growth in per cent of the memory.
func (u used) growthShare() float64 {
	if u.resident == 0 {
		return 0
	}
	return 100 * float64(u.growth) / float64(u.resident)
}

func ms(d time.Duration) string { return fmt.Sprintf("%.2f ms", d.Seconds()*1e3) }

func mb(bytes int) float64 { return float64(bytes) / 1e6 }
