// Package pgnode is one PostgreSQL server as a probe sees it: its connection,
// the canary write, the reads, and what it says about itself. All SQL of the
// project is here.
//
// It works on the wire protocol (pgconn) and not through pgxpool, which loses the
// error of an attempt that nobody waits for any more, keeps the place of a
// connection that hangs, and ends an old one before it makes the new one;
// docs/connections.md has the measurement.
package pgnode

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// connectTimeout bounds an attempt to connect to one address, and what is asked there
// then, where the connection string does not say: ten round trips of a second. It is no
// part of a scrape's time.
const connectTimeout = 10 * time.Second

// Options say how a node is talked to. All nodes of a cluster have the same, but for
// Name, Fresh and PasswordFile.
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
	// Fresh has the node connected anew for each probe, as a client without a pool
	// would be.
	Fresh bool
	// PasswordFile is the path of a file that holds the password alone, and is read again for
	// each connection; "" for none. A password in the connection string itself wins over it,
	// and it wins over a service's, PGPASSWORD's and the passfile's.
	PasswordFile string
	// Lifetime is after how long a connection is renewed, give or take a quarter; 0 is
	// five minutes.
	Lifetime time.Duration
	// Rest is after how long without a probe the node ends its connection and does nothing more, until
	// the next probe has it connected again; 0 is never. It should be several times the
	// interval of scrapes.
	Rest time.Duration
	// Dials bounds the attempts to connect of all nodes that have the same; nil bounds none.
	Dials *Dials
}

// Node is one PostgreSQL server. It may be used by several goroutines: its connection,
// which it keeps in between, serves them one after the other.
type Node struct {
	name string
	dsn  string
	opts Options
	// dropped are the names of the parameters that mean nothing to the exporter.
	dropped []string
	keeper  *keeper
	// pooled is true when a direct session could not be had.
	pooled atomic.Bool
	// read reads the connection string.
	read func(string) (connection, error)
}

var _ probe.Node = (*Node)(nil)

// New returns the node that a connection string leads to. It does not connect.
// The error says what is wrong with the string and never quotes it.
//
// A node that has a name of its own is made although a file that the string names cannot be
// read, or the environment spoils it: what is wrong then is the error of each connect, and a
// file that comes later is found.
func New(dsn string, opts Options) (*Node, error) {
	to, err := readDSN(dsn)
	if err != nil && (opts.Name == "" || CheckDSN(dsn) != nil) {
		return nil, err
	}
	n := &Node{name: cmp.Or(opts.Name, to.address.Hosts), dsn: dsn, dropped: to.dropped, opts: opts, read: readDSN}
	n.keeper = newKeeper(&keeper{
		open: n.openSession, elsewhere: leadsElsewhere, fresh: opts.Fresh, lifetime: opts.Lifetime, rest: opts.Rest,
		probeTime: opts.StatementTimeout, dials: opts.Dials, cluster: opts.Cluster,
	})
	return n, nil
}

// Name returns the node's name.
func (n *Node) Name() string { return n.name }

// Dropped returns the names of the parameters that the connection string, the
// environment or the service file has and that mean nothing to the exporter.
func (n *Node) Dropped() []string { return n.dropped }

// Ready says whether there is a connection that a probe can use as it is.
func (n *Node) Ready() bool { return n.keeper.ready() }

// Prepare readies the connection for a probe, and begins to make it where there is
// none. It returns how long a probe should wait for that.
func (n *Node) Prepare() time.Duration { return n.keeper.prepare() }

// Connect waits for the connection.
func (n *Node) Connect(ctx context.Context) error { return withReason(n.keeper.connect(ctx)) }

// Renew has the connection replaced before the next probe.
func (n *Node) Renew() { n.keeper.renew() }

// Connected says whether there is an open connection, without using it.
func (n *Node) Connected() bool { return n.keeper.current() != nil }

// Since returns since when there has been a connection to the server, which may have been
// renewed meanwhile; zero for none, and for one that goes back whenever it is idle.
func (n *Node) Since() time.Time {
	if s := n.keeper.current(); s != nil && !s.pooled && !n.opts.Fresh {
		return s.since
	}
	return time.Time{}
}

// Identity returns who the server at the open connection is.
func (n *Node) Identity() verdict.Server { return n.keeper.identity() }

