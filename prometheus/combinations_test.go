package prometheus_test

import (
	"slices"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// combination is what the exporter publishes in one scrape after another about
// a cluster and its replica "c". An empty value is an absent series.
type combination struct {
	up        string
	syncWait  bool   // the write fails because no standby confirms it
	primaries string // 2 where another node, or c itself, takes writes too
	another   bool   // there is one more replica, and it is well
	nodeUp    string // of c, like all that follow
	isPrimary string
	state     string
	synced    string
	lag       string
	delay     string // recovery_min_apply_delay
}

const (
	soon  = "0.05"
	late  = "0.3"
	stuck = "600" // and growing
	hour  = "3600"
)

// combinations returns every one that the exporter can produce.
func combinations() []combination {
	states := []string{""}
	for _, state := range verdict.ReplicaStates() {
		states = append(states, string(state))
	}
	all := []combination{{}}
	vary := func(set func(*combination, string), values ...string) {
		var varied []combination
		for _, c := range all {
			for _, value := range values {
				set(&c, value)
				varied = append(varied, c)
			}
		}
		all = varied
	}
	vary(func(c *combination, v string) { c.up = v }, "1", "0")
	vary(func(c *combination, v string) { c.syncWait = v == "1" }, "0", "1")
	vary(func(c *combination, v string) { c.primaries = v }, "", "0", "1", "2")
	vary(func(c *combination, v string) { c.another = v == "1" }, "0", "1")
	vary(func(c *combination, v string) { c.nodeUp = v }, "0", "1")
	vary(func(c *combination, v string) { c.isPrimary = v }, "", "0", "1")
	vary(func(c *combination, v string) { c.state = v }, states...)
	vary(func(c *combination, v string) { c.synced = v }, "", "0", "1")
	vary(func(c *combination, v string) { c.lag = v }, "", soon, late, stuck)
	vary(func(c *combination, v string) { c.delay = v }, "", hour)
	return slices.DeleteFunc(all, func(c combination) bool { return !c.possible() })
}

// possible is false for what contradicts itself.
func (c combination) possible() bool {
	written, compared := c.up == "1", c.synced != "" || c.lag != ""
	switch {
	case written && (c.syncWait || (c.primaries != "1" && c.primaries != "2")):
		return false // Who acknowledged takes writes.
	case !written && (compared || c.delay != ""):
		return false // Without a lag nothing goes by the delay.
	case c.nodeUp == "0" && (c.state != "unreachable" || c.isPrimary != "" || c.delay != ""):
		return false
	case c.isPrimary == "" && c.delay != "":
		return false
	case c.isPrimary == "1" && c.state != "foreign" && c.primaries != "2" && (c.primaries != "1" || (written && c.state != "primary")):
		return false // It is counted, and it is another server unless its state says so.
	case slices.Contains([]string{"unreachable", "foreign", "primary", "duplicate"}, c.state):
		return !compared
	case c.state == "diverged":
		return c.synced == "0" && c.lag == ""
	default:
		return c.comparedPossibly()
	}
}

// comparedPossibly is false for verdicts that contradict themselves on a replica that was read.
func (c combination) comparedPossibly() bool {
	switch {
	case (c.synced == "1") != (c.state == "synced"), c.synced == "1" && c.lag != soon:
		return false
	case c.synced == "0" && (c.lag == "" || c.lag == soon):
		return false
	default:
		return true
	}
}

// fine is true where nobody has to be told anything.
func (c combination) fine() bool {
	if c.up != "1" || c.primaries != "1" || c.nodeUp != "1" {
		return false
	}
	intended := c.delay == hour && c.synced == "0" && !slices.Contains([]string{"paused", "disconnected", "diverged"}, c.state)
	return c.state == "synced" || intended
}

// speaks returns the alerts that have to fire, by what is wrong.
func (c combination) speaks() []string {
	return slices.Concat(c.primarySpeaks(), c.replicaSpeaks())
}

func (c combination) primarySpeaks() []string {
	switch {
	case c.primaries == "0":
		return []string{"PgCanaryNoPrimary"}
	case c.up == "0" && c.syncWait && c.primaries == "2":
		return []string{"PgCanaryCommitsWait", "PgCanarySplitBrain"}
	case c.up == "0" && c.syncWait:
		return []string{"PgCanaryCommitsWait"}
	case c.up == "0" && c.primaries == "2":
		return []string{"PgCanaryPrimaryWriteFailing", "PgCanarySplitBrain"}
	case c.up == "0":
		return []string{"PgCanaryPrimaryWriteFailing"}
	case c.primaries == "2":
		return []string{"PgCanarySplitBrain"}
	default:
		return nil
	}
}

func (c combination) replicaSpeaks() []string {
	led := c.primaries == "1" || c.primaries == "2"
	switch c.state {
	case "unreachable":
		// Where nobody answers, the alerts on the primary say it.
		return only("PgCanaryReplicaUnreachable", led || c.another || c.nodeUp == "1")
	case "foreign":
		return only("PgCanaryReplicaForeign", true)
	case "primary", "duplicate":
		if c.another {
			return only("PgCanaryNotAReplica", true)
		}
		return only("PgCanaryNoReplica", true)
	case "diverged":
		return only("PgCanaryReplicaDiverged", c.primaries != "2")
	case "paused":
		return only("PgCanaryReplicaPaused", true)
	case "disconnected":
		return only("PgCanaryReplicaDisconnected", led)
	}
	switch {
	case c.up == "1" && c.synced == "" && c.isPrimary != "1":
		return append(only("PgCanaryReplicaLagging", c.lag == stuck && c.delay == ""), "PgCanaryReplicaUnknown")
	case c.lag == stuck:
		return only("PgCanaryReplicaLagging", c.delay == "")
	default:
		return only("PgCanaryFreshnessBudgetBurn", c.synced == "0" && c.delay == "")
	}
}

// only returns the alert if it fires.
func only(alert string, fires bool) []string {
	if fires {
		return []string{alert}
	}
	return nil
}
