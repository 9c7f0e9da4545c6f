//go:build unix

// Package demo shows the exporter at work on a machine without Docker: it starts
// a primary and replicas of its own, serves their metrics, prints what probes
// see, and, when asked to, makes the replicas lag. It leaves nothing behind.
package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/exporter"
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
	// Interval is how often what a probe sees is printed.
	Interval time.Duration
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
	out      io.Writer
	servers  *rig.Rig
	program  *exporter.Program
	exporter *exporter.Exporter
}

// Run shows all until ctx ends, which is its usual end.
func Run(ctx context.Context, options Options, out io.Writer) error {
	if err := options.check(); err != nil {
		return err
	}
	d := &demo{Options: options, out: out}
	return lab.Ended(ctx, d.run(ctx))
}

func (d *demo) run(ctx context.Context) error {
	began := time.Now()
	installation, err := findOrInstall(ctx, d.out)
	if err != nil {
		return err
	}
	lab.Say(d.out, "Building the exporter, starting a primary and %d replica(s) …", d.Replicas)
	// What a replica does about a query in its way is the server's own default.
	err = exporter.OnServers(ctx, rig.Options{
		Installation: installation, Replicas: d.Replicas,
		Settings: map[string]string{"max_standby_streaming_delay": "30s"},
	}, func(program *exporter.Program, servers *rig.Rig) (err error) {
		d.program, d.servers = program, servers
		d.exporter, err = program.Start(ctx, exporter.Config{DSNs: servers.DSNs(), Listen: d.Listen, Shared: true, Log: d.out})
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

func (d *demo) introduce(took time.Duration) {
	lab.Say(d.out, "Ready in %v. Metrics: http://%s/metrics", took.Round(100*time.Millisecond), d.address())
	for _, server := range d.servers.Servers.Servers() {
		lab.Say(d.out, "psql on %s: PGPASSFILE=%s psql -h %s -p %d -U postgres",
			server.Name, d.servers.Servers.Passfile(), server.Host, server.Port)
	}
	if !d.Load && !d.Pause {
		lab.Say(d.out, `To see lag: make run ARGS="--load", make run ARGS="--pause", or`+
			"\n  SELECT pg_wal_replay_pause();   -- on the replica, and pg_wal_replay_resume()")
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
	return everything.Wait()
}

// print passes on what the exporter's own `check --watch` says, with the time
// above each table.
func (d *demo) print(ctx context.Context) error {
	check := d.program.Command(ctx, d.servers.DSNs(), "check", "--watch", "--watch.interval="+d.Interval.String())
	// One pipe for both keeps the reasons behind their table.
	lines, said := io.Pipe()
	check.Stdout, check.Stderr = said, said
	wait, err := d.program.Launch(check)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() {
		ended <- wait()
		_ = said.Close() // It cannot fail.
	}()
	for text := bufio.NewScanner(lines); text.Scan() && ctx.Err() == nil; {
		if strings.HasPrefix(text.Text(), "NODE") {
			lab.Say(d.out, "\n%s", time.Now().Format(time.TimeOnly))
		}
		lab.Say(d.out, "%s", text.Text())
	}
	_ = lines.Close() // What is said at the end is not for the user.
	if err := <-ended; ctx.Err() == nil {
		return fmt.Errorf("check --watch ended: %w", err)
	}
	return nil
}
