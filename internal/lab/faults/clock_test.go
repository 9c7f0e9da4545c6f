package faults_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

// clockFaults are those of the exporter's own clock.
func clockFaults() []fault {
	var stepping atomic.Bool
	return []fault{{
		name: "clock of the exporter stepped back and forth",
		with: func(l *layout) {
			l.wrap = func(node probe.Node) probe.Node { return &steppedNode{Node: node, stepping: &stepping} }
		},
		hit: func(s *scene) {
			stepping.Store(true)
			// While the replica is behind, a step would show as a lag of hours.
			s.pause()
			s.insist(s.scrape(), s.parseExpectation("up 1, primaries 1, primary up, replica paused"))
			s.insist(s.scrape(), s.parseExpectation("up 1, primaries 1, primary up, replica paused"))
			s.exec(s.replica, "SELECT pg_wal_replay_resume()")
			must(s.t, s.replica.WaitCaughtUp(s.t.Context()))
		},
		publishes: "up 1, primaries 1, primary up, replica synced",
		check: func(s *scene, m samples) {
			for _, name := range []string{"pg_canary_write_duration_seconds", "pg_canary_replica_read_duration_seconds", "pg_canary_lag_seconds"} {
				if took := m[name]; took < 0 || took > s.timeout.Seconds() {
					s.t.Errorf("%s is %v", name, took)
				}
			}
		},
		heal: func(*scene) { stepping.Store(false) },
	}}
}

// steppedNode stamps what a real node saw as it would if the machine's clock
// were set by an hour, forward and back, between any two looks at it. The clock
// of the machine that runs the tests is not theirs to set.
type steppedNode struct {
	probe.Node
	stepping *atomic.Bool
	looks    int
}

func (n *steppedNode) stamp(stamps ...*time.Time) {
	for _, t := range stamps {
		n.looks++
		if n.stepping.Load() && !t.IsZero() {
			*t = step(*t, []time.Duration{time.Hour, -time.Hour}[n.looks%2])
		}
	}
}

func (n *steppedNode) Write(ctx context.Context) (probe.Write, error) {
	w, err := n.Node.Write(ctx)
	n.stamp(&w.Sent, &w.Acknowledged)
	return w, err
}

func (n *steppedNode) Read(ctx context.Context) (probe.Read, error) {
	r, err := n.Node.Read(ctx)
	n.stamp(&r.Sent, &r.Received)
	return r, err
}

func (n *steppedNode) Inspect(ctx context.Context) (probe.Read, error) {
	r, err := n.Node.Inspect(ctx)
	n.stamp(&r.Sent, &r.Received)
	return r, err
}

func (n *steppedNode) Poll(ctx context.Context) (probe.Read, error) {
	r, err := n.Node.Poll(ctx)
	n.stamp(&r.Sent, &r.Received)
	return r, err
}

// step moves the wall clock's reading in a time and leaves the monotonic one:
// what time.Now returns after the clock was set. Package time offers no way to
// do that, so it reaches into a Time, where the upper bits of the first word are
// the seconds.
func step(t time.Time, by time.Duration) time.Time {
	const nanosecondBits = 30
	*(*uint64)(unsafe.Pointer(&t)) += uint64(int64(by/time.Second)) << nanosecondBits
	return t
}

func TestStepMovesTheWallClockAlone(t *testing.T) {
	now := time.Now()
	for _, by := range []time.Duration{time.Hour, -time.Hour} {
		stepped := step(now, by)
		if moved := stepped.Sub(now); moved != 0 {
			t.Errorf("the monotonic reading moved by %v", moved)
		}
		if moved := stepped.Round(0).Sub(now.Round(0)); moved != by {
			t.Errorf("the wall clock moved by %v, want %v", moved, by)
		}
	}
}
