//go:build unix

package exporter

import "strings"

// Notice is a line of the exporter's log that tells of what happens once.
type Notice struct {
	// Message is the line's own.
	Message string
	// Commits is how many canary commits it is about.
	Commits int64
}

// The messages of notices.
const (
	TookOver  = "another server took over as primary"
	Lost      = "acknowledged commits are lost"
	AtRisk    = "acknowledged commits are on another primary only"
	SafeAgain = "no acknowledged commits are at risk any more"
)

// notice keeps a line that tells of a change of primary or of lost commits.
func (e *Exporter) notice(text string, line logLine) {
	for _, message := range []string{TookOver, Lost, AtRisk, SafeAgain} {
		if strings.Contains(text, `msg="`+message+`"`) {
			e.notices = append(e.notices, Notice{message, line.number("canary_commits")})
		}
	}
}

// Notices returns those since the last call. What a probe logged is among them when
// its moments are there.
func (e *Exporter) Notices() []Notice {
	e.mu.Lock()
	defer e.mu.Unlock()
	taken := e.notices
	e.notices = nil
	return taken
}
