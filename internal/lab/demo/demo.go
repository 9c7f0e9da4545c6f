//go:build unix

// Package demo shows the exporter at work on a machine without Docker: it starts
// a primary and replicas of its own, serves their metrics, prints what probes
// see, and, when asked to, makes the replicas lag and kills the primary. It leaves
// nothing behind.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/exporter"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
)

// Options are what is shown.
type Options struct {
	// Listen is the address of the metrics.
	Listen string
	// Replicas is how many there are, 1 to 8.
	Replicas int
	// Load writes heavily now and then.
	Load bool
	// Pause pauses the replay of the last replica now and then.
	Pause bool
	// Failover kills the primary now and then, promotes a replica, and brings the
	// old one back as a replica of that.
	Failover bool
	// Interval is how often what a probe sees is printed.
	Interval time.Duration
	// Times are how long what is done takes; zero: what a person can follow.
	Times Times
}

// check says what is wrong with the options.
func (o Options) check() error {
	if o.Replicas < 1 || o.Replicas > 8 {
		return fmt.Errorf("--replicas=%d: give 1 to 8", o.Replicas)
	}
	if o.Interval <= 0 {
		return fmt.Errorf("--interval=%v: give a time above 0", o.Interval)
	}
	return nil
}

// demo is one run.
type demo struct {
	Options
	out      *printer
	servers  *rig.Rig
	dsns     []string
	names    []string // flags that name the nodes
	roles    *roles
	program  *exporter.Program
	exporter *exporter.Exporter
}

// Run shows all until ctx ends, which is its usual end.
func Run(ctx context.Context, options Options, out io.Writer) error {
	if err := options.check(); err != nil {
		return err
	}
	if options.Times == (Times{}) {
		options.Times = options.times()
	}
	d := &demo{Options: options, out: &printer{out: out, table: true}}
	return lab.Ended(ctx, d.run(ctx))
}

func (d *demo) run(ctx context.Context) error {
	began := time.Now()
	installation, err := findOrInstall(ctx, d.out)
	if err != nil {
		return err
	}
	lab.Say(d.out, "Building the exporter, starting a primary and %d replica(s) …", d.Replicas)
	options := d.rigOptions()
	options.Installation = installation
	err = exporter.OnServers(ctx, options, func(program *exporter.Program, servers *rig.Rig) (err error) {
		d.program, d.servers, d.dsns, d.roles = program, servers, servers.DSNs(), newRoles(servers.Servers)
		var flags []string
		if d.Failover {
			d.names = nameFlags(servers.Servers.Servers())
			flags = append([]string{"--pulse.interval=" + pulse.String()}, d.names...)
		}
		d.exporter, err = program.Start(ctx, exporter.Config{
			DSNs: d.dsns, Args: flags, Listen: d.Listen, Shared: true, Log: exporterLog{d.out.say},
		})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, d.exporter.Stop()) }()
		d.introduce(time.Since(began))
		return d.show(ctx)
	})
	if d.servers != nil {
		lab.Say(d.out, "The servers are stopped and their files removed.")
	}
	return err
}

// rigOptions are those of the servers. What a replica does about a query in its way
// is the server's own default, but for failovers: a promotion replays WAL that came
// long ago, and would cancel every query.
func (d *demo) rigOptions() rig.Options {
	if !d.Failover {
		return rig.Options{Replicas: d.Replicas, Settings: map[string]string{"max_standby_streaming_delay": "30s"}}
	}
	return rig.Options{Replicas: d.Replicas, Name: "db", Settings: map[string]string{"max_standby_archive_delay": "-1"}}
}

// nameFlags returns the flags that have the exporter call the nodes as we do: who is
// the primary is what changes.
func nameFlags(servers []*pgcluster.Server) []string {
	flags := []string{"--primary.name=" + servers[0].Name}
	for _, server := range servers[1:] {
		flags = append(flags, "--replica.name="+server.Name)
	}
	return flags
}

func (d *demo) introduce(took time.Duration) {
	lab.Say(d.out, "Look at http://%s/ in a browser. Ready in %v. Metrics: http://%[1]s/metrics", d.address(), took.Round(100*time.Millisecond))
	for _, server := range d.servers.Servers.Servers() {
		lab.Say(d.out, "psql on %s: PGPASSFILE=%s psql -h %s -p %d -U postgres",
			server.Name, d.servers.Servers.Passfile(), server.Host, server.Port)
	}
	if !d.Load && !d.Pause && !d.Failover {
		lab.Say(d.out, `To see lag: make run ARGS="--load", make run ARGS="--pause", or`+
			"\n  SELECT pg_wal_replay_pause();   -- on the replica, and pg_wal_replay_resume()"+
			"\n"+`To see a failover: make run ARGS="--failover"`)
	}
	if d.Failover {
		lab.Say(d.out, "%s is the primary, and will be killed in %v. The exporter sends a canary every %v: so exact is its time of an outage.",
			d.servers.Primary.Name, d.Times.Before, pulse)
	}
	lab.Say(d.out, "Ctrl-C stops everything.")
}

// address is where a browser on this host finds the metrics.
func (d *demo) address() string {
	if rest, ok := strings.CutPrefix(d.exporter.Address, "[::]:"); ok {
		return "localhost:" + rest
	}
	return d.exporter.Address
}

// show prints what probes see, and does what makes the replicas lag.
func (d *demo) show(ctx context.Context) error {
	everything, ctx := errgroup.WithContext(ctx)
	everything.Go(func() error { return d.print(ctx) })
	everything.Go(func() error {
		select {
		case <-ctx.Done():
			return nil
		case <-d.exporter.Ended():
			return d.exporter.Stop()
		}
	})
	if d.Load {
		everything.Go(func() error { return lab.Ended(ctx, d.writeHeavily(ctx)) })
	}
	if d.Pause {
		everything.Go(func() error { return lab.Ended(ctx, d.pauseNowAndThen(ctx)) })
	}
	if d.Failover {
		everything.Go(func() error { return lab.Ended(ctx, d.failOverNowAndThen(ctx)) })
	}
	return everything.Wait()
}
