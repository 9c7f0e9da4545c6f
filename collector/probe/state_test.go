package probe

import (
	"testing"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

func TestStillWaiting(t *testing.T) {
	read := func(position verdict.LSN, event string) Read {
		return Read{State: verdict.State{ReplayLSN: position, ReplayWaitsOn: event}}
	}
	conflict := read(90, "RecoveryConflictSnapshot")
	for name, test := range map[string]struct {
		later Read
		want  string
	}{
		"it looked up": {read(90, ""), "RecoveryConflictSnapshot"},
		"it moved":     {read(91, ""), ""},
		"it waits now": {read(90, "RecoveryApplyDelay"), "RecoveryApplyDelay"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := stillWaiting(conflict, test.later).ReplayWaitsOn; got != test.want {
				t.Errorf("waits on %q, want %q", got, test.want)
			}
		})
	}
}

func TestShows(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	written := Section{Found: true, Capacity: 7, WrittenAt: at}
	for name, test := range map[string]struct {
		read Section
		want bool
	}{
		"nothing":                      {Section{}, false},
		"an older value":               {Section{true, 6, at.Add(-time.Second)}, false},
		"the value":                    {written, true},
		"a newer value":                {Section{true, 8, at.Add(time.Second)}, true},
		"a value of before a reset":    {Section{true, 1000, at.Add(-time.Hour)}, false},
		"the value of another primary": {Section{true, 7, at.Add(time.Millisecond)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := showsCanary(test.read, written); got != test.want {
				t.Errorf("shows = %v, want %v", got, test.want)
			}
		})
	}
}
