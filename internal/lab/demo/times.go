//go:build unix

package demo

import "time"

// Times are how long what the demo does takes.
type Times struct {
	// Busy is the length of a burst of writes, Idle the time until the next.
	Busy, Idle time.Duration
	// Paused is the length of a pause of replay, Replaying the time until the next.
	Paused, Replaying time.Duration
	// Before is the time until the first failover, Rest that between two.
	Before, Rest time.Duration
	// Down is how long a dead primary has no successor: a cluster manager takes as
	// long to be sure. Dead is how long after that it is brought back.
	Down, Dead time.Duration
}

// times are those that a person can follow. Those of failovers are so that most
// primaries die while they are written heavily.
func (o Options) times() Times {
	t := Times{
		Busy: 12 * time.Second, Idle: 18 * time.Second,
		Paused: 12 * time.Second, Replaying: 18 * time.Second,
		Before: 20 * time.Second, Rest: 40 * time.Second, Down: 5 * time.Second, Dead: 5 * time.Second,
	}
	if o.Failover {
		t.Idle = 5 * time.Second
	}
	return t
}
