//go:build unix

package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// StopMode is how a server is asked to stop.
type StopMode syscall.Signal

// The modes of pg_ctl stop.
const (
	// Fast disconnects the clients and writes a checkpoint.
	Fast = StopMode(syscall.SIGINT)
	// Immediate leaves the rest to recovery at the next start.
	Immediate = StopMode(syscall.SIGQUIT)
)

// process is a postmaster that was started.
type process struct {
	command *exec.Cmd
	exited  chan struct{}
	frozen  []int
}

// startProcess starts a program as the account, with its output appended to a file.
func startProcess(as *account, name, log string, args ...string) (*process, error) {
	output, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer output.Close() //nolint:errcheck // The program has its own descriptor.
	p := &process{command: as.command(name, args...), exited: make(chan struct{})}
	p.command.Stdout, p.command.Stderr = output, output
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.command.Wait() // How it ended is in its log.
		close(p.exited)
	}()
	return p, nil
}

func (p *process) signal(s syscall.Signal) error {
	if err := p.command.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// Stop stops the server and waits until it is gone.
func (s *Server) Stop(ctx context.Context, mode StopMode) error {
	if s.process == nil {
		return nil
	}
	if err := s.process.signal(syscall.Signal(mode)); err != nil {
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	select {
	case <-s.process.exited:
		s.process = nil
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s does not stop: %w", s.Name, ctx.Err())
	}
}

// Kill ends the server and all its processes at once, as a power cut would.
func (s *Server) Kill() error {
	if s.process == nil {
		return nil
	}
	// A stopped postmaster starts no more children while we count them.
	pids, err := s.stopTree()
	if err != nil {
		return err
	}
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL) // It may have ended by itself.
	}
	<-s.process.exited
	s.process = nil
	// The next start fails while a child still holds the shared memory.
	for _, pid := range pids {
		for syscall.Kill(pid, 0) == nil {
			time.Sleep(time.Millisecond)
		}
	}
	return nil
}

// Freeze stops the server and all its processes without ending them: its
// connections stay open, and nothing answers.
func (s *Server) Freeze() error {
	if s.process == nil {
		return fmt.Errorf("%s is not running", s.Name)
	}
	pids, err := s.stopTree()
	s.process.frozen = pids
	return err
}

// Thaw lets a frozen server go on.
func (s *Server) Thaw() error {
	if s.process == nil {
		return nil
	}
	for _, pid := range s.process.frozen {
		_ = syscall.Kill(pid, syscall.SIGCONT) // It may have ended by itself.
	}
	s.process.frozen = nil
	return nil
}

// stopTree sends SIGSTOP to the postmaster and its children and returns them
// all, the postmaster last.
func (s *Server) stopTree() ([]int, error) {
	postmaster := s.process.command.Process.Pid
	if err := s.process.signal(syscall.SIGSTOP); err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	children, err := childrenOf(postmaster)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	for _, pid := range children {
		_ = syscall.Kill(pid, syscall.SIGSTOP) // It may have ended by itself.
	}
	return append(children, postmaster), nil
}
