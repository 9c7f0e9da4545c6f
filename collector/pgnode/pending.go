//go:build linux || darwin || freebsd || netbsd || openbsd

package pgnode

import (
	"errors"
	"net"
	"syscall"
)

// hasPending says whether something has arrived on a connection that nobody has read, be
// it its end, without waiting and without taking it. Where that cannot be told it is true.
func hasPending(conn net.Conn) bool {
	for {
		upon, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		conn = upon.NetConn()
	}
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return true
	}
	pending := true
	err = raw.Control(func(fd uintptr) {
		var one [1]byte
		_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT) //nolint:gosec // A descriptor is an int.
		pending = !errors.Is(err, syscall.EAGAIN)
	})
	return pending || err != nil
}
