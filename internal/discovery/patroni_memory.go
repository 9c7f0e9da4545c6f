package discovery

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// keptGone is how long a member stays a node that Patroni names no more. A member whose
// host or Patroni died is forgotten by the DCS after Patroni's ttl (30 s): just then it
// matters that it does not answer, or that it still takes writes.
const keptGone = time.Hour

// stopped is the state in which a member says good-bye: it is then not kept.
const stopped = "stopped"

// memory is what answers of Patroni leave behind.
type memory struct {
	scope   string // "": not told yet
	members map[string]remembered
}

// remembered is a member as it was last named.
type remembered struct {
	patroniMember
	gone  bool      // the last answer does not name it
	named time.Time // when it was named last
}

// after returns the memory after an answer.
func (m memory) after(answer patroniCluster, now time.Time) memory {
	after := memory{scope: cmp.Or(answer.scope, m.scope), members: map[string]remembered{}}
	if m.differs(answer.scope) {
		m.members = nil // They are another cluster's.
	}
	taken := map[place]bool{}
	for _, member := range answer.members {
		after.members[member.node.Name] = remembered{patroniMember: member, named: now}
		taken[place{member.node.Host, member.node.Port}] = true
	}
	for _, member := range m.newestFirst() {
		_, named := after.members[member.node.Name]
		at := place{member.node.Host, member.node.Port}
		if named || taken[at] || member.node.State == stopped || now.Sub(member.named) >= keptGone || len(after.members) >= mostNodes {
			continue
		}
		member.gone = true
		after.members[member.node.Name] = member
	}
	return after
}

// newestFirst returns the members, those that were named last first.
func (m memory) newestFirst() []remembered {
	return slices.SortedFunc(maps.Values(m.members), func(a, b remembered) int {
		return cmp.Or(b.named.Compare(a.named), cmp.Compare(a.node.Name, b.node.Name))
	})
}

// settled tells whether all members run, as far as Patroni knows.
func (m memory) settled() bool {
	for _, member := range m.members {
		if member.gone || !Runs(member.node.State) {
			return false
		}
	}
	return true
}

// nodes returns the members as nodes; one that is gone leads nothing.
func (m memory) nodes() []Node {
	nodes := make([]Node, 0, len(m.members))
	for _, member := range m.members {
		if member.gone {
			member.node.Leader, member.node.Role, member.node.State = false, "", StateGone
		}
		nodes = append(nodes, member.node)
	}
	sortNodes(nodes)
	return nodes
}

// informant is a member that can be asked about its cluster.
type informant struct{ name, url string }

// others returns the members that may be asked besides the given addresses, those that
// are gone last. Where all the given ones are encrypted, the others have to be.
func (m memory) others(given []string, encrypted bool) []informant {
	var there, gone []informant
	for _, name := range slices.Sorted(maps.Keys(m.members)) {
		member := m.members[name]
		switch {
		case member.url == "" || slices.Contains(given, member.url) || encrypted && !strings.HasPrefix(member.url, "https:"):
		case member.gone:
			gone = append(gone, informant{name, member.url})
		default:
			there = append(there, informant{name, member.url})
		}
	}
	return append(there, gone...)
}

// vouch refuses the answer of another cluster: an address that was found may have been
// given to somebody else since. The answer has to name the member there.
func (m memory) vouch(known informant, answer patroniCluster) error {
	if m.differs(answer.scope) {
		return fmt.Errorf("%s, where member %q was, belongs to another cluster now (scope %.100q)", known.url, known.name, answer.scope)
	}
	for _, member := range answer.members {
		if member.node.Name == known.name && member.url == known.url {
			return nil
		}
	}
	return fmt.Errorf("%s, where member %q was, does not name it any more", known.url, known.name)
}

// differs tells whether a scope is another cluster's, as far as both are known.
func (m memory) differs(scope string) bool { return m.scope != "" && scope != "" && m.scope != scope }
