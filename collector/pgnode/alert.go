package pgnode

import (
	"crypto/tls"
	"errors"
	"net"
)

// alertedConn is an encrypted connection that tells why the server hung up on its first
// message. With TLS 1.3 a server looks at the client's certificate when the client takes
// the handshake for done: its alert lies unread beside a write that fails.
type alertedConn struct {
	*tls.Conn
	spoken bool
}

// withAlerts returns a connection as it is, or one that tells why it was hung up.
func withAlerts(conn net.Conn) net.Conn {
	if encrypted, ok := conn.(*tls.Conn); ok {
		return &alertedConn{Conn: encrypted}
	}
	return conn
}

// Write writes, and returns the alert in place of the error that came of it.
func (c *alertedConn) Write(b []byte) (int, error) {
	first := !c.spoken
	c.spoken = true
	n, err := c.Conn.Write(b)
	var opErr *net.OpError
	if !first || !errors.As(err, &opErr) || opErr.Timeout() {
		return n, err
	}
	// Nothing but an alert comes before the first message.
	var alert *net.OpError
	if _, why := c.Read(make([]byte, 1)); errors.As(why, &alert) && alert.Op == remoteAlert {
		return n, why
	}
	return n, err
}
