//go:build unix

package pgcluster

import (
	"fmt"
	"io"
	"os/exec"
	"syscall"
)

// reaperScript keeps a list of running postmasters: "+ PID" and "- PID" on its
// standard input, a pipe whose other end this process holds. At the end of the
// input it ends those servers and removes the directory $1. A stopped
// postmaster is woken so that it takes the signal; it then kills its stopped
// children by itself after five seconds.
const reaperScript = `
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
	kill -QUIT "$pid" && kill -CONT "$pid"
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

// reaper is a small shell process that cleans up when this one dies, in
// whatever way: by a panic, os.Exit, a signal that cannot be caught.
type reaper struct {
	cmd  *exec.Cmd
	pipe io.WriteCloser // must stay reachable: the garbage collector would close it
}

func startReaper(dir string) (*reaper, error) {
	cmd := exec.Command("/bin/sh", "-c", reaperScript, "sh", dir)
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
	return &reaper{cmd, pipe}, nil
}

// started and ended tell it which postmasters run.
func (r *reaper) started(pid int) error {
	_, err := fmt.Fprintf(r.pipe, "+ %d\n", pid)
	return err
}

func (r *reaper) ended(pid int) error {
	_, err := fmt.Fprintf(r.pipe, "- %d\n", pid)
	return err
}

// finish lets it clean up now and waits until it is gone.
func (r *reaper) finish() error {
	if err := r.pipe.Close(); err != nil {
		return err
	}
	return r.cmd.Wait()
}
