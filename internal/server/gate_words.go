package server

import (
	"fmt"
	"strings"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// explain says in a sentence what a check found and, where that is no, what to do or look at.
func explain(ask *probe.GateAsk, answer *probe.GateAnswer) string {
	if answer.Open {
		return allowed(ask, answer)
	}
	node := ask.Node
	switch answer.State {
	case verdict.GateUnreachable:
		return node + " cannot be read" + because(answer.Reason) + ": nothing is proved without a connection to it that lasts."
	case verdict.GatePooled:
		return node + " is behind a pooler, and nobody knows which server answers there next: give the cluster a node with the server's own address, and ask for that."
	case verdict.GateBalanced:
		return node + " leads to several servers, and nobody knows which one answers there next: give the cluster a node for each server, and ask for those."
	case verdict.GateForeign:
		return node + " leads to a server of another cluster: correct its connection string."
	case verdict.GateDiverged:
		return node + " is on another history than the server that acknowledged the last beat" + inserted(" (%s)", answer.Primary) + ": it never gets what is written there."
	case verdict.GateSplit:
		return "Two servers take writes (" + strings.Join(answer.Rivals, ", ") + "): nobody knows whose writes a read should show."
	case verdict.GateNoPrimary:
		return noPrimary(answer)
	case verdict.GateNotPrimary:
		return "The last beat was acknowledged by " + answer.Primary + ", and not by " + node + "."
	case verdict.GateUnknown:
		return unknown(ask, answer)
	default:
		return stale(ask, answer)
	}
}

func allowed(ask *probe.GateAsk, answer *probe.GateAnswer) string {
	switch answer.State {
	case verdict.GateWritable:
		return ask.Node + " acknowledged the last beat."
	case verdict.GateKept:
		return "The primary cannot be asked" + because(answer.Reason) + ". Up to the last beat that was acknowledged, a read on " + ask.Node +
			" misses nothing older than " + ask.Max.String() + "; how old that is by now says " + lagHeader + "."
	default:
		return "A read on " + ask.Node + " misses nothing that was acknowledged more than " + short(answer.Lag) + " ago."
	}
}

func noPrimary(answer *probe.GateAnswer) string {
	switch {
	case len(answer.Rivals) > 0:
		return "The primary" + inserted(" (%s)", answer.Primary) + " cannot be asked" + because(answer.Reason) + ", and " + strings.Join(answer.Rivals, ", ") +
			" takes writes that nothing was acknowledged of yet."
	case answer.Reason != "":
		return "The primary cannot be asked" + because(answer.Reason) + ": nobody knows what was acknowledged since."
	default:
		return "No beat was acknowledged in time: nobody knows whether any server takes writes."
	}
}

func unknown(ask *probe.GateAsk, answer *probe.GateAnswer) string {
	switch {
	case answer.Unwritten:
		return "The primary has written no beat since it was started or promoted, and positions prove nothing without one: scrape the cluster, give it a pulse, or use the gate beat."
	case answer.Primary == "":
		return "No beat has been acknowledged yet: nothing is known of " + ask.Node + "."
	default:
		return "Nothing that was read of " + ask.Node + " proves how fresh it is: it has shown none of the beats that are remembered, or has not answered just now."
	}
}

func stale(ask *probe.GateAsk, answer *probe.GateAnswer) string {
	text := "A read on " + ask.Node + " may miss what was acknowledged within the last " + short(answer.Lag) + ", and " + ask.Max.String() + " were asked for"
	if answer.State != verdict.GateStale {
		text += ": " + string(answer.State)
	}
	return text + "."
}

// short writes a duration in the way of people: to the millisecond, and to the second where it is long.
func short(d *time.Duration) string {
	switch {
	case d == nil:
		return "an unknown time"
	case *d >= time.Minute:
		return d.Round(time.Second).String()
	default:
		return d.Round(time.Millisecond).String()
	}
}

func because(reason probe.Reason) string { return inserted(" (%s)", string(reason)) }

func inserted(format, name string) string {
	if name == "" {
		return ""
	}
	return fmt.Sprintf(format, name)
}
