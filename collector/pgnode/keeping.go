package pgnode

import (
	"context"
	"time"
)

// What a keeper does in the background. The name of what needs the lock ends in Locked.

// wake does what is due.
func (k *keeper) wake() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.scheduleLocked()
}

// scheduleLocked does what is due, and sets the timer for what comes next.
func (k *keeper) scheduleLocked() {
	k.timer.Stop()
	for !k.closed {
		do, next := k.condition().plan()
		switch do {
		case toDial:
			k.dialLocked()
		case toCheck:
			if s := k.session; !hasPending(s.conn.Conn()) {
				s.checkedAt = time.Now()
				continue
			}
			k.checking = true
			k.running.Go(k.checkIdle)
		case toGiveBack:
			k.leaveLocked()
		case toRest:
			if !next.IsZero() {
				k.timer.Reset(time.Until(next))
			}
			return
		}
	}
}

func (k *keeper) condition() condition {
	c := condition{
		now: time.Now(), demanded: k.demanded, rest: k.rest, renewed: k.renewed != nil, dialing: k.dialing, room: k.hasRoom(),
		lent: k.lent || k.fresh, redial: k.redial,
	}
	if s := k.session; s != nil {
		c.connected, c.busy, c.lent = true, s.busy || k.checking, s.pooled || k.fresh
		c.idleSince, c.checked, c.expires = s.usedAt, s.checkedAt, s.expires
		if !s.used || s.usedAt.Before(k.demanded) {
			c.reserved = k.demanded.Add(k.probeTime)
		}
	}
	return c
}

// hasRoom says whether one more connection is within the limit. The lock is held.
func (k *keeper) hasRoom() bool {
	open := k.closing
	for _, there := range []bool{k.session != nil, k.renewed != nil, k.dialing} {
		if there {
			open++
		}
	}
	return open < maxConnections
}

// checkIdle looks whether the session broke while it was idle.
func (k *keeper) checkIdle() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if s := k.session; s != nil && !s.busy {
		k.checkLocked(s)
	}
	k.checking = false
	k.tellLocked()
	k.scheduleLocked()
}

// checkLocked looks whether a session broke while it was idle, which says nothing about
// the server, and retires one that did. It lets go of the lock meanwhile.
func (k *keeper) checkLocked(s *session) {
	s.busy, s.looked = true, true
	k.mu.Unlock()
	err := s.check()
	k.mu.Lock()
	s.busy, s.looked = false, false
	s.checkedAt = time.Now()
	k.tellLocked()
	if err != nil && k.session == s {
		k.ended = codeOf(err)
		k.retireLocked(s)
		k.takeRenewed()
	}
}

// lookUpLocked finds out in the background whether a session is to be renewed because its
// node's name leads elsewhere now.
func (k *keeper) lookUpLocked(s *session) {
	if time.Since(k.lookedUp) < lookupInterval {
		return
	}
	k.lookedUp = time.Now()
	k.running.Go(func() {
		if !k.elsewhere(k.life, s) {
			return
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		s.expires = time.Now()
		k.scheduleLocked()
	})
}

// leaveLocked ends the connections, as nobody needs them. What failed meanwhile tells nothing of
// when somebody does again.
func (k *keeper) leaveLocked() {
	for _, s := range []*session{k.session, k.renewed} {
		if s != nil {
			k.closeLocked(s)
		}
	}
	k.session, k.renewed, k.renewal, k.ended = nil, nil, nil, ""
}

// retireLocked takes the session out of use and closes its connection.
func (k *keeper) retireLocked(s *session) {
	if k.session == s {
		k.session = nil
	}
	k.closeLocked(s)
}

// closeLocked closes a connection that is out of use, if it is still open, without waiting
// for that: the other end may take none of the good-bye. The driver goes on to cancel
// what the server may still be doing for it.
func (k *keeper) closeLocked(s *session) {
	k.awaitLocked(s.conn.CleanupDone())
	if s.conn.IsClosed() {
		return
	}
	k.running.Go(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(k.life), closeTimeout)
		defer cancel()
		_ = s.conn.Close(ctx) // There is nobody to tell, and nothing to do about it.
	})
}

// awaitLocked counts a connection until it is gone.
func (k *keeper) awaitLocked(gone <-chan struct{}) {
	k.closing++
	k.running.Go(func() {
		<-gone
		k.mu.Lock()
		defer k.mu.Unlock()
		k.closing--
		k.tellLocked()
		k.scheduleLocked()
	})
}
