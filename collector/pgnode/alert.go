package pgnode

import (
	"errors"
	"net"
	"sync/atomic"
)

// openingConn is the network's connection of an attempt. While that lasts, a write that
// fails because the other end has hung up seems to succeed, so that the driver reads why.
// With TLS 1.3 a server looks at the client's certificate when the client takes the
// handshake for done: its alert lies unread beside the first message, which it does not
// take any more. TLS runs over this connection, and not the other way round, because the
// driver has to see its own *tls.Conn to bind SCRAM to the channel.
type openingConn struct {
	net.Conn
	opened atomic.Bool
}

// NetConn returns the connection beneath, as that of *tls.Conn does.
func (c *openingConn) NetConn() net.Conn { return c.Conn }

// Write writes.
func (c *openingConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	var opErr *net.OpError
	if c.opened.Load() || !errors.As(err, &opErr) || opErr.Timeout() {
		return n, err
	}
	return len(b), nil
}
