package faults_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
)

// protocolFaults break the connection to either server at every message that a
// probe with new connections sends or gets.
func protocolFaults() []fault {
	var all []fault
	for _, f := range []fault{
		{
			name:      "proxy that resets at each point of the protocol",
			publishes: "up 0, primaries 0, primary down (connect), replica up",
			alerts:    "PgCanaryNoPrimary",
		},
		{
			name:      "proxy that truncates at each point of the protocol",
			publishes: "up 0, primaries 0, primary down (connect), replica up",
			alerts:    "PgCanaryNoPrimary",
		},
		{
			name:      "proxy that delays at each point of the protocol",
			publishes: "up 1, primaries 1, primary up, replica synced",
		},
		{
			name:      "proxy that swallows at each point of the protocol",
			publishes: "up 0, primaries 0, primary down (timeout), replica up",
			within:    10,
			because:   "when the attempt to connect is given up",
			alerts:    "PgCanaryNoPrimary",
			timeout:   hangs,
		},
	} {
		kind := breakage(strings.Fields(f.name)[2])
		own := &[2]*link{}
		f.with = func(l *layout) {
			l.more = func(s *scene, c *pairConfig) {
				own[0], own[1] = newLink(s.t, s.primary.Addr()), newLink(s.t, s.replica.Addr())
				c.primaryDSN = through(s.primary, own[0].Listen) + "&connect_timeout=1"
				c.replicaDSN = through(s.replica, own[1].Listen)
			}
		}
		f.hit = func(s *scene) { s.breakEverywhere(own, kind) }
		f.heal = func(*scene) { own[0].mend() }
		f.ofScrapes = true
		all = append(all, f)
	}
	return all
}

// breakEverywhere breaks the connections at one message after the other, and
// leaves every connection to the primary broken at its first.
func (s *scene) breakEverywhere(links *[2]*link, kind breakage) {
	// What the primary's connection needs for a whole probe, the replica's does not exceed.
	messages := [2]int{math.MaxInt, math.MaxInt}
	for range 3 { // On a busy machine a probe is repeated, or asks more.
		links[0].breakAt("", toServer, 0)
		s.insist(s.scrape(), s.healthy)
		for where := range messages {
			messages[where] = min(messages[where], links[0].counted(direction(where)))
		}
	}
	for i, w := range links {
		for _, where := range []direction{toServer, toClient} {
			timeout := s.timeout
			if kind == swallows {
				s.timeout, s.slack = 600*time.Millisecond, time.Second
			}
			for n := range messages[where] {
				if kind == delays && s.last.samples["pg_canary_synced"] != 1 {
					s.steady(s.healthy) // What is cut must not be the set-up of the connection.
				}
				w.breakAt(kind, where, n)
				up := s.survives(kind, fmt.Sprintf("%s %s message %d of direction %d", s.nodes[i].name, kind, n, where))
				passed := acknowledged(where, n, messages)
				// What is swallowed may be the set-up of the next connection.
				either := kind == swallows && passed
				if i == 0 && !either && up != (kind == delays || passed) {
					s.t.Errorf("the primary's connection %s at message %d of direction %d, and up is %v", kind, n, where, up)
					s.t.Log(s.describe(s.last))
				}
			}
			s.timeout, s.slack = timeout, 0
			w.breakAt("", where, 0)
			s.steady(s.healthy)
		}
	}
	links[0].breakAt(kind, toClient, 0)
}

// afterTheAcknowledgement is how many messages come after that of the write: those of
// the position, BindComplete, DataRow, CommandComplete, ReadyForQuery.
const afterTheAcknowledgement = 4

// acknowledged says whether the primary's answer to the write has passed when the
// connection breaks at a message: an acknowledgement stays one.
func acknowledged(where direction, message int, messages [2]int) bool {
	return where == toClient && message >= messages[toClient]-afterTheAcknowledgement
}

// survives makes a scrape while something breaks, fails when it is wrong, and
// tells whether the canary was written.
func (s *scene) survives(kind breakage, what string) bool {
	s.t.Helper()
	m := s.scrape()
	defer s.keep(m)
	m.samples.want(s.t, "pg_canary_lost_writes_total", 0)
	m.samples.want(s.t, `pg_canary_backward_reads_total{replica="`+s.label("replica")+`"}`, 0)
	// On a busy machine the time may run out before a reset is seen, or a
	// connection that ended before a new one is swallowed.
	var allowed []string
	if kind != delays {
		allowed = []string{string(probe.ReasonConnect), string(probe.ReasonTimeout)}
	}
	for _, node := range s.nodes {
		for _, reason := range m.samples.grownReasons(node.label, s.last.samples) {
			if !slices.Contains(allowed, reason) {
				s.t.Errorf("%s: %s failed by %s, want %v\n%s", what, node.name, reason, allowed, s.log)
			}
		}
	}
	if m.samples["pg_canary_up"] != 1 {
		return false
	}
	var capacity float64
	must(s.t, s.primary.QueryRow(s.t.Context(), "SELECT capacity::float8 FROM canary.section WHERE name = 'default'", &capacity))
	if written := m.samples["pg_canary_primary_capacity"]; written > capacity {
		s.t.Errorf("%s: wrote %v, but the primary has %v", what, written, capacity)
	}
	return true
}
