//go:build unix

package e2e_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/pg-canary/pg_canary_exporter/internal/dashboard"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/pgcluster"
)

// fault is something that happens to a healthy pair.
type fault struct {
	cause func(*stack)
	// alerts are the ones that tell of it, each pending or firing. Those in
	// passing may be seen on the way there.
	alerts, passing []string
	heal            func(*stack)
}

// Those that queries are tested in.
const (
	replicaStopped = "replica stopped"
	primaryStopped = "primary stopped"
	lostWrites     = "acknowledged writes lost in a failover"
)

var faults = map[string]fault{
	"replay paused": {
		cause:  func(s *stack) { must(s.T, s.replica.Exec(s.Context(), "SELECT pg_wal_replay_pause()")) },
		alerts: []string{"PgCanaryReplicaPaused"},
		heal:   func(s *stack) { must(s.T, s.replica.Exec(s.Context(), "SELECT pg_wal_replay_resume()")) },
	},
	replicaStopped: {
		cause:  func(s *stack) { must(s.T, s.replica.Stop(s.Context(), pgcluster.Fast)) },
		alerts: []string{"PgCanaryReplicaUnreachable"},
		heal:   func(s *stack) { must(s.T, s.replica.Start(s.Context())) },
	},
	"replica cut off": {
		cause:  (*stack).cutOff,
		alerts: []string{"PgCanaryReplicaDisconnected"},
		heal:   func(s *stack) { must(s.T, s.primary.SetHBA(s.Context())) },
	},
	primaryStopped: {
		cause:  func(s *stack) { must(s.T, s.primary.Stop(s.Context(), pgcluster.Fast)) },
		alerts: []string{"PgCanaryNoPrimary"},
		heal:   func(s *stack) { must(s.T, s.primary.Start(s.Context())) },
	},
	"replica promoted beside the primary": {
		cause:  func(s *stack) { must(s.T, s.replica.Promote(s.Context())) },
		alerts: []string{"PgCanarySplitBrain"},
		heal: func(s *stack) {
			must(s.T, s.primary.Stop(s.Context(), pgcluster.Fast))
			must(s.T, s.servers.Reclone(s.Context(), s.primary, s.replica))
		},
	},
	lostWrites: {
		cause: func(s *stack) {
			s.cutOff()
			s.eventually("the replica misses a write", func() string {
				if !s.holds("max(pg_canary_replica_capacity) < max(pg_canary_primary_capacity) - 1") {
					return "it has them all"
				}
				return ""
			})
			must(s.T, s.primary.Kill())
			must(s.T, s.replica.Promote(s.Context()))
		},
		alerts:  []string{"PgCanaryLostWrites", "PgCanaryReplicaUnreachable"},
		passing: []string{"PgCanaryReplicaDisconnected", "PgCanaryNoPrimary"},
		heal:    func(s *stack) { must(s.T, s.servers.Reclone(s.Context(), s.primary, s.replica)) },
	},
}

// cutOff ends the replication and lets it not begin anew.
func (s *stack) cutOff() {
	s.Helper()
	must(s.T, s.primary.SetHBA(s.Context(), "host replication all all reject"))
	must(s.T, s.primary.Exec(s.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_replication"))
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t)
			fault.cause(s)
			s.eventually("the right alerts are there", func() string { return s.notYet(fault) })
			s.checkAnnotations()
			s.shown = 2 * patience // The alerts may have taken a while since the cause, of which a change is a moment.
			s.eventually("the dashboards tell of it", func() string { return s.withoutData(toldBy(t, name)) })
			s.eventually("the rules record it", func() string { return s.notRecorded(name) })
			fault.heal(s)
			s.eventually("the pair is at rest again", func() string {
				// A loss cannot be healed: its alert is shown for an hour.
				return s.atRest("PgCanaryLostWrites")
			})
		})
	}
}

// toldBy are the queries that return data in a fault, and not on a healthy pair.
func toldBy(t *testing.T, fault string) []dashboard.Query {
	t.Helper()
	return slices.DeleteFunc(queries(t), func(q dashboard.Query) bool { return quiet[q.Where] != fault })
}

// evaluations is for how many of them the alerts have to be pending or firing,
// and alone, so that one that comes a little later is seen.
const evaluations = 3

// notYet tells what is missing until the alerts of a fault, and no other ones,
// are pending or firing.
func (s *stack) notYet(f fault) string {
	s.Helper()
	active := map[string]bool{}
	for _, found := range s.alerts() {
		active[string(found.Labels["alertname"])] = true
	}
	names := slices.Sorted(maps.Keys(active))
	for _, name := range names {
		if !slices.Contains(f.alerts, name) && !slices.Contains(f.passing, name) {
			s.Fatalf("%s is pending or firing, want %q", name, f.alerts)
		}
	}
	if !slices.Equal(names, f.alerts) {
		return fmt.Sprintf("there are %q, want %q", names, f.alerts)
	}
	for _, name := range names {
		// A change from pending to firing makes two series of one alert.
		if !s.holds(fmt.Sprintf("sum(count_over_time(ALERTS{alertname=%q}[1m])) >= %d", name, evaluations)) {
			return name + " has just come"
		}
	}
	return ""
}

// checkAnnotations reads what the alerts say with real labels.
func (s *stack) checkAnnotations() {
	s.Helper()
	for _, alert := range s.alerts() {
		for name, text := range alert.Annotations {
			s.Logf("%s: %s", name, text)
			for _, bad := range []string{"<error", "%!", "<no value>", "  ", " .", " ,"} {
				if strings.Contains(string(text), bad) {
					s.Errorf("%s of %s has %q: %s", name, alert.Labels["alertname"], bad, text)
				}
			}
			if name != "runbook_url" && !strings.Contains(string(text), s.instance) && !strings.Contains(string(text), string(alert.Labels["replica"])) {
				s.Errorf("%s of %s does not say where: %s", name, alert.Labels["alertname"], text)
			}
		}
	}
}
