//go:build unix

// Command pg_canary_demo shows the exporter at work on a machine without Docker: it
// starts a primary and replicas of its own, serves their metrics, prints what
// every probe sees, and, when asked to, makes the replicas lag. It leaves
// nothing behind.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
	"github.com/pg-canary/pg_canary_exporter/internal/server"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "pg_canary_demo:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	listen      string
	replicas    int
	load, pause bool
	interval    time.Duration
	installOnly bool
}

func parse(args []string) (*options, error) {
	o := &options{}
	app := kingpin.New("pg_canary_demo", "Runs the exporter on a primary and replicas of its own, which it starts and removes.")
	app.HelpFlag.Short('h')
	app.Flag("listen", "Address of the metrics.").Default(server.DefaultAddress).StringVar(&o.listen)
	app.Flag("replicas", "How many replicas.").Default("1").IntVar(&o.replicas)
	app.Flag("load", "Write heavily, so that the replicas lag (with pgbench where it is installed).").BoolVar(&o.load)
	app.Flag("pause", "Pause the replay of the last replica now and then.").BoolVar(&o.pause)
	app.Flag("interval", "How often to print what a probe sees.").Default("3s").DurationVar(&o.interval)
	app.Flag("install-only", "Find PostgreSQL's server, install it where it is missing, and end.").BoolVar(&o.installOnly)
	if _, err := app.Parse(args); err != nil {
		return nil, fmt.Errorf("%w (see pg_canary_demo --help)", err)
	}
	if o.replicas < 1 || o.replicas > 8 {
		return nil, fmt.Errorf("--replicas=%d: give 1 to 8", o.replicas)
	}
	if o.interval <= 0 {
		return nil, fmt.Errorf("--interval=%v: give a time above 0", o.interval)
	}
	return o, nil
}

func run(ctx context.Context, args []string, out io.Writer) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	installation, err := findOrInstall(ctx, out)
	if err != nil {
		return err
	}
	say(out, "PostgreSQL %s in %s", installation.Version, installation.BinDir)
	if o.installOnly {
		return nil
	}
	d := &demo{options: o, out: out, installation: installation}
	return d.run(ctx)
}

// findOrInstall finds PostgreSQL's server, if need be after installing it.
func findOrInstall(ctx context.Context, out io.Writer) (pgcluster.Installation, error) {
	installation, err := pgcluster.Find("")
	if err == nil || os.Getenv("PG_CANARY_PG_BIN") != "" {
		return installation, err
	}
	say(out, "%v", err)
	say(out, "Installing PostgreSQL's server from the distribution's packages …")
	if err := pgcluster.Install(ctx, out); err != nil {
		return installation, err
	}
	return pgcluster.Find("")
}

// say prints a line for the user; there is nothing to do when that fails.
func say(out io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(out, format+"\n", args...) }
