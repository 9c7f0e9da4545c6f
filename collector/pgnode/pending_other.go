//go:build !(linux || darwin || freebsd || netbsd || openbsd)

package pgnode

import "net"

// hasPending would say whether something has arrived on a connection.
func hasPending(net.Conn) bool { return true }
