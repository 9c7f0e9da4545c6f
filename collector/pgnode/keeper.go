package pgnode

import (
	"cmp"
	"context"
	"net"
	"sync"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

const (
	// maxConnections is how many connections a node may have: the one in use, and
	// one that is being made or still being closed.
	maxConnections = 2
	// lifetime is after how long a connection is renewed, so that a name that leads
	// elsewhere by now, and credentials that are no longer valid, are noticed.
	lifetime = 5 * time.Minute
	// lentIdle is after how long without use a lent connection goes back: in session
	// pooling it holds a server connection, and so holds up the pooler's PAUSE.
	lentIdle = 2 * time.Second
	// pooledLifetime is after how long a pooler gets it back although it is used
	// all the time.
	pooledLifetime = 30 * time.Second
	// closeTimeout bounds how long the end of an idle connection may take.
	closeTimeout = time.Second
)

// keeper makes a node's connection and keeps it: it dials in the background, one
// attempt at a time, renews what is due while the old one is still in use, and notices
// what broke while it was idle. What is to be done when, condition.plan says.
type keeper struct {
	// open makes a session. The channels are those of connections that it gave up; each
	// is closed when its connection is gone.
	open func(context.Context) (s *session, givenUp []<-chan struct{}, err error)
	// elsewhere says whether the node's address leads elsewhere than to where a session is.
	elsewhere func(context.Context, *session) bool
	// fresh is true for a node that is connected anew for each probe.
	fresh bool
	// lifetime is after how long a session is renewed, and rest after how long without a probe it is
	// ended; 0 for never.
	lifetime, rest time.Duration
	// probeTime is how long a probe may take: one whose primary is slow to commit comes late
	// to the reads.
	probeTime time.Duration
	// dials is what the attempts are bounded by, nil for nothing, and cluster whose they are.
	dials   *Dials
	cluster string

	running sync.WaitGroup
	life    context.Context //nolint:containedctx // Of what runs in the background, which no caller's ends.
	end     context.CancelFunc

	mu sync.Mutex
	// changed is closed, and replaced, when there is news for those who wait.
	changed  chan struct{}
	waiting  int
	timer    *time.Timer
	closed   bool
	demanded time.Time

	session  *session
	checking bool
	renewed  *session // takes the session's place before the next probe
	closing  int      // connections that are not gone yet

	dialing  bool
	turn     *dialTurn     // of an attempt that has to wait for it
	hung     bool          // the last attempt or session failed because nobody answered in time
	attempts int           // that have ended
	counted  int           // of them, those that were begun before the probe
	failures int           // of them, since the last one that did not fail
	redial   time.Time     // not before, unless a probe asks
	took     time.Duration // by the last that did not fail
	lent     bool          // the last session was a lent one
	// failed is why there is no session; nil where nothing is known to be wrong.
	failed error
	// renewal is why the session could not be renewed, until it is.
	renewal error
	// ended is the SQLSTATE with which a server ended the last session; "" for none.
	ended    string
	lookedUp time.Time // when the name was last resolved
	// askedApart is how long a session must have lasted to be renewed when a probe asks.
	askedApart time.Duration
}

// newKeeper returns a keeper that does nothing until a probe asks for the connection.
func newKeeper(k *keeper) *keeper {
	k.lifetime = cmp.Or(k.lifetime, lifetime)
	k.changed, k.askedApart = make(chan struct{}), firstAskedApart
	k.life, k.end = context.WithCancel(context.Background())
	k.timer = time.AfterFunc(time.Hour, k.wake)
	k.timer.Stop()
	return k
}

// ready says whether the session can be used as it is.
func (k *keeper) ready() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.beginLocked()
	if s := k.session; s != nil && s.busy && !s.looked {
		return true // Whoever uses it finds out.
	}
	nothingDue := k.renewed == nil && k.renewal == nil && !k.checking && time.Since(k.lookedUp) < lookupInterval
	return k.session != nil && nothingDue && !k.isSpent() && !hasPending(k.session.conn.Conn())
}

// beginLocked begins a probe: what fails from now on tells of now.
func (k *keeper) beginLocked() {
	k.demanded = time.Now()
	k.recountLocked()
}

