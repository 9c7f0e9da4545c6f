//go:build unix && !linux

package pgcluster

import (
	"bufio"
	"bytes"
	"fmt"
	"os/exec"
	"syscall"
)

// dieWithParent does nothing where the kernel has no such signal.
func dieWithParent(*syscall.SysProcAttr) {}

// childrenOf returns the processes whose parent is pid.
func childrenOf(pid int) ([]int, error) {
	output, err := exec.Command("ps", "-A", "-o", "pid=,ppid=").Output()
	if err != nil {
		return nil, fmt.Errorf("ps: %w", err)
	}
	var children []int
	for lines := bufio.NewScanner(bytes.NewReader(output)); lines.Scan(); {
		var child, parent int
		if _, err := fmt.Sscan(lines.Text(), &child, &parent); err == nil && parent == pid {
			children = append(children, child)
		}
	}
	return children, nil
}
