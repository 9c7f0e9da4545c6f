//go:build unix

package exporter

import (
	"strings"
	"time"
)

// Notice is a line of the exporter's log that tells of what happens once.
type Notice struct {
	// Message is the line's own.
	Message string
	// Commits is how many canary commits it is about.
	Commits int64
	// Since is when an outage began, and After how long one lasted.
	Since time.Time
	After time.Duration
}

// The messages of notices.
const (
	TookOver    = "another server took over as primary"
	Lost        = "acknowledged commits are lost"
	AtRisk      = "acknowledged commits are on another primary only"
	SafeAgain   = "no acknowledged commits are at risk any more"
	OutageBegan = "no canary commit is acknowledged"
	OutageEnded = "canary commits are acknowledged again"
)

// noticeOf returns what a line tells of what happens once; false for nothing. The line of the beat that
// saw it first comes after it.
func (e *Exporter) noticeOf(text string, line logLine) (Notice, bool) {
	for _, message := range []string{TookOver, Lost, AtRisk, SafeAgain, OutageBegan, OutageEnded} {
		if strings.Contains(text, `msg="`+message+`"`) {
			after, _ := time.ParseDuration(line["after"])
			return Notice{message, line.number("canary_commits"), line.moment(e.origin, "since"), after}, true
		}
	}
	return Notice{}, false
}
