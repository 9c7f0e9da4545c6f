//go:build unix

package fleet

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

// process is a program that serves HTTP.
type process struct {
	address string // its host and port
	pid     int
	end     context.CancelFunc
	ended   chan error
}

// listening is in the line with which a program of Prometheus's says where it listens.
var listening = regexp.MustCompile(`msg="Listening on" address=(127\.0\.0\.1:\d+)`)

// startProcess starts a program that listens on a free port, and waits until it does.
func startProcess(ctx context.Context, program *exporter.Program, path string, args ...string) (*process, error) {
	running, end := context.WithCancel(context.WithoutCancel(ctx))
	command := exec.CommandContext(running, path, append(args, "--web.listen-address=127.0.0.1:0")...) //nolint:gosec // The laboratory's choice.
	command.Env = []string{}
	lines, err := command.StderrPipe()
	if err != nil {
		end()
		return nil, err
	}
	wait, err := program.Launch(command)
	if err != nil {
		end()
		return nil, err
	}
	p := &process{pid: command.Process.Pid, end: end, ended: make(chan error, 1)}
	listens := make(chan string, 1)
	go func() {
		last := follow(lines, listens)
		if err := wait(); err != nil && running.Err() == nil {
			p.ended <- fmt.Errorf("%s ended: %w: %s", path, err, last)
		}
		close(p.ended)
	}()
	if err := p.await(ctx, listens); err != nil {
		return nil, errors.Join(err, p.stop())
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

func (p *process) await(ctx context.Context, listens <-chan string) error {
	select {
	case p.address = <-listens:
		return nil
	case err := <-p.ended:
		return err
	case <-time.After(patience):
		return errors.New("a program does not listen")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stop ends it and waits until it has ended.
func (p *process) stop() error {
	p.end()
	return <-p.ended
}

func (p *process) usage() (exporter.Usage, error) { return exporter.UsageOf(p.pid) }
