//go:build unix

package reaper

import (
	"fmt"
	"os/exec"
)

// Process is a child of this process. Its methods but Running want one that is not nil.
type Process struct {
	Cmd *exec.Cmd
	// Done is closed when it has ended and was waited for.
	Done chan struct{}
}

// Run starts a command that the reaper ends should this process die. Where the reaper itself is gone the
// error says so, and the process, which runs, is to be ended.
func (r *Reaper) Run(cmd *exec.Cmd) (*Process, error) {
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &Process{cmd, make(chan struct{})}
	watched := r.Started(cmd.Process.Pid)
	go func() {
		// How it ended is in cmd.ProcessState; a reaper that is gone needs no news.
		_ = cmd.Wait()
		_ = r.Ended(cmd.Process.Pid)
		close(p.Done)
	}()
	if watched != nil {
		return p, fmt.Errorf("the process that cleans up is gone: %w", watched)
	}
	return p, nil
}

// Running says whether it has not ended; false of nil.
func (p *Process) Running() bool {
	if p == nil {
		return false
	}
	select {
	case <-p.Done:
		return false
	default:
		return true
	}
}
