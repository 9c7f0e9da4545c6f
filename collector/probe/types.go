package probe

import (
	"context"
	"errors"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// Write is an acknowledged canary commit.
type Write struct {
	// Row is the section as the commit left it behind.
	verdict.Row
	// Sent is when the write left for the primary, and Acknowledged when the
	// commit's acknowledgement reached the exporter: both by its own clock.
	Sent, Acknowledged time.Time
	// LSN is at or past the end of the commit record; 0 where the server does
	// not tell.
	LSN verdict.LSN
}

// Read is the answer of one node: first its state, then the section, each
// with a snapshot of its own, in this order.
type Read struct {
	verdict.State
	// Row is the section.
	Row verdict.Row
	// Sent and Received bracket the round trip, by the exporter's clock.
	Sent, Received time.Time
}

// ErrConnecting is why a node cannot be asked although nothing is known to be wrong
// with it: its connection is still being made.
var ErrConnecting = errors.New("the connection is still being made: the node is far away, or does not answer")

// Node is one PostgreSQL server, with the connection that it makes and keeps itself. A
// node serves one call at a time. Every method returns before its context's deadline,
// whatever the server does, and an error that it returns is an [*Error] or [ErrConnecting].
type Node interface {
	// Name identifies the node in labels and logs.
	Name() string
	// Ready says whether the connection is there and needs no [Node.Prepare].
	Ready() bool
	// Prepare readies the connection for a probe, without a round trip: it looks whether
	// the connection broke, or takes one that was made to replace it, and begins to make
	// one where there is none. It returns how long that is worth waiting for, 0 where
	// the connection is there, or the last attempt failed.
	Prepare() time.Duration
	// Connect waits for the connection.
	Connect(ctx context.Context) error
	// Since is since when there has been a connection to the server, which may have been
	// renewed meanwhile; zero for none, and for one that goes back whenever it is idle.
	Since() time.Time
	// Connected says whether there is a connection, without using it.
	Connected() bool
	// Renew has the connection replaced before one of the next probes, because a new one
	// may lead elsewhere.
	Renew()
	// Unrenewed returns why the connection, which is due, could not be replaced.
	Unrenewed() error
	// Identity returns who the server at the open connection is.
	Identity() verdict.Server
	// Version returns the version of the server at the open connection, such as 17.6; "" for not known.
	Version() string
	// Pooled says whether the open connection leads through a pooler.
	Pooled() bool
	// Write commits the next canary value and reads the WAL position, in one
	// round trip.
	Write(ctx context.Context) (Write, error)
	// Read reads the state and the section in one round trip. When only the
	// section failed, the state is returned beside the error, and Received is set.
	Read(ctx context.Context) (Read, error)
	// Inspect is Read with a closer, dearer look at what the replay waits for.
	Inspect(ctx context.Context) (Read, error)
	// Poll reads the section alone.
	Poll(ctx context.Context) (Read, error)
	// Position asks the primary for its insert position, and writes nothing.
	Position(ctx context.Context) (verdict.Position, error)
	// Unbroken is since when there has been a connection to one and the same server, as far as can be
	// seen now, without a round trip; zero for none, and where what was read says nothing about the next
	// connection to the node's address.
	Unbroken() time.Time
	// Several says that the node's address stands for several servers.
	Several() bool
	// Close closes the connection.
	Close(ctx context.Context) error
}
