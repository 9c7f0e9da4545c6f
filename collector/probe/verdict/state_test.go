package verdict

import (
	"testing"
	"time"
)

func TestBehindState(t *testing.T) {
	delay := 3 * time.Second
	none := time.Duration(0)
	streaming := State{
		InRecovery: true, Detailed: true, Receiver: "streaming", ApplyDelay: &none, ReplayLSN: 90, ReceiveLSN: 90,
	}
	with := func(change func(*State)) State {
		s := streaming
		change(&s)
		return s
	}
	for name, test := range map[string]struct {
		seen   State
		lag    time.Duration
		target LSN
		want   ReplicaState
	}{
		"WAL on its way":            {streaming, 0, 100, StateReceiving},
		"WAL here":                  {with(func(s *State) { s.ReceiveLSN = 100 }), 0, 100, StateReplaying},
		"WAL from an archive":       {with(func(s *State) { s.ReceiveLSN = 0; s.ReplayLSN = 100 }), 0, 100, StateReplaying},
		"no canary, nothing behind": {streaming, 0, 0, ""},
		"no canary, WAL here":       {with(func(s *State) { s.ReceiveLSN = 100 }), 0, 0, StateReplaying},
		"no receiver":               {with(func(s *State) { s.Receiver = "" }), 0, 100, StateDisconnected},
		"a receiver that starts":    {with(func(s *State) { s.Receiver = "starting" }), 0, 100, StateDisconnected},
		"a receiver out of sight":   {with(func(s *State) { s.Receiver = Hidden }), 0, 100, StateReceiving},
		"paused and cut":            {with(func(s *State) { s.ReplayPaused = true; s.Receiver = "" }), 0, 100, StatePaused},
		"delayed": {
			with(func(s *State) { s.ApplyDelay = &delay; s.ReplayWaitsOn = "RecoveryApplyDelay" }),
			time.Second, 100, StateDelayed,
		},
		"a delay that does not explain it": {
			with(func(s *State) { s.ApplyDelay = &delay; s.Receiver = "" }),
			time.Minute, 100, StateDisconnected,
		},
		"a delay out of sight that explains it": {
			with(func(s *State) { s.ApplyDelay = &delay; s.ReplayWaitsOn = Hidden }),
			time.Second, 100, StateDelayed,
		},
		"a delay between two waits": {
			with(func(s *State) { s.ApplyDelay = &delay; s.ReceiveLSN = 100 }),
			time.Second, 100, StateDelayed,
		},
		"a delay of which nothing is held back": {
			with(func(s *State) { s.ApplyDelay = &delay }),
			0, 0, "",
		},
		"a delay out of sight that does not": {
			with(func(s *State) { s.ApplyDelay = &delay; s.ReplayWaitsOn = Hidden }),
			time.Minute, 100, StateReceiving,
		},
		"a conflict":            {with(func(s *State) { s.ReplayWaitsOn = "RecoveryConflictSnapshot" }), 0, 100, StateBlocked},
		"a lock":                {with(func(s *State) { s.ReplayWaitsOn = WaitsOnLock }), 0, 100, StateBlocked},
		"a pinned buffer":       {with(func(s *State) { s.ReplayWaitsOn = "BufferPin" }), 0, 100, StateBlocked},
		"a server that is mute": {State{InRecovery: true}, 0, 100, ""},
		"another primary":       {with(func(s *State) { s.InRecovery = false }), 0, 100, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := BehindState(test.seen, test.lag, test.target); got != test.want {
				t.Errorf("state %q, want %q", got, test.want)
			}
		})
	}
}

func TestLSN(t *testing.T) {
	if got, want := LSN(0x3_0000_0148).String(), "3/148"; got != want {
		t.Errorf("LSN = %s, want %s", got, want)
	}
	if got := LSN(10).Since(20); got != 0 {
		t.Errorf("a position that is ahead is %d bytes behind, want 0", got)
	}
}