// Version returns the version of the server at the open connection, such as 17.6; "" where there is none.
func (n *Node) Version() string {
	version, _, _ := strings.Cut(n.keeper.version(), " ") // What packagers add to it tells them apart.
	return version
}

// Pooled says whether the open connection leads through a pooler.
func (n *Node) Pooled() bool {
	s := n.keeper.current()
	return s != nil && s.pooled && n.pooled.Load()
}

// Unrenewed returns why the connection, which is due, could not be renewed.
func (n *Node) Unrenewed() error { return withReason(n.keeper.unrenewed()) }

// Write commits the next canary value and reads the WAL position. Where there is no
// connection, or the one that there is turns out to have broken since it was last used,
// it waits for another one: that may mean a second commit, which the canary copes with.
func (n *Node) Write(ctx context.Context) (probe.Write, error) {
	system := uint64(0)
	for again := false; ; again = true {
		if err := n.Connect(ctx); err != nil {
			return probe.Write{}, err
		}
		var used *session
		w, err := onSession(ctx, n, func(s *session) (probe.Write, error) {
			if s.leadsToOtherCluster(system) { // It is written once it is agreed on.
				return probe.Write{}, errOtherCluster
			}
			used, system = s, s.identity.System
			return s.writeInTime(ctx)
		})
		if err == nil || again || used == nil || n.keeper.current() == used || ctx.Err() != nil {
			return w, err
		}
	}
}

// Read reads the state and the section.
func (n *Node) Read(ctx context.Context) (probe.Read, error) {
	return onSession(ctx, n, func(s *session) (probe.Read, error) { return s.read(ctx, false) })
}

// Inspect is Read with a look at what the replay waits on.
func (n *Node) Inspect(ctx context.Context) (probe.Read, error) {
	return onSession(ctx, n, func(s *session) (probe.Read, error) { return s.read(ctx, true) })
}

// Poll reads the section alone.
func (n *Node) Poll(ctx context.Context) (probe.Read, error) {
	return onSession(ctx, n, func(s *session) (probe.Read, error) { return s.poll(ctx) })
}

// Close closes the connections and waits until they are gone.
func (n *Node) Close(ctx context.Context) error { return n.keeper.close(ctx) }

// onSession runs one operation on the node's session.
func onSession[T any](ctx context.Context, n *Node, operation func(*session) (T, error)) (T, error) {
	var none T
	s, err := n.keeper.borrow(ctx)
	if err != nil {
		return none, withReason(err)
	}
	before := s.identity.System
	result, err := operation(s)
	if err == nil && s.leadsToOtherCluster(before) { // A pooler leads elsewhere now.
		err = errOtherCluster
	}
	err = withReason(err)
	n.keeper.release(s, n.keepsSession(s, err), err) //nolint:contextcheck // What broke is closed without the caller.
	return result, err
}

// keepsSession says whether a session is as good as before an error. It is not
// when the connection broke, and when it turns out to be a pooler's.
func (n *Node) keepsSession(s *session, err error) bool {
	switch {
	case s.conn.IsClosed(): // Perhaps after the acknowledgement.
		return false
	case err == nil:
		return true
	case s.pooled || !hasCode(err, sharedSession...):
		return true
	default:
		n.pooled.Store(true)
		return false
	}
}

// openSession opens a direct session, or a pooled one where that cannot be had. Whatever
// the connection string names, a file or an address, is read again.
func (n *Node) openSession(ctx context.Context) (*session, []<-chan struct{}, error) {
	to, err := n.read(n.dsn)
	if err != nil {
		return nil, nil, err
	}
	if err := to.readPassword(n.opts.PasswordFile); err != nil {
		return nil, nil, err
	}
	to.config.ConnectTimeout = cmp.Or(to.config.ConnectTimeout, connectTimeout)
	var givenUp []<-chan struct{}
	if !n.pooled.Load() {
		s, err := openDirect(ctx, to.config, n.opts)
		if err == nil {
			return s, nil, nil
		}
		givenUp = s.givenUp()
		if !errors.Is(err, errPooled) {
			return nil, givenUp, err
		}
	}
	s, direct, err := openPooled(ctx, to.config, n.opts)
	if err != nil {
		return nil, append(givenUp, s.givenUp()...), err
	}
	n.pooled.Store(!direct) // The next session is a direct one where the pooler has gone.
	return s, givenUp, nil
}
