package pgnode

import (
	"context"
	"math/rand/v2"
	"time"
)

// How a keeper makes attempts to connect. The name of what needs the lock ends in Locked.

// dialLocked begins an attempt, if none is being made and there is room: at once, or when it
// is its turn.
func (k *keeper) dialLocked() {
	if k.dialing || k.closed || !k.hasRoom() {
		return
	}
	k.dialing = true
	turn := k.dials.ask(k.cluster, k.hung)
	k.turn = turn
	k.running.Go(func() {
		defer turn.end()
		if err := turn.await(k.life); err == nil && k.takeTurn() {
			k.dial()
		} else {
			k.withdraw()
		}
	})
}

// urgeLocked lets an attempt that waits for its turn go before those that no probe waits for.
func (k *keeper) urgeLocked(ctx context.Context) {
	if ctx.Err() == nil {
		k.turn.urge()
	}
}

// takeTurn says whether the attempt whose turn it is should be made: perhaps nobody has asked for
// the connection for long.
func (k *keeper) takeTurn() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.turn = nil
	return !k.condition().forgotten()
}

// withdraw ends an attempt that was not made.
func (k *keeper) withdraw() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.turn, k.dialing = nil, false
	k.tellLocked()
	k.scheduleLocked()
}

// dial makes an attempt.
func (k *keeper) dial() {
	began := time.Now()
	s, givenUp, err := k.open(k.life)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.dialing = false
	k.attempts++
	for _, gone := range givenUp {
		k.awaitLocked(gone)
	}
	took := time.Since(began)
	switch {
	case err != nil:
		k.hung = took >= quickTime
		k.failLocked(err)
	case k.closed:
		k.closeLocked(s)
	default:
		k.took, k.hung = took, false
		k.adoptLocked(s)
	}
	k.tellLocked()
	k.scheduleLocked()
}

// betweenProbes is after how long without an operation a session is in the middle of no probe: while one waits for
// something, the next operation comes sooner.
const betweenProbes = time.Second

// adoptLocked takes a new session into use, or keeps it ready while a probe may be using the one before.
func (k *keeper) adoptLocked(s *session) {
	k.failures, k.failed, k.renewal, k.ended, k.redial = 0, nil, nil, "", time.Time{}
	k.lent = s.pooled || k.fresh
	s.usedAt, s.since, s.unbroken, s.known = s.opened, s.opened, s.opened, s.identity
	s.expires = s.opened.Add(jittered(k.lifetime, rand.Float64())) //nolint:gosec // It spreads the load, and is no secret.
	if k.session == nil {
		k.session = s
		return
	}
	k.renewed = s
	if !k.session.busy && time.Since(k.session.usedAt) >= betweenProbes {
		k.takeRenewed() // A server is not to have two of them until the next probe.
	}
}

// failLocked keeps why an attempt failed.
func (k *keeper) failLocked(err error) {
	code := codeOf(err)
	err = withReasonAfter(err, k.ended)
	if code != cannotConnectNow {
		k.ended = code // What comes now is another start of the server.
	}
	k.failures++
	k.redial = time.Now().Add(backoff(k.failures, rand.Float64())) //nolint:gosec // As above.
	if k.session != nil {
		k.renewal = err
		return
	}
	k.failed, k.renewal = err, nil
}
