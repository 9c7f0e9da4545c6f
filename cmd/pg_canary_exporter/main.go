// Command pg_canary_exporter publishes what a canary write shows of the
// replication of a PostgreSQL cluster. This package wires it up: flags, logger,
// HTTP and commands.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/prometheus/common/version"
)

// A build that was not stamped, as by `go run`, has no version.
func init() { version.Version = cmp.Or(version.Version, "development") }

func main() {
	err := run(untilSignal(), os.Args[1:], os.Stdout, os.Stderr)
	os.Exit(exitStatus(err, os.Stderr))
}

// untilSignal returns a context that the first signal to end cancels. The second
// one ends the program at once, also when it follows on the cancellation's heels:
// signal.NotifyContext would still catch that one.
func untilSignal() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		signal.Stop(signals)
		cancel()
	}()
	return ctx
}

// run parses the arguments and runs the command that they name.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o := newOptions()
	command, err := o.app.Parse(args)
	if err != nil {
		return fmt.Errorf("%w (see pg_canary_exporter --help)", withoutSecrets(err, args))
	}
	logger := o.logger(stderr)
	switch command {
	case "check":
		return check(ctx, o, stdout, stderr)
	case "setup":
		return setup(ctx, o, stdout, logger)
	case "drill":
		return runDrill(ctx, o, stdout, stderr)
	case "config check":
		return configCheck(ctx, o.configCheck, stdout, stderr)
	case "healthy":
		return healthy(ctx, o)
	default:
		return serve(ctx, o, logger)
	}
}

// statusError ends the program with a status of its own. Its error may be nil.
type statusError struct {
	status int
	err    error
}

func (e *statusError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *statusError) Unwrap() error { return e.err }

// exitStatus prints an error, once, and returns the status that goes with it: 2
// unless the error has another.
func exitStatus(err error, stderr io.Writer) int {
	if err == nil {
		return 0
	}
	if text := err.Error(); text != "" {
		_, _ = fmt.Fprintln(stderr, "pg_canary_exporter: "+text)
	}
	var withStatus *statusError
	if errors.As(err, &withStatus) {
		return withStatus.status
	}
	return 2
}
