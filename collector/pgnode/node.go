// Package pgnode is one PostgreSQL server as a probe sees it: its connection,
// the canary write, the reads, and what it says about itself. All SQL of the
// project is here.
//
// It works on the wire protocol (pgconn) and not through pgxpool: a node has
// one connection in use and one user of it, who wants to know when it breaks,
// and a pool's own reconnects and pings would cost round trips in the scrape.
package pgnode

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

const (
	// maxConnections is how many connections a node may have: the one in use, and
	// one that is still being closed or asks what the other waits for.
	maxConnections = 2
	// pooledIdle is after how long without use a pooler gets its connection
	// back: in session pooling it holds a server connection, and so holds up the
	// pooler's PAUSE.
	pooledIdle = 2 * time.Second
	// pooledLifetime is after how long it does although the connection is used
	// all the time.
	pooledLifetime = 30 * time.Second
	// closeTimeout bounds how long the end of an idle connection may take.
	closeTimeout = time.Second
)

// Options are the same for all nodes of a cluster, but for the name.
type Options struct {
	// Name is the node's name; "" is host:port, or host:port,host:port… of a list.
	Name string
	// Section is the name of the canary section; see [CheckSection].
	Section string
	// Cluster is the name of the exporter's cluster. A section that setup made
	// for another one is not written.
	Cluster string
	// SynchronousCommit is the setting of that name for the canary write; ""
	// leaves it to the server.
	SynchronousCommit string
	// StatementTimeout is the setting of that name, for every statement.
	StatementTimeout time.Duration
}

// Node is one PostgreSQL server. It serves one call at a time.
type Node struct {
	name   string
	config *pgconn.Config
	opts   Options
	// dropped are the names of the parameters that mean nothing to the exporter.
	dropped []string

	mu      sync.Mutex // for what the end of an idle connection takes away
	session *session
	// idle ends a pooled session that is not used.
	idle *time.Timer
	// pooled is true when a direct session could not be had.
	pooled bool
	// closing has a channel for each connection that broke; it is closed when
	// the connection is gone.
	closing []<-chan struct{}
}

var _ probe.Node = (*Node)(nil)

// New returns the node that a connection string leads to. It does not connect.
// The error says what is wrong with the string and never quotes it.
func New(dsn string, opts Options) (*Node, error) {
	to, err := readDSN(dsn)
	if err != nil {
		return nil, err
	}
	return &Node{name: cmp.Or(opts.Name, to.address.Hosts), config: to.config, dropped: to.dropped, opts: opts}, nil
}

// Name returns the node's name.
func (n *Node) Name() string { return n.name }

// Dropped returns the names of the parameters that the connection string, the
// environment or the service file has and that mean nothing to the exporter.
func (n *Node) Dropped() []string { return n.dropped }

// Connected says whether there is an open connection, without using it. One that
// the pooler is due to get back is none.
func (n *Node) Connected() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.session != nil && !n.session.pastLifetime()
}

// Identity returns who the server at the open connection is.
func (n *Node) Identity() verdict.Server {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.session == nil {
		return verdict.Server{}
	}
	return n.session.identity
}

// Pooled says whether the open connection leads through a pooler.
func (n *Node) Pooled() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.session != nil && n.pooled
}

// Connect opens the node's connection where there is none.
func (n *Node) Connect(ctx context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.session != nil && n.session.pastLifetime() {
		n.retireSession(ctx)
	}
	return n.connectLocked(ctx)
}

// connectLocked does the same with the lock held, and keeps a pooled session to its end.
func (n *Node) connectLocked(ctx context.Context) error {
	if n.session != nil {
		return nil
	}
	if err := n.waitForRoom(ctx); err != nil {
		return withReason(err)
	}
	s, err := n.openSession(ctx)
	if err != nil {
		return withReason(err)
	}
	n.session = s
	if s.pooled {
		n.idle = time.AfterFunc(pooledIdle, n.closeIdleSession)
	}
	return nil
}

// openSession opens a direct session, or a pooled one where that cannot be had.
func (n *Node) openSession(ctx context.Context) (*session, error) {
	if !n.pooled {
		s, err := openDirect(ctx, n.config, n.opts)
		if !errors.Is(err, errPooled) {
			return s, err
		}
	}
	s, direct, err := openPooled(ctx, n.config, n.opts)
	if err == nil {
		n.pooled = !direct // The next session is a direct one where the pooler has gone.
	}
	return s, err
}

// Write commits the next canary value and reads the WAL position.
func (n *Node) Write(ctx context.Context) (probe.Write, error) {
	return withReconnect(ctx, n, func(s *session) (probe.Write, error) { return n.writeWatched(ctx, s) })
}

// Read reads the state and the section.
func (n *Node) Read(ctx context.Context) (probe.Read, error) {
	return withReconnect(ctx, n, func(s *session) (probe.Read, error) { return s.read(ctx, false) })
}

// Inspect is Read with a look at what the replay waits on.
func (n *Node) Inspect(ctx context.Context) (probe.Read, error) {
	return withReconnect(ctx, n, func(s *session) (probe.Read, error) { return s.read(ctx, true) })
}

// Poll reads the section alone.
func (n *Node) Poll(ctx context.Context) (probe.Read, error) {
	return withReconnect(ctx, n, func(s *session) (probe.Read, error) { return s.poll(ctx) })
}

// Close closes the connection and waits for those that are being closed.
func (n *Node) Close(ctx context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.session != nil {
		n.retireSession(ctx)
	}
	for _, gone := range n.closing {
		select {
		case <-gone:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	n.closing = nil
	return nil
}

// withReconnect runs one operation on the node's session. When it finds that the
// connection had broken since it was last used, or that a pooler serves it, it
// opens another one and tries once more; of a write that may be the second
// commit, which the canary copes with.
func withReconnect[T any](ctx context.Context, n *Node, operation func(*session) (T, error)) (T, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	reused, before := n.session != nil, uint64(0)
	if reused {
		before = n.session.identity.System
	}
	for {
		if err := n.connectLocked(ctx); err != nil {
			var none T
			return none, err
		}
		if n.session.leadsToOtherCluster(before) {
			var none T
			return none, withReason(errOtherCluster)
		}
		result, err := operation(n.session)
		if err == nil && n.session.leadsToOtherCluster(before) { // A pooler leads elsewhere now.
			err = errOtherCluster
		}
		if err == nil || n.keepsSession(err) {
			n.restartIdleTimer()
			return result, withReason(err)
		}
		n.retireSession(ctx)
		if !reused || ctx.Err() != nil {
			return result, withReason(err)
		}
		reused = false
	}
}
