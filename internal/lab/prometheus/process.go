//go:build unix

// Package prometheus runs a real Prometheus, and other programs that serve HTTP as it does.
package prometheus

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/exporter"
)

// patience is how long a program may take for what it does at once.
const patience = time.Minute

// Launcher starts commands that end with this process, in whatever way that ends.
type Launcher interface {
	Launch(command *exec.Cmd) (wait func() error, err error)
}

// Process is a program that serves HTTP.
type Process struct {
	// Address is its host and port.
	Address string

	pid   int
	end   context.CancelFunc
	ended chan error
}

// listening is in the line with which a program of Prometheus's says where it listens.
var listening = regexp.MustCompile(`msg="Listening on"(?: \S+=\S+)* address=(127\.0\.0\.1:\d+)`)

// StartProcess starts a program that listens on a free port, and waits until it does.
func StartProcess(ctx context.Context, launcher Launcher, path string, args ...string) (*Process, error) {
	running, end := context.WithCancel(context.WithoutCancel(ctx))
	command := exec.CommandContext(running, path, append(args, "--web.listen-address=127.0.0.1:0")...) //nolint:gosec // The laboratory's choice.
	command.Env = []string{}
	lines, err := command.StderrPipe()
	if err != nil {
		end()
		return nil, err
	}
	wait, err := launcher.Launch(command)
	if err != nil {
		end()
		return nil, err
	}
	p := &Process{pid: command.Process.Pid, end: end, ended: make(chan error, 1)}
	listens := make(chan string, 1)
	go func() {
		last := follow(lines, listens)
		if err := wait(); err != nil && running.Err() == nil {
			p.ended <- fmt.Errorf("%s ended: %w: %s", path, err, last)
		}
		close(p.ended)
	}()
	if err := p.await(ctx, listens); err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	return p, nil
}

// follow reads a log to its end, tells where the program listens, and returns the last line.
func follow(log io.Reader, listens chan<- string) (last string) {
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		last = lines.Text()
		if found := listening.FindStringSubmatch(last); found != nil {
			select {
			case listens <- found[1]:
			default: // A second address is not asked for.
			}
		}
	}
	return last
}

func (p *Process) await(ctx context.Context, listens <-chan string) error {
	select {
	case p.Address = <-listens:
		return nil
	case err := <-p.ended:
		return err
	case <-time.After(patience):
		return errors.New("a program does not listen")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Stop ends it and waits until it has ended.
func (p *Process) Stop() error {
	p.end()
	return <-p.ended
}

// Usage is what the program has used so far.
func (p *Process) Usage() (exporter.Usage, error) { return exporter.UsageOf(p.pid) }