// recountLocked says that the attempts which were begun so far tell nothing of what comes.
func (k *keeper) recountLocked() {
	k.counted = k.attempts
	if k.dialing && k.turn == nil {
		k.counted++
	}
}

// isSpent says whether the session has served what it was made for. The lock is held.
func (k *keeper) isSpent() bool {
	s := k.session
	return (k.fresh && s.used) || (s.pooled && time.Since(s.opened) > pooledLifetime)
}

// identity returns who the server at the session is, as it last said.
func (k *keeper) identity() verdict.Server {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.session == nil {
		return verdict.Server{}
	}
	return k.session.known
}

// version returns the version of the server at the session, as that told when it was opened.
func (k *keeper) version() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.session == nil {
		return ""
	}
	return k.session.version
}

// current returns the session, nil where there is none.
func (k *keeper) current() *session {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.session
}

// prepare readies the connection for a probe: it takes up the renewed one, looks at one
// that was idle, and begins to dial where there is none. It returns how long that is
// worth waiting for, 0 where it is there or nobody knows.
func (k *keeper) prepare() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.beginLocked()
	k.awaitCheckLocked(k.life)
	if k.session != nil && k.session.busy {
		return 0 // Whoever uses it finds out.
	}
	if k.session != nil && k.isSpent() {
		k.retireLocked(k.session)
	}
	k.takeRenewed()
	if s := k.session; s != nil && !k.checking {
		k.checkLocked(s)
		k.takeRenewed()
	}
	defer k.scheduleLocked()
	if k.session != nil {
		k.lookUpLocked(k.session)
		return 0
	}
	k.dialLocked()
	return patience(k.took, k.failed != nil)
}

// connect waits for a session: until there is one, an attempt that was begun in this probe
// has failed, or ctx ends.
func (k *keeper) connect(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for {
		if k.session == nil && k.renewed != nil {
			k.takeRenewed()          //nolint:contextcheck // What broke is closed without the caller.
			k.checkLocked(k.session) //nolint:contextcheck // As above.
			k.scheduleLocked()       //nolint:contextcheck // As above.
		}
		switch {
		case k.session != nil:
			return nil
		case k.closed:
			return net.ErrClosed
		case k.attempts > k.counted && k.failed != nil:
			return k.failed
		}
		k.demanded = time.Now()
		k.dialLocked() //nolint:contextcheck // It goes on when the caller has gone.
		k.urgeLocked(ctx)
		if !k.waitLocked(ctx) {
			return k.whyNot()
		}
	}
}

// borrow returns the session for one operation.
func (k *keeper) borrow(ctx context.Context) (*session, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for {
		s := k.session
		if s == nil {
			return nil, k.whyNot()
		}
		if !s.busy {
			s.busy = true
			return s, nil
		}
		if !k.waitLocked(ctx) { // It is in use, or being looked at.
			return nil, ctx.Err()
		}
	}
}

// release takes the session back after an operation, and retires it where that left it
// unusable: err says why.
func (k *keeper) release(s *session, usable bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s.busy, s.used, s.usedAt, s.known = false, true, time.Now(), s.identity
	defer k.tellLocked()
	if usable && !s.roleChanged {
		return // The timer looks again.
	}
	if usable {
		s.expires = s.usedAt
	} else {
		k.failed, k.ended = err, codeOf(err)
		k.hung = probe.ReasonOf(err) == probe.ReasonTimeout
		k.recountLocked()
		k.retireLocked(s)
	}
	k.scheduleLocked()
}

// close ends all connections, and waits until they are gone or ctx ends.
func (k *keeper) close(ctx context.Context) error {
	k.mu.Lock()
	k.closed = true
	k.timer.Stop()
	k.end()
	k.awaitCheckLocked(ctx)
	for _, s := range []*session{k.session, k.renewed} {
		if s != nil {
			k.closeLocked(s) //nolint:contextcheck // The good-bye has a time of its own.
		}
	}
	k.session, k.renewed = nil, nil
	k.tellLocked()
	k.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		k.running.Wait()
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
