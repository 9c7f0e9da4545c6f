package pgnode

import "crypto/tls"

// phase is how far an attempt to connect came.
type phase int

const (
	unconnected phase = iota // no connection of the network
	securing                 // that, and no TLS yet where there is to be TLS
	talking                  // PostgreSQL's protocol
)

// encryption is whether a connection was encrypted.
type encryption int

const (
	unknownEncryption encryption = iota // It never came so far, or is a socket of this host.
	withoutEncryption
	withEncryption
)

// state returns how far the attempt came. The driver's TLS begins with the first message.
func (a *attempt) state() (phase, encryption) {
	secured, isTLS := a.conn.(*tls.Conn)
	switch {
	case !a.joined:
		return unconnected, unknownEncryption
	case a.conn == nil, isTLS && !secured.ConnectionState().HandshakeComplete:
		return securing, unknownEncryption
	case isTLS:
		return talking, withEncryption
	case a.network == "unix":
		return talking, unknownEncryption
	default:
		return talking, withoutEncryption
	}
}
