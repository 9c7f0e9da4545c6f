//go:build unix

// Command pg_canary_lab is the laboratory: what shows, measures and tries the
// exporter on servers of its own. Exit status: 0 all is well, 1 what was
// measured is wrong, 2 it could not be done, 130 it was interrupted before its end.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
)

const name = "pg_canary_lab"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	status := exitStatus(ctx, err, os.Stderr)
	stop()
	os.Exit(status)
}

// run parses the arguments and runs the command that they name.
func run(ctx context.Context, args []string, out io.Writer) error {
	app, commands := newApplication()
	chosen, err := app.Parse(args)
	if err != nil {
		return fmt.Errorf("%w (see %s --help)", err, name)
	}
	return commands[chosen](ctx, out)
}

// exitStatus prints an error, once, and returns the status that goes with it.
func exitStatus(ctx context.Context, err error, stderr io.Writer) int {
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		lab.Say(stderr, "%s: interrupted", name)
		return 130
	}
	lab.Say(stderr, "%s: %v", name, err)
	if errors.Is(err, lab.ErrUntrue) {
		return 1
	}
	return 2
}
