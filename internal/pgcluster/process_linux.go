package pgcluster

import (
	"syscall"

	"github.com/prometheus/procfs"
)

// dieWithParent makes a server stop at once when our process is killed.
func dieWithParent(attributes *syscall.SysProcAttr) { attributes.Pdeathsig = syscall.SIGQUIT }

// childrenOf returns the processes whose parent is pid.
func childrenOf(pid int) ([]int, error) {
	all, err := procfs.AllProcs()
	if err != nil {
		return nil, err
	}
	var children []int
	for _, process := range all {
		// A process that ended meanwhile is nobody's child.
		if stat, err := process.Stat(); err == nil && stat.PPID == pid {
			children = append(children, process.PID)
		}
	}
	return children, nil
}
