// Package pgnode is one PostgreSQL server as a probe sees it: its connection,
// the canary write, the reads, and what it says about itself. All SQL of the
// project is here.
//
// It works on the wire protocol (pgconn) and not through pgxpool: a node has
// exactly one connection and one user of it, who wants to know when it breaks,
// and a pool's own reconnects and pings would cost round trips in the scrape.
package pgnode

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

// maxConnections is how many connections a node may have: the one in use and
// one that is still being closed.
const maxConnections = 2

// Options are the same for all nodes of a cluster.
type Options struct {
	// Section is the name of the canary section; see [CheckSection].
	Section string
	// SynchronousCommit is the setting of that name for the canary write.
	SynchronousCommit string
	// StatementTimeout is the setting of that name, for every statement.
	StatementTimeout time.Duration
}

// Node is one PostgreSQL server. It serves one call at a time.
type Node struct {
	name    string
	config  *pgconn.Config
	opts    Options
	session *session
	// closing has a channel for each connection that broke; it is closed when
	// the connection is gone.
	closing []<-chan struct{}
}

var _ probe.Node = (*Node)(nil)

// New returns the node that a connection string leads to. It does not connect.
// The error says what is wrong with the string and never quotes it.
func New(dsn string, opts Options) (*Node, error) {
	config, err := parseDSN(dsn)
	if err != nil {
		return nil, err
	}
	return &Node{name: nodeName(config), config: config, opts: opts}, nil
}

// Name returns the node's host:port.
func (n *Node) Name() string { return n.name }

// Connected says whether there is an open connection, without using it.
func (n *Node) Connected() bool { return n.session != nil }

// Identity returns who the server at the open connection is.
func (n *Node) Identity() probe.Identity {
	if n.session == nil {
		return probe.Identity{}
	}
	return n.session.identity
}

// Connect opens the node's connection where there is none.
func (n *Node) Connect(ctx context.Context) error {
	if n.session != nil {
		return nil
	}
	if err := n.makeRoom(ctx); err != nil {
		return describe(err)
	}
	s, err := openSession(ctx, n.config, n.opts)
	if err != nil {
		return describe(err)
	}
	n.session = s
	return nil
}

// Write commits the next canary value and reads the WAL position.
func (n *Node) Write(ctx context.Context, atLeast int64) (probe.Write, error) {
	return with(ctx, n, func(s *session) (probe.Write, error) { return s.write(ctx, atLeast) })
}

// Read reads the state and the section.
func (n *Node) Read(ctx context.Context) (probe.Read, error) {
	return with(ctx, n, func(s *session) (probe.Read, error) { return s.read(ctx, false) })
}

// Inspect is Read with a look at what the replay waits on.
func (n *Node) Inspect(ctx context.Context) (probe.Read, error) {
	return with(ctx, n, func(s *session) (probe.Read, error) { return s.read(ctx, true) })
}

// Poll reads the section alone.
func (n *Node) Poll(ctx context.Context) (probe.Read, error) {
	return with(ctx, n, func(s *session) (probe.Read, error) { return s.poll(ctx) })
}

// Close closes the connection and waits for those that are being closed.
func (n *Node) Close(ctx context.Context) error {
	var err error
	if n.session != nil {
		err = n.session.conn.Close(ctx)
		n.session = nil
	}
	for _, gone := range n.closing {
		select {
		case <-gone:
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
	}
	n.closing = nil
	return err
}

// with runs one operation on the node's session. When it finds that the
// connection had broken since it was last used, it opens another one and tries
// once more; of a write that may be the second commit, which the canary copes with.
func with[T any](ctx context.Context, n *Node, operation func(*session) (T, error)) (T, error) {
	reused, before := n.Connected(), n.Identity().System
	for {
		if err := n.Connect(ctx); err != nil {
			var none T
			return none, err
		}
		if now := n.Identity().System; before != 0 && now != before {
			var none T
			return none, describe(errOtherCluster)
		}
		result, err := operation(n.session)
		if err == nil {
			return result, nil
		}
		if !n.session.conn.IsClosed() {
			return result, describe(err)
		}
		n.discard()
		if !reused || ctx.Err() != nil {
			return result, describe(err)
		}
		reused = false
	}
}

// discard forgets a connection that broke. The driver goes on to cancel what
// the server may still be doing for it.
func (n *Node) discard() {
	n.closing = append(n.closing, n.session.conn.CleanupDone())
	n.session = nil
}

// makeRoom waits until one more connection is within maxConnections.
func (n *Node) makeRoom(ctx context.Context) error {
	var open []<-chan struct{}
	for _, gone := range n.closing {
		select {
		case <-gone:
		default:
			open = append(open, gone)
		}
	}
	n.closing = open
	if len(open) < maxConnections {
		return nil
	}
	select {
	case <-open[0]:
		n.closing = open[1:]
		return nil
	case <-ctx.Done():
		return errStillClosing
	}
}
