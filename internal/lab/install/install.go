//go:build unix

package install

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Ensure finds the tools named, and gets those that are missing: with the
// machine's package manager, or, where there is a way that installs nothing, in
// that way. No service is started. What it does it says in log, a line for each
// tool. Where packages may not be installed, the error has the one command to
// run; a tool that the tests can do without is then no error.
func Ensure(ctx context.Context, log io.Writer, names ...string) error {
	chosen, err := choose(names)
	if err != nil {
		return err
	}
	missing, err := lookFor(ctx, log, chosen)
	if err != nil || len(missing) == 0 {
		return err
	}
	p := planFor(missing, thisManager(), os.Geteuid() == 0)
	if err := p.carryOut(ctx, log); err != nil {
		return err
	}
	return p.accept(ctx, log, missing)
}

// lookFor returns the tools that are not there. One that the user names by its
// variable has to be: it is an error otherwise.
func lookFor(ctx context.Context, log io.Writer, wanted []tool) (missing []tool, err error) {
	for _, t := range wanted {
		where, err := t.find(ctx)
		switch {
		case err == nil:
			say(log, "%s: %s", t.what, where)
		case t.variable != "" && os.Getenv(t.variable) != "":
			return nil, err
		default:
			missing = append(missing, t)
		}
	}
	return missing, nil
}

// carryOut fetches what can be fetched, and installs what may be installed.
func (p plan) carryOut(ctx context.Context, log io.Writer) error {
	for _, t := range p.fetch {
		say(log, "%s: fetching, which installs nothing …", t.what)
		if err := t.fetch(ctx, log); err != nil {
			return err
		}
	}
	if len(p.install) == 0 || p.obstacle != "" {
		return nil
	}
	say(log, "Installing %s with %s, which may take minutes …", strings.Join(p.packages(), ", "), p.manager.program)
	start := time.Now()
	if err := p.runManager(ctx); err != nil {
		return err
	}
	say(log, "Installed in %.0f s.", time.Since(start).Seconds())
	return nil
}

// runManager runs the package manager. Its output is shown when it fails.
func (p plan) runManager(ctx context.Context) error {
	if p.manager.program == "apt-get" {
		restore, err := keepServicesDown()
		if err != nil {
			return err
		}
		defer restore()
	}
	for _, words := range p.commands() {
		command := exec.CommandContext(ctx, words[0], words[1:]...) //nolint:gosec // From the tables of managers and tools.
		command.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w; it said:\n%s", strings.Join(words, " "), err, out)
		}
	}
	return nil
}

// accept looks once more for what was missing, and decides whether the tests can
// do without what still is.
func (p plan) accept(ctx context.Context, log io.Writer, missing []tool) error {
	var absent, waived []string
	var reasons []error
	for _, t := range missing {
		where, err := t.find(ctx)
		switch {
		case err == nil:
			say(log, "%s: %s", t.what, where)
		case t.without != "":
			waived = append(waived, fmt.Sprintf("%s: missing, so %s%s.", t.what, t.without, p.advice()))
		default:
			absent = append(absent, t.what)
			reasons = append(reasons, err)
		}
	}
	if len(absent) == 0 && len(waived) > 0 {
		say(log, "%s", strings.Join(waived, "\n"))
	}
	if len(absent) > 0 && p.obstacle != "" {
		return fmt.Errorf("missing: %s, and %s; %s", strings.Join(absent, ", "), p.obstacle, p.remedy)
	}
	return errors.Join(reasons...)
}

// advice says how to have a tool that is done without.
func (p plan) advice() string {
	if p.remedy == "" {
		return ""
	}
	return "; to have it, " + p.remedy
}

// say prints a line for the user; there is nothing to do when that fails.
func say(log io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(log, format+"\n", args...) }
