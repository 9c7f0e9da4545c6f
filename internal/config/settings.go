package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/pgnode"
)

// shortestPulse bounds what the pulse may cost.
const shortestPulse = 100 * time.Millisecond

// ShortestPulse is the shortest interval of a pulse.
func ShortestPulse() time.Duration { return shortestPulse }

// SynchronousCommits are the values of synchronous_commit that can be asked for.
func SynchronousCommits() []string {
	return []string{"off", "local", "remote_write", "on", "remote_apply"}
}

// The values of [Settings.Gate].
const (
	GateBeat = "beat"
	GateLSN  = "lsn"
)

// Gates are the ways in which the gate can be asked to prove something.
func Gates() []string { return []string{GateBeat, GateLSN} }

// Mistake is a setting that cannot be meant, or two that contradict each other.
type Mistake struct {
	// Keys are those of the settings.
	Keys []string
	// Text says what is wrong and what to do.
	Text string
}

// Mistakes returns what is wrong with the settings that are in effect, but for the connection
// string. The function say returns how the user wrote a setting, by its key, with a value
// that is not "": wait by `wait: 1s`, or by --probe.wait=1s.
func (s *Settings) Mistakes(say func(key, value string) string) []Mistake {
	var found []Mistake
	wrong := func(key, format string, args ...any) {
		found = append(found, Mistake{[]string{key}, fmt.Sprintf(format, args...)})
	}
	if err := pgnode.CheckName(s.Section, "canary section"); err != nil {
		wrong("section", "%s: %v", say("section", ""), err)
	}
	for _, positive := range []struct {
		key     string
		value   time.Duration
		example time.Duration
	}{{"timeout", s.Timeout, Defaults().Timeout}, {"wait", s.Wait, Defaults().Wait}, {"synced_within", s.SyncedWithin, Defaults().SyncedWithin}} {
		if positive.value <= 0 {
			wrong(positive.key, "%s must be above 0: give a time such as %v", say(positive.key, positive.value.String()), positive.example)
		}
	}
	if s.MinInterval < 0 {
		wrong("min_interval", "%s is below 0: give a time such as %v, or 0s to share only running probes",
			say("min_interval", s.MinInterval.String()), Defaults().MinInterval)
	}
	if s.Pulse != 0 && s.Pulse < shortestPulse {
		wrong("pulse", "%s is below %v: give a longer one, or 0s for none", say("pulse", s.Pulse.String()), shortestPulse)
	}
	if s.SyncedWithin >= s.Wait && s.SyncedWithin > 0 && s.Wait > 0 {
		found = append(found, Mistake{[]string{"wait", "synced_within"}, fmt.Sprintf("%s does not exceed %s: the wait would end before the verdict",
			say("wait", s.Wait.String()), say("synced_within", s.SyncedWithin.String()))})
	}
	if s.SynchronousCommit != "" && !slices.Contains(SynchronousCommits(), s.SynchronousCommit) {
		wrong("synchronous_commit", "%s is not one of %s", say("synchronous_commit", ""), strings.Join(SynchronousCommits(), ", "))
	}
	if !slices.Contains(Gates(), s.Gate) {
		wrong("gate", "%s is not one of %s", say("gate", ""), strings.Join(Gates(), ", "))
	}
	return found
}
