package pgnode

import (
	"context"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

// How others wait for news of a keeper.

// waitLocked lets go of the lock until something has changed; false when ctx ended first.
func (k *keeper) waitLocked(ctx context.Context) bool {
	changed := k.changed
	k.waiting++
	k.mu.Unlock()
	defer func() {
		k.mu.Lock()
		k.waiting--
	}()
	select {
	case <-changed:
		return true
	case <-ctx.Done():
		return false
	}
}

// awaitCheckLocked waits until nobody looks at the session in the background: the driver takes
// only one call at a time, and ends the program where a connection is closed twice at once.
func (k *keeper) awaitCheckLocked(ctx context.Context) {
	for (k.checking || k.session != nil && k.session.looked) && k.waitLocked(ctx) { //nolint:revive // It waits.
	}
}

// whyNot says why there is no session, without waiting. The lock is held.
func (k *keeper) whyNot() error {
	switch {
	case k.failed != nil:
		return k.failed
	case !k.dialing && k.closing >= maxConnections:
		return errStillClosing
	default:
		return probe.ErrConnecting
	}
}

// tellLocked wakes those who wait.
func (k *keeper) tellLocked() {
	if k.waiting == 0 {
		return
	}
	close(k.changed)
	k.changed = make(chan struct{})
}
