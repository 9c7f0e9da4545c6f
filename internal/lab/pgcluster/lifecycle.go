//go:build unix

package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// StopMode is how a server is told to stop.
type StopMode syscall.Signal

const (
	// Fast ends the sessions and writes a shutdown checkpoint. A primary waits
	// until its replicas have received everything.
	Fast = StopMode(syscall.SIGINT)
	// Immediate drops everything; the next start recovers from a crash.
	Immediate = StopMode(syscall.SIGQUIT)
)

// startTimeout bounds a start whose context has no deadline.
const startTimeout = time.Minute

// errorTail is how much of the log an error of a start shows.
const errorTail = 3000

// Start starts the server and waits until it accepts connections.
func (s *Server) Start(ctx context.Context) error {
	if s.Running() {
		return fmt.Errorf("server %s runs already", s.Name)
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	p, err := s.launch()
	if err != nil {
		return fmt.Errorf("start server %s: %w", s.Name, err)
	}
	for !s.ready(p) {
		select {
		case <-p.Done:
			return fmt.Errorf("server %s did not start: %v; its log ends with:\n%s",
				s.Name, p.Cmd.ProcessState, s.LogTail(errorTail))
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("server %s does not accept connections: %w; its log ends with:\n%s",
				s.Name, ctx.Err(), s.LogTail(errorTail)), s.Kill())
		case <-time.After(pollInterval):
		}
	}
	return nil
}

func (s *Server) launch() (process, error) {
	s.cluster.mu.Lock()
	defer s.cluster.mu.Unlock()
	if s.cluster.closed {
		return process{}, errClosed
	}
	as := s.cluster.account
	log, err := os.OpenFile(s.LogFile(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return process{}, err
	}
	defer log.Close()
	// The server must not end with ctx, which is only that of the start.
	cmd := as.Command(context.Background(), s.dir(), s.cluster.installation.path("postgres"), "-D", s.DataDir)
	cmd.Env = append(cmd.Env, s.cluster.environment...)
	cmd.Stdout, cmd.Stderr = log, log
	p, err := startProcess(cmd, s.cluster.cleaner)
	if err != nil {
		return process{}, err
	}
	s.mu.Lock()
	s.running = p
	s.mu.Unlock()
	return p, nil
}

// The lines of postmaster.pid, counted from 0.
const (
	pidLine    = 0
	shmemLine  = 6 // key and id of the shared memory segment
	statusLine = 7
)

func (s *Server) pidFile() string { return filepath.Join(s.DataDir, "postmaster.pid") }

func (s *Server) pidFileLine(number int) string {
	content, err := os.ReadFile(s.pidFile())
	if err != nil {
		return ""
	}
	lines := strings.Split(string(content), "\n")
	if number >= len(lines) {
		return ""
	}
	return strings.TrimSpace(lines[number])
}

// ready reads what pg_ctl reads: the status that the postmaster notes down.
func (s *Server) ready(p process) bool {
	return s.pidFileLine(pidLine) == strconv.Itoa(p.pid()) && s.pidFileLine(statusLine) == "ready"
}

func (s *Server) process() process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running
}

// Running tells whether the postmaster exists, be it frozen or not yet ready.
func (s *Server) Running() bool { return s.process().Running() }

// Stop stops the server and waits until it has ended. A frozen one is thawed.
func (s *Server) Stop(ctx context.Context, mode StopMode) error {
	p := s.process()
	if !p.Running() {
		return nil
	}
	if err := p.signal(syscall.Signal(mode)); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	if err := p.thaw(); err != nil && !errors.Is(err, os.ErrProcessDone) && p.Running() {
		return err
	}
	select {
	case <-p.Done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("server %s does not stop: %w", s.Name, ctx.Err())
	}
}

// Restart stops the server in fast mode and starts it again.
func (s *Server) Restart(ctx context.Context) error {
	if err := s.Stop(ctx, Fast); err != nil {
		return err
	}
	return s.Start(ctx)
}

// Kill ends all processes of the server at once, like a power cut, and waits
// until they are gone. Start brings it up again.
func (s *Server) Kill() error {
	if p := s.process(); p.Running() {
		if err := p.kill(); err != nil {
			return fmt.Errorf("kill server %s: %w", s.Name, err)
		}
	}
	return s.removeRemains()
}

// removeRemains takes away what a power cut does too: the shared memory segment
// would stay in the kernel, and the pid in the file may soon be another
// process's. A server that ended by itself leaves neither.
func (s *Server) removeRemains() error {
	if key := strings.Fields(s.pidFileLine(shmemLine)); len(key) == 2 {
		id, err := strconv.Atoi(key[1])
		if err != nil {
			return fmt.Errorf("%s: %w", s.pidFile(), err)
		}
		_, err = unix.SysvShmCtl(id, unix.IPC_RMID, nil)
		if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EIDRM) {
			return fmt.Errorf("remove the shared memory of server %s: %w", s.Name, err)
		}
	}
	return ignoreNotExist(os.Remove(s.pidFile()))
}

// Freeze stops every process of the server where it is: its connections stay
// open and answer nothing, and new ones are accepted by the kernel alone.
func (s *Server) Freeze() error {
	p := s.process()
	if !p.Running() {
		return fmt.Errorf("server %s does not run", s.Name)
	}
	_, err := p.freeze()
	return err
}

// Thaw lets a frozen server go on.
func (s *Server) Thaw() error {
	p := s.process()
	if !p.Running() {
		return fmt.Errorf("server %s does not run", s.Name)
	}
	return p.thaw()
}

func ignoreNotExist(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
