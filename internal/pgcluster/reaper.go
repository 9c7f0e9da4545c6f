//go:build unix

package pgcluster

import (
	"fmt"
	"io"
	"os/exec"
	"syscall"
)

// reaperScript waits for the end of its standard input, a pipe whose other end
// this process holds, and then ends the servers below the directory $1 and
// removes it. A stopped postmaster is woken so that it takes the signal; it
// then kills its stopped children by itself after five seconds.
const reaperScript = `
while read -r _; do :; done
for file in "$1"/*/data/postmaster.pid; do
	[ -f "$file" ] || continue
	read -r pid < "$file" || continue
	kill -QUIT "$pid" && kill -CONT "$pid"
done
tries=0
while [ $tries -lt 150 ]; do
	set -- "$1" "$1"/*/data/postmaster.pid
	[ -f "$2" ] || break
	tries=$((tries + 1))
	sleep 0.1
done
rm -rf -- "$1"
`

// reaper is a small shell process that cleans up when this one dies, in
// whatever way: by a panic, os.Exit, a signal that cannot be caught.
type reaper struct {
	cmd  *exec.Cmd
	pipe io.Closer // must stay reachable: the garbage collector would close it
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

// finish lets it clean up now and waits until it is gone.
func (r *reaper) finish() error {
	if err := r.pipe.Close(); err != nil {
		return err
	}
	return r.cmd.Wait()
}
