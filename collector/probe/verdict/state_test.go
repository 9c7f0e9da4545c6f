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
		seen      State
		lag       time.Duration
		target    LSN
		want      ReplicaState
		restoring bool
	}{
		"WAL on its way":            {streaming, 0, 100, StateReceiving, false},
		"WAL here":                  {with(func(s *State) { s.ReceiveLSN = 100 }), 0, 100, StateReplaying, false},
		"WAL from an archive":       {with(func(s *State) { s.ReceiveLSN = 0; s.ReplayLSN = 100 }), 0, 100, StateReplaying, false},
		"no canary, nothing behind": {streaming, 0, 0, "", false},
		"no canary, WAL here":       {with(func(s *State) { s.ReceiveLSN = 100 }), 0, 0, StateReplaying, false},
		"no receiver":               {with(func(s *State) { s.Receiver = "" }), 0, 100, StateDisconnected, false},
		"WAL from an archive, cut":  {with(func(s *State) { s.Receiver = "" }), 0, 100, StateRestoring, true},
		"an archive and a receiver": {streaming, 0, 100, StateReceiving, true},
		"a receiver that starts":    {with(func(s *State) { s.Receiver = "starting" }), 0, 100, StateDisconnected, false},
		"a receiver out of sight":   {with(func(s *State) { s.Receiver = Hidden }), 0, 100, StateReceiving, false},
		"paused and cut":            {with(func(s *State) { s.ReplayPaused = true; s.Receiver = "" }), 0, 100, StatePaused, false},
		"delayed": {
			with(func(s *State) { s.ApplyDelay = &delay; s.ReplayWaitsOn = "RecoveryApplyDelay" }),
			time.Second, 100, StateDelayed, false,
		},
		"a delay that does not explain it": {
			with(func(s *State) { s.ApplyDelay = &delay; s.Receiver = "" }),
			time.Minute, 100, StateDisconnected, false,
		},
		"a delay out of sight that explains it": {
			with(func(s *State) { s.ApplyDelay = &delay; s.ReplayWaitsOn = Hidden }),
			time.Second, 100, StateDelayed, false,
		},
		"a delay between two waits": {
			with(func(s *State) { s.ApplyDelay = &delay; s.ReceiveLSN = 100 }),
			time.Second, 100, StateDelayed, false,
		},
		"a delay of which nothing is held back": {
			with(func(s *State) { s.ApplyDelay = &delay }),
			0, 0, "", false,
		},
		"a delay out of sight that does not": {
			with(func(s *State) { s.ApplyDelay = &delay; s.ReplayWaitsOn = Hidden }),
			time.Minute, 100, StateReceiving, false,
		},
		"a conflict":            {with(func(s *State) { s.ReplayWaitsOn = "RecoveryConflictSnapshot" }), 0, 100, StateBlocked, false},
		"a lock":                {with(func(s *State) { s.ReplayWaitsOn = WaitsOnLock }), 0, 100, StateBlocked, false},
		"a pinned buffer":       {with(func(s *State) { s.ReplayWaitsOn = "BufferPin" }), 0, 100, StateBlocked, false},
		"a server that is mute": {State{InRecovery: true}, 0, 100, "", false},
		"another primary":       {with(func(s *State) { s.InRecovery = false }), 0, 100, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := BehindState(test.seen, test.lag, test.target, test.restoring); got != test.want {
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

func TestRestores(t *testing.T) {
	at := func(replayed, received LSN, receiver string) State {
		return State{InRecovery: true, ReplayLSN: replayed, ReceiveLSN: received, Receiver: receiver}
	}
	for name, test := range map[string]struct {
		before, now State
		want        bool
	}{
		"it never had a receiver":                    {at(80, 0, ""), at(90, 0, ""), true},
		"past what it received":                      {at(80, 85, ""), at(90, 85, ""), true},
		"what it received before the receiver ended": {at(80, 90, ""), at(90, 90, ""), false},
		"the replay stands still":                    {at(90, 0, ""), at(90, 0, ""), false},
		"the first look":                             {State{}, at(90, 0, ""), false},
		"it streams":                                 {at(80, 85, ""), at(90, 85, "streaming"), false},
		"a receiver out of sight":                    {at(80, 0, Hidden), at(90, 0, Hidden), false},
		"it was promoted":                            {at(80, 0, ""), State{ReplayLSN: 90}, false},
	} {
		if got := Restores(test.before, test.now); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func TestStillWaiting(t *testing.T) {
	read := func(position LSN, event string) State {
		return State{ReplayLSN: position, ReplayWaitsOn: event}
	}
	conflict := read(90, "RecoveryConflictSnapshot")
	for name, test := range map[string]struct {
		later State
		want  string
	}{
		"it looked up": {read(90, ""), "RecoveryConflictSnapshot"},
		"it moved":     {read(91, ""), ""},
		"it waits now": {read(90, "RecoveryApplyDelay"), "RecoveryApplyDelay"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := StillWaiting(conflict, test.later).ReplayWaitsOn; got != test.want {
				t.Errorf("waits on %q, want %q", got, test.want)
			}
		})
	}
}
