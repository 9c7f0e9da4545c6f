//go:build unix

package exporter

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/procfs"
)

// Config is how an exporter is run.
type Config struct {
	// DSNs are the connection strings of the nodes, the primary first. None: the Args name a file.
	DSNs []string
	// Args are flags of `serve`, beside those below.
	Args []string
	// Listen is the address of the metrics; "" is a free port.
	Listen string
	// Moments makes it log the moments of its probes.
	Moments bool
	// Beats keeps those of all beats, and all visibility delays, for [Exporter.TakeTold].
	Beats bool
	// Shared lets scrapes that come close together share a probe, as the
	// exporter does by itself; a measurement wants one for each.
	Shared bool
	// Timeout is what a scrape says of itself; 0 is that of the default.
	Timeout time.Duration
	// Log gets its log, a line at a time; nil for none.
	Log io.Writer
}

// Exporter is `serve` in a process of its own.
type Exporter struct {
	// Address is its host and port.
	Address string

	timeout time.Duration
	origin  time.Time // of the moments
	command *exec.Cmd
	stop    context.CancelFunc
	ended   chan struct{} // closed when the process has ended
	log     io.Writer

	mu           sync.Mutex
	last         string        // line of the log
	reads        []Reads       // of the beat whose lines are being read
	notices      []Notice      // of that
	moments      []*Moments    // of the last probes
	told         told          // of all beats
	acknowledged time.Time     // of the last of them that was
	news         chan struct{} // closed with the next beat's moments
}

// Start starts the exporter and waits until it listens.
func (p *Program) Start(ctx context.Context, config Config) (*Exporter, error) {
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	level := "info"
	if config.Moments || config.Beats {
		level = "debug"
	}
	args := append([]string{
		"serve", "--log.format=logfmt", "--log.level=" + level,
		"--web.listen-address=" + cmp.Or(config.Listen, "127.0.0.1:0"),
	}, config.Args...)
	if !config.Shared {
		args = append(args, "--probe.min-interval=0s")
	}
	e := &Exporter{
		timeout: cmp.Or(config.Timeout, scrapeTimeout), origin: time.Now(), command: p.Command(running, config.DSNs, args...), stop: stop,
		ended: make(chan struct{}), log: config.Log, news: make(chan struct{}), told: told{wanted: config.Beats},
	}
	lines, err := e.command.StderrPipe()
	if err != nil {
		stop()
		return nil, err
	}
	wait, err := p.Launch(e.command)
	if err != nil {
		stop()
		return nil, err
	}
	listening := make(chan string, 1)
	go func() {
		defer close(e.ended)
		e.follow(lines, listening)
		_ = wait() // How it ended is in ProcessState.
	}()
	if err := e.waitListening(ctx, listening); err != nil {
		return nil, errors.Join(err, e.Stop())
	}
	return e, nil
}

func (e *Exporter) waitListening(ctx context.Context, listening <-chan string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case e.Address = <-listening:
		return nil
	case <-e.ended:
		return fmt.Errorf("the exporter ended: %s", e.lastLine())
	case <-ctx.Done():
		return fmt.Errorf("the exporter does not listen: %w", ctx.Err())
	}
}

// follow reads the log until its end, which is that of the process.
func (e *Exporter) follow(log io.Reader, listening chan<- string) {
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		e.read(lines.Text(), listening)
	}
}

// read takes from a line of the log what it tells.
func (e *Exporter) read(text string, listening chan<- string) {
	line := parseLine(text)
	if address, ok := line["address"]; ok && strings.Contains(text, `"Listening on"`) {
		select {
		case listening <- address:
		default: // A second address is not asked for.
		}
	}
	if e.log != nil {
		_, _ = fmt.Fprintln(e.log, text)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.last = text
	e.account(text, line)
}

func (e *Exporter) lastLine() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.last
}

// Ended is closed when the process has ended.
func (e *Exporter) Ended() <-chan struct{} { return e.ended }

// Stop tells the exporter to end and waits until it has. The error is its own.
func (e *Exporter) Stop() error {
	e.stop()
	<-e.ended
	if state := e.command.ProcessState; state == nil || !state.Success() {
		return fmt.Errorf("the exporter ended with %v: %s", state, e.lastLine())
	}
	return nil
}

// Usage is what a process has used so far.
type Usage struct {
	CPU      time.Duration
	Resident int // bytes
}

// Usage returns what the exporter's process has used so far.
func (e *Exporter) Usage() (Usage, error) {
	process, err := procfs.NewProc(e.command.Process.Pid)
	if err != nil {
		return Usage{}, err
	}
	stat, err := process.Stat()
	if err != nil {
		return Usage{}, err
	}
	return Usage{time.Duration(stat.CPUTime() * float64(time.Second)), stat.ResidentMemory()}, nil
}
