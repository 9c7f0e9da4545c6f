package probe

import (
	"context"
	"fmt"
	"time"
)

// LSN is a position in PostgreSQL's write-ahead log, in bytes since 0/0. Zero
// is PostgreSQL's own InvalidXLogRecPtr and stands for "not known".
type LSN uint64

// String writes the position as PostgreSQL does, such as 0/3000148.
func (l LSN) String() string {
	return fmt.Sprintf("%X/%X", uint32(l>>32), uint32(l)) //nolint:gosec // The low half is meant.
}

// Since returns how many bytes l is past other, and 0 when it is not.
func (l LSN) Since(other LSN) uint64 {
	if l < other {
		return 0
	}
	return uint64(l - other)
}

// Section is the canary section as one read of one node showed it.
type Section struct {
	// Found is false when the node has the table, but not the row.
	Found bool
	// Capacity is the value that is written and compared.
	Capacity int64
	// WrittenAt is when that value was written, by the clock of the primary
	// that wrote it.
	WrittenAt time.Time
}

// Write is an acknowledged canary commit.
type Write struct {
	Section
	// Sent is when the write left for the primary, and Acknowledged when the
	// commit's acknowledgement reached the exporter: both by its own clock.
	Sent, Acknowledged time.Time
	// LSN is at or past the end of the commit record; 0 where the server does
	// not tell.
	LSN LSN
	// Timeline is the one the primary writes on; 0 where it does not tell.
	Timeline uint32
	// Fork is where the primary ended its last recovery: after a promotion,
	// where its timeline left the one before. 0 when it was started without a
	// recovery, or does not tell.
	Fork LSN
}

// Identity tells servers apart. A zero field is not known.
type Identity struct {
	// System is the system identifier, the same on all nodes of a cluster.
	System uint64
	// Started is when the server was started, by its own clock: two names
	// with the same stamp lead to the same server.
	Started time.Time
}

// State is what a node says about itself in one answer.
type State struct {
	// InRecovery is true on a replica.
	InRecovery bool
	// ReplayLSN is the last position replayed, on a replica.
	ReplayLSN LSN
	// ReceiveLSN is the last position received and synced to disk, on a
	// replica; 0 before it streamed anything.
	ReceiveLSN LSN
	// Timeline is the one the node writes on or follows; 0 where it does not tell.
	Timeline uint32
	// ReplayPaused is true when somebody paused the replay.
	ReplayPaused bool
	// ApplyDelay is recovery_min_apply_delay; nil where the server does not tell.
	ApplyDelay *time.Duration
	// Receiver is the status of the WAL receiver (such as "streaming"), ""
	// when there is none, [Hidden] when it is there but may not be seen.
	Receiver string
	// Detailed is false when the node told nothing but InRecovery, because it
	// lacks the functions or the role may not call them.
	Detailed bool
	// ReplayWaitsOn is the wait event of the startup process, such as
	// RecoveryApplyDelay, or WaitsOnLock. Only [Node.Inspect] asks for it; ""
	// where it waits on nothing, [Hidden] where it may not be seen.
	ReplayWaitsOn string
}

const (
	// Hidden stands for what the role may not see, because it lacks pg_read_all_stats.
	Hidden = "hidden"
	// WaitsOnLock stands for every wait event of the type Lock.
	WaitsOnLock = "Lock"
)

// Read is the answer of one node: first its state, then the section, each
// with a snapshot of its own, in this order.
type Read struct {
	State
	Section
	// Sent and Received bracket the round trip, by the exporter's clock.
	Sent, Received time.Time
}

// Node is one PostgreSQL server. A node serves one call at a time. Every
// method returns before its context's deadline, whatever the server does, and
// an error that it returns is an [*Error].
type Node interface {
	// Name identifies the node in labels and logs.
	Name() string
	// Connected says whether there is an open connection, without using it.
	Connected() bool
	// Identity returns who the server at the open connection is.
	Identity() Identity
	// Pooled says whether the open connection leads through a pooler.
	Pooled() bool
	// Connect opens the node's connection where there is none.
	Connect(ctx context.Context) error
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
	// Close closes the connection.
	Close(ctx context.Context) error
}
