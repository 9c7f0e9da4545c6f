package pgnode

import "time"

// How a keeper has one session follow another.

// takeRenewed puts the renewed session in the place of the old one. The lock is held.
func (k *keeper) takeRenewed() {
	if k.renewed == nil {
		return
	}
	old := k.session
	k.session, k.renewed = k.renewed, nil
	if old == nil {
		return
	}
	same := k.session.known.Is(old.known)
	if same && !hasPending(old.conn.Conn()) {
		k.session.unbroken = old.unbroken
	}
	k.closeLocked(old)
	if same || k.session.known.Started.IsZero() {
		k.session.since = old.since
	}
	if same {
		k.askedApart = min(2*k.askedApart, k.lifetime)
	} else {
		k.askedApart = firstAskedApart
	}
}

// firstAskedApart is how long a session lasts at the least before a probe can have it renewed.
// It doubles each time that this led to the same server again.
const firstAskedApart = 10 * time.Second

// renew has the session replaced because it may lead elsewhere than a new one: at once
// where it has lasted long enough, else then.
func (k *keeper) renew() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if s := k.session; s != nil {
		if asked := later(time.Now(), s.opened.Add(k.askedApart)); asked.Before(s.expires) {
			s.expires = asked
			k.scheduleLocked()
		}
	}
}

// unrenewed returns why the session could not be renewed when that was last tried: a new
// client gets the same, in this probe as in the one that the attempt fell into.
func (k *keeper) unrenewed() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.renewal
}
