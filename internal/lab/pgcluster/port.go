//go:build unix

package pgcluster

import (
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"strconv"
)

// ClaimPort picks a TCP port for a server, from below the ports that the system
// gives to outgoing connections: one of those could take it while the server is
// down. Its claim is the UDP port of the same number, which nobody else claims
// until it is closed: another cluster, of this process or of another one, cannot
// pick the port before the server listens, or while it is stopped.
func ClaimPort() (port int, claim net.PacketConn, err error) {
	const first, last, tries = 15000, 32000, 100
	var lastErr error
	for range tries {
		port := first + mathrand.IntN(last-first)
		if claim, lastErr = claimThis(port); lastErr == nil {
			return port, claim, nil
		}
	}
	return 0, nil, fmt.Errorf("no free port between %d and %d: %w", first, last, lastErr)
}

func claimThis(port int) (net.PacketConn, error) {
	address := net.JoinHostPort(Host, strconv.Itoa(port))
	claim, err := net.ListenPacket("udp", address)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, errors.Join(err, claim.Close())
	}
	return claim, listener.Close()
}
