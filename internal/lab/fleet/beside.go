//go:build unix

package fleet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	running "github.com/pg-canary/pg_canary_exporter/internal/lab/prometheus"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/simulate"
)

// beside measures postgres_exporter on the same servers. It knows no clusters: each server is a target,
// and it is asked for nothing but the replication.
func (b *bench) beside(ctx context.Context) error {
	if b.PostgresExporter == "" {
		return nil
	}
	var ours, theirs figures
	err := b.onClusters(ctx, b.Clusters, b.Replicas, func(s *stage) (err error) {
		ours, err = s.atRest(ctx, s.short())
		return err
	})
	if err != nil {
		return err
	}
	if theirs, err = b.onPostgresExporter(ctx); err != nil {
		return err
	}
	lab.Say(b.out, "\nThe same %d servers, %v each; times are those of a whole scrape", b.Clusters*(1+b.Replicas), b.short())
	table := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', 0)
	lab.Say(table, "\ttargets\tscrapes\tfailed\twrong\tmedian\tp99\tcontrol's\tseries\tconnections at the most\tdials/s\tof a core\tresident")
	for _, row := range []struct {
		name string
		own  time.Duration
		figures
	}{{"pg_canary_exporter", ownDelay, ours}, {"postgres_exporter", 0, theirs}} {
		lab.Say(table, "%s\t%d\t%d\t%d\t%d\t%s\t%s\t%s\t%d\t%d\t%d\t%.1f%%\t%.1f MB", row.name, row.clusters, row.scrapes, row.failed, row.wrong,
			ms(row.half+row.own), ms(row.most+row.own), ms(row.control), row.samples, row.MostOpen, row.BusiestSecond, 100*row.cpu, mb(row.resident))
	}
	return table.Flush()
}

// onPostgresExporter measures postgres_exporter.
func (b *bench) onPostgresExporter(ctx context.Context) (f figures, err error) {
	servers, err := simulate.Start(simulate.Options{Clusters: b.Clusters, Replicas: b.Replicas})
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, servers.Close()) }()
	args, err := replicationAlone(ctx, b.PostgresExporter)
	if err != nil {
		return f, err
	}
	other, err := running.StartProcess(ctx, b.program, b.PostgresExporter, args...)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, other.Stop()) }()
	return b.measureOther(ctx, other, servers)
}

// measureOther measures a running postgres_exporter on servers.
func (b *bench) measureOther(ctx context.Context, other *running.Process, servers *simulate.Fleet) (f figures, err error) {
	dir, err := os.MkdirTemp("", "pg_canary_fleet-")
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	recorder := record(ctx, other.Usage, noDials)
	defer recorder.stop()
	err = b.scraped(ctx, dir, allServers(servers)+relabelling(other.Address), func(p *prometheus) (err error) {
		f, err = b.whileScraped(ctx, p, servers, recorder)
		return err
	})
	return f, err
}

// whileScraped measures what a Prometheus scrapes of postgres_exporter.
func (b *bench) whileScraped(ctx context.Context, p *prometheus, servers *simulate.Fleet, recorder *recorder) (f figures, err error) {
	if err := b.settle(ctx); err != nil {
		return f, err
	}
	servers.Take()
	from := time.Now()
	if err := lab.Sleep(ctx, b.short()); err != nil {
		return f, err
	}
	to := time.Now()
	f = figures{clusters: b.Clusters * (1 + b.Replicas), Counts: servers.Take()}
	if f.Unknown > 0 {
		return f, fmt.Errorf("the simulated servers did not know %d statements of postgres_exporter", f.Unknown)
	}
	if err := lab.Sleep(ctx, time.Second); err != nil { // Until Prometheus has stored the last.
		return f, err
	}
	scrapes, err := p.scrapes(ctx, "pg_up", from, to)
	if err != nil {
		return f, err
	}
	f.times = summarize(scrapes, 1, 0)
	if f.control, err = p.controlled(ctx, from, to); err != nil {
		return f, err
	}
	f.used, err = recorder.between(from, to)
	return f, err
}

// allServers are the targets, as Prometheus's configuration lists them.
func allServers(servers *simulate.Fleet) string {
	var targets strings.Builder
	targets.WriteString("\n    static_configs:\n      - targets:\n")
	for _, cluster := range servers.Clusters {
		for _, server := range cluster.Servers() {
			fmt.Fprintf(&targets, "          - postgresql://%s@%s/%s?sslmode=disable\n", simulate.Role, server.Address(), simulate.Database)
		}
	}
	return strings.TrimSuffix(targets.String(), "\n")
}

var collectorFlag = regexp.MustCompile(`--\[no-\]collector\.([a-z_]+)\s`)

// replicationAlone returns the flags with which postgres_exporter collects nothing else.
func replicationAlone(ctx context.Context, path string) ([]string, error) {
	help, err := exec.CommandContext(ctx, path, "--help").CombinedOutput() //nolint:gosec // The user named it.
	if err != nil {
		return nil, fmt.Errorf("asking postgres_exporter for its flags: %w", err)
	}
	args := []string{"--disable-default-metrics", "--collector.replication"}
	for _, found := range collectorFlag.FindAllSubmatch(help, -1) {
		if name := string(found[1]); name != "replication" {
			args = append(args, "--no-collector."+name)
		}
	}
	return args, nil
}
