package pgnode

import (
	"context"
	"slices"
	"time"
)

// pastLifetime says whether a pooler is to get the connection back although it is used.
func (s *session) pastLifetime() bool { return s.pooled && time.Since(s.opened) > pooledLifetime }

// leadsToOtherCluster says whether the session leads to a server that is known to be of
// another cluster than the one given, 0 for none.
func (s *session) leadsToOtherCluster(than uint64) bool {
	return than != 0 && s.identity.System != 0 && s.identity.System != than
}

// keepsSession says whether the session is as good as before an error. It is not
// when the connection broke, and when it turns out to be a pooler's.
func (n *Node) keepsSession(err error) bool {
	if n.session.conn.IsClosed() {
		return false
	}
	if n.session.pooled || !hasCode(err, sharedSession...) {
		return true
	}
	n.pooled = true
	return false
}

// restartIdleTimer starts the idle time of a pooled session anew.
func (n *Node) restartIdleTimer() {
	if n.session.pooled {
		n.idle.Reset(pooledIdle)
	}
}

// closeIdleSession gives an idle session back to the pooler.
func (n *Node) closeIdleSession() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.session != nil && n.session.pooled {
		n.retireSession(context.Background())
	}
}

// retireSession takes the session out of use and closes its connection, if it is
// still open, without waiting for that: the other end may take none of the
// good-bye. The driver goes on to cancel what the server may still be doing for it.
func (n *Node) retireSession(ctx context.Context) {
	conn := n.session.conn
	n.session = nil
	if n.idle != nil {
		n.idle.Stop()
	}
	n.closing = append(n.closing, conn.CleanupDone())
	if conn.IsClosed() {
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		_ = conn.Close(ctx) // There is nobody to tell, and nothing to do about it.
	}()
}

// stillClosing counts the connections that are still being closed, and forgets the others.
func (n *Node) stillClosing() int {
	n.closing = slices.DeleteFunc(n.closing, func(gone <-chan struct{}) bool {
		select {
		case <-gone:
			return true
		default:
			return false
		}
	})
	return len(n.closing)
}

// waitForRoom waits until one more connection is within maxConnections.
func (n *Node) waitForRoom(ctx context.Context) error {
	if n.stillClosing() < maxConnections {
		return nil
	}
	select {
	case <-n.closing[0]:
		n.closing = n.closing[1:]
		return nil
	case <-ctx.Done():
		return errStillClosing
	}
}
