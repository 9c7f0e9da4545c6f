//go:build unix

// Package reaper ends processes and removes their directory when the process
// that started them is gone.
package reaper

import (
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"syscall"
)

// script keeps a list of running processes: "+ PID" and "- PID" on its
// standard input, a pipe whose other end this process holds. At the end of the
// input it ends them by the signal $2 and removes the directory $1. A stopped
// postmaster is woken so that it takes the signal; it then kills its stopped children
// by itself after five seconds.
const script = `
running=
while read -r change pid; do
	others=
	for each in $running; do
		[ "$each" = "$pid" ] || others="$others $each"
	done
	running=$others
	[ "$change" = - ] || running="$running $pid"
done
for pid in $running; do
	kill -"$2" "$pid" && kill -CONT "$pid"
done
tries=0
for pid in $running; do
	while kill -0 "$pid" && [ $tries -lt 150 ]; do
		tries=$((tries + 1))
		sleep 0.1
	done
done
rm -rf -- "$1"
`

// Reaper is a small shell process that cleans up when this one dies, in
// whatever way: by a panic, os.Exit, a signal that cannot be caught.
type Reaper struct {
	cmd  *exec.Cmd
	pipe io.WriteCloser // must stay reachable: the garbage collector would close it
}

// Start starts a reaper of a directory, which ends processes by a signal. It waits for
// Finish, or for the end of this process.
func Start(dir string, signal syscall.Signal) (*Reaper, error) {
	cmd := exec.Command("/bin/sh", "-c", script, "sh", dir, strconv.Itoa(int(signal)))
	cmd.Dir = "/"
	// Its own session: what kills our process group must not kill it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the process that cleans up: %w", err)
	}
	return &Reaper{cmd, pipe}, nil
}

// Started tells it of a process that has to be ended.
func (r *Reaper) Started(pid int) error {
	_, err := fmt.Fprintf(r.pipe, "+ %d\n", pid)
	return err
}

// Ended tells it of a process that has ended.
func (r *Reaper) Ended(pid int) error {
	_, err := fmt.Fprintf(r.pipe, "- %d\n", pid)
	return err
}

// Finish lets it clean up now and waits until it is gone.
func (r *Reaper) Finish() error {
	if err := r.pipe.Close(); err != nil {
		return err
	}
	return r.cmd.Wait()
}
