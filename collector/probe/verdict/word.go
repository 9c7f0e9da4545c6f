package verdict

import (
	"slices"
	"time"
)

// Word is what a cluster manager says: which member leads.
type Word struct {
	// Leader is its index; -1 where none is named.
	Leader int
	// Asked is when the manager was asked, by the exporter's clock; zero for never.
	Asked time.Time
}

// Claim is since when a server has been known to take writes. The zero value is that of one that does not.
type Claim struct {
	Server Server
	Since  time.Time
}

// After returns the claim when a member has said how it is. One that does not say who it is claims anew each time.
func (c Claim) After(m Member, now time.Time) Claim {
	switch {
	case !m.Answered:
		return c
	case !m.TakesWrites():
		return Claim{}
	case c.Since.IsZero() || !c.Server.Is(m.Server):
		return Claim{Server: m.Server, Since: now}
	default:
		return c
	}
}

// Heeded returns the leader if the manager was asked when every claim was known already, else -1. What it said earlier
// may be of before a failover, and would name the server that was replaced.
func (w Word) Heeded(claims []Claim) int {
	if slices.ContainsFunc(claims, func(c Claim) bool { return !c.Since.Before(w.Asked) && !c.Since.IsZero() }) {
		return -1
	}
	return w.Leader
}
