//go:build unix

// Package drills puts the command drill through failovers in a row, on servers to throw away,
// and holds its reports against what the tables of the servers say and against what a writer of
// its own saw.
package drills

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"syscall"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/exporter"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
)

// Options are how often, and in which order.
type Options struct {
	// Drills is how many are made.
	Drills int
	// Seed decides which standby is promoted, and the order of the changes; 0 is a new one.
	Seed uint64
}

// onThree are the servers. pg_rewind needs what hints change in the WAL.
var onThree = rig.Options{Replicas: 2, Settings: map[string]string{"wal_log_hints": "on", "max_standby_archive_delay": "-1"}}

// patience is what a drill may take: the machine may be busy.
const patience = 3 * time.Minute

// Run makes the drills. It returns [lab.ErrUntrue] when one reports something that is wrong.
func Run(ctx context.Context, o Options, out io.Writer) error {
	if o.Seed == 0 {
		o.Seed = rand.Uint64() //nolint:gosec // It need not be a secret.
	}
	lab.Say(out, "%d drills, seed %d", o.Drills, o.Seed)
	return exporter.OnServers(ctx, onThree, func(program *exporter.Program, servers *rig.Rig) error {
		c := &cluster{rig: servers, random: rand.New(rand.NewPCG(o.Seed, 5))} //nolint:gosec // A seed makes it repeatable.
		if err := servers.Primary.Exec(ctx, observedSQL); err != nil {
			return err
		}
		untrue := error(nil)
		changes := c.changes()
		for number := range o.Drills {
			if number%len(changes) == 0 {
				c.random.Shuffle(len(changes), func(i, j int) { changes[i], changes[j] = changes[j], changes[i] })
			}
			err := one(ctx, program, c, changes[number%len(changes)], func(format string, args ...any) {
				lab.Say(out, "%3d  %s", number+1, fmt.Sprintf(format, args...))
			})
			if err != nil && !errors.Is(err, lab.ErrUntrue) {
				return err
			}
			untrue = errors.Join(untrue, err)
		}
		return untrue
	})
}

// one makes a drill through a change of primaries.
func one(ctx context.Context, program *exporter.Program, c *cluster, what change, say func(string, ...any)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	watched := watch(ctx, c.rig.Servers.Servers())
	defer watched.stop()
	running, err := start(ctx, program, c)
	if err != nil {
		return err
	}
	truth, err := what.make(ctx)
	if err == nil {
		err = c.settle(ctx)
	}
	report, ended := running.end()
	if err := errors.Join(err, ended); err != nil {
		return fmt.Errorf("%s: %w", what.kind, err)
	}
	if truth.follows, err = c.follows(ctx, truth.to, report); err != nil {
		return fmt.Errorf("%s: %w", what.kind, err)
	}
	watched.stop()
	truth.gap = findGap(watched.attempts())
	wrong := judge(truth, report)
	say("%s", summary(what.kind, truth, report))
	for _, text := range wrong {
		say("WRONG: %s", text)
	}
	if len(wrong) > 0 {
		say("it said:\n%sand reported:\n%s", report.live, report.text)
		return lab.ErrUntrue
	}
	return nil
}

// drilling is the command that runs.
type drilling struct {
	wait func() error
	stop func() error
	out  *os.File
	live *bytes.Buffer // once it has ended
}

// start starts the command and waits until it beats.
func start(ctx context.Context, program *exporter.Program, c *cluster) (*drilling, error) {
	dsns, args := []string(nil), []string{"drill", "--output=json"}
	for i, server := range c.rig.Servers.Servers() {
		dsns = append(dsns, c.rig.DSN(server))
		flag := "--replica.name="
		if i == 0 {
			flag = "--primary.name="
		}
		args = append(args, flag+server.Name)
	}
	command := program.Command(ctx, dsns, args...)
	out, err := os.CreateTemp("", "drill-")
	if err != nil {
		return nil, err
	}
	live := &bytes.Buffer{}
	command.Stdout, command.Stderr = out, live
	wait, err := program.Launch(command)
	if err != nil {
		return nil, errors.Join(err, out.Close(), os.Remove(out.Name()))
	}
	d := &drilling{wait: wait, out: out, live: live, stop: func() error { return command.Process.Signal(syscall.SIGINT) }}
	if err := c.advance(ctx, c.rig.Servers.Primary()); err != nil {
		_, ended := d.end()
		return nil, errors.Join(err, ended)
	}
	return d, nil
}

// end interrupts the command, and returns its report.
func (d *drilling) end() (*report, error) {
	defer os.Remove(d.out.Name()) //nolint:errcheck // It is a temporary file.
	defer d.out.Close()           //nolint:errcheck // It is only read from.
	if err := errors.Join(d.stop(), d.wait()); err != nil {
		return nil, fmt.Errorf("the drill ended with %w:\n%s", err, d.live)
	}
	r, err := readReport(d.out.Name())
	if err == nil {
		r.live = d.live.String()
	}
	return r, err
}
