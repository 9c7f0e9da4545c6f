//go:build unix

package pgcluster

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	gops "github.com/shirou/gopsutil/v4/process"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/reaper"
)

// process is a postmaster, a child of ours; the zero value is none. Its own children are PostgreSQL's
// backends; each of them leads a session, so no signal to a group reaches them.
type process struct{ *reaper.Process }

// startProcess starts a postmaster that cleaner ends should this process die.
func startProcess(cmd *exec.Cmd, cleaner *reaper.Reaper) (process, error) {
	started, err := cleaner.Run(cmd)
	if err != nil && started != nil {
		err = errors.Join(err, process{started}.kill())
	}
	return process{started}, err
}

func (p process) pid() int { return p.Cmd.Process.Pid }

func (p process) signal(sig syscall.Signal) error { return p.Cmd.Process.Signal(sig) }

// freeze stops the process and everything below it and returns all their ids,
// the process's own first. None can fork any more when it returns.
func (p process) freeze() ([]int, error) {
	if err := p.signal(syscall.SIGSTOP); err != nil {
		return nil, err
	}
	return freezeBelow(p.pid())
}

// freezeBelow goes on with what is below a process that was told to stop.
func freezeBelow(pid int) ([]int, error) {
	tree := []int{pid}
	if err := awaitStates(tree, stopped); err != nil {
		return tree, err
	}
	known := map[int]bool{pid: true}
	for {
		all, err := descendants(pid)
		if err != nil {
			return tree, err
		}
		var found []int
		for _, each := range all {
			if !known[each] {
				known[each] = true
				found = append(found, each)
			}
		}
		if len(found) == 0 {
			return tree, nil
		}
		if err := signalAll(found, syscall.SIGSTOP); err != nil {
			return tree, err
		}
		if err := awaitStates(found, stopped); err != nil {
			return tree, err
		}
		tree = append(tree, found...)
	}
}

// thaw lets the process and everything below it go on.
func (p process) thaw() error {
	children, err := descendants(p.pid())
	if err != nil {
		return err
	}
	return errors.Join(signalAll(children, syscall.SIGCONT), p.signal(syscall.SIGCONT))
}

// kill ends the process and everything below it at once, with none of them
// able to react to the end of another, and waits until all are gone.
func (p process) kill() error {
	tree, err := p.freeze()
	if errors.Is(err, os.ErrProcessDone) {
		<-p.Done
		return nil
	}
	if err != nil && !p.Running() {
		return nil
	}
	if len(tree) == 0 {
		return err
	}
	if err := signalAll(tree, syscall.SIGKILL); err != nil {
		return err
	}
	<-p.Done
	return awaitStates(tree[1:], gone)
}

// KillTree ends a process that another one started, such as a postmaster of Patroni's,
// and everything below it at once, and waits until all are gone.
func KillTree(pid int) error {
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		if errors.Is(err, syscall.ESRCH) {
			return nil
		}
		return fmt.Errorf("signal process %d: %w", pid, err)
	}
	tree, err := freezeBelow(pid)
	return errors.Join(err, signalAll(tree, syscall.SIGKILL), awaitStates(tree, gone))
}

// signalAll leaves out those that are gone already.
func signalAll(pids []int, sig syscall.Signal) error {
	var errs []error
	for _, pid := range pids {
		if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
			errs = append(errs, fmt.Errorf("signal process %d: %w", pid, err))
		}
	}
	return errors.Join(errs...)
}

// descendants returns the ids of all processes below pid.
func descendants(pid int) ([]int, error) {
	pids, err := gops.Pids()
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	children := map[int][]int{}
	for _, each := range pids {
		parent, err := (&gops.Process{Pid: each}).Ppid()
		if err != nil {
			continue // it ended meanwhile
		}
		children[int(parent)] = append(children[int(parent)], int(each))
	}
	var below []int
	for queue := children[pid]; len(queue) > 0; queue = queue[1:] {
		below = append(below, queue[0])
		queue = append(queue, children[queue[0]]...)
	}
	return below, nil
}

const (
	signalTimeout = 10 * time.Second
	pollInterval  = 2 * time.Millisecond
)

func gone(state string) bool    { return state == "" || state == gops.Zombie }
func stopped(state string) bool { return gone(state) || state == gops.Stop }

// awaitStates waits until every process is in a wanted state; "" is that of a
// process that does not exist. A signal takes effect some time after kill(2).
func awaitStates(pids []int, wanted func(state string) bool) error {
	deadline := time.Now().Add(signalTimeout)
	for _, pid := range pids {
		for !wanted(state(pid)) {
			if time.Now().After(deadline) {
				return fmt.Errorf("process %d takes no signal: it is in state %q", pid, state(pid))
			}
			time.Sleep(pollInterval)
		}
	}
	return nil
}

func state(pid int) string {
	states, err := (&gops.Process{Pid: int32(pid)}).Status()
	if err != nil || len(states) == 0 {
		return ""
	}
	return states[0]
}
