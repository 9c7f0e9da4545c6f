package verdict

import "slices"

// Member is what a node told about itself in a probe.
type Member struct {
	// Answered is true when the node said whether it is in recovery.
	Answered bool
	// Foreign is true for a server of another cluster.
	Foreign bool
	Server  Server
	State   State
	// Row is the section that the node showed last in the probe: for the
	// primary that was written, as the beat left it behind.
	Row Row
	// Followed is the server that the node was last known to follow, for when it does not tell.
	Followed Server
}

// TakesWrites is true for a node of the cluster that says it is not in recovery.
func (m Member) TakesWrites() bool { return m.Answered && !m.Foreign && !m.State.InRecovery }

// SameServer returns the index of the first member whose name leads to the server
// of the i-th: i itself where no earlier one does.
func SameServer(members []Member, i int) int {
	for j := range i {
		if members[j].Answered && members[j].Server.Is(members[i].Server) {
			return j
		}
	}
	return i
}

// Primaries returns the members that take writes, in their order, one for each server.
func Primaries(members []Member) []int {
	var primaries []int
	for i, m := range members {
		if m.TakesWrites() && !repeats(members, primaries, m.Server) {
			primaries = append(primaries, i)
		}
	}
	return primaries
}

func repeats(members []Member, among []int, server Server) bool {
	for _, i := range among {
		if members[i].Server.Is(server) {
			return true
		}
	}
	return false
}

// Primary returns the member to write to: the one that takes writes; of several
// servers the one that is named, else the one that most nodes follow, of equals the one on the latest
// timeline, of equals the one that was written last. Where none takes
// writes it is that one too. beat is the last acknowledged one; its zero value is none.
// named is the leader of a [Word], -1 for none.
func Primary(members []Member, written int, beat Beat, named int) int {
	primaries := Primaries(members)
	switch len(primaries) {
	case 0:
		return written
	case 1:
		return primaries[0]
	}
	if named >= 0 {
		for _, i := range primaries {
			if leadsTo(members, i, named) {
				return i
			}
		}
	}
	followers := map[int]int{}
	for i := range members {
		if followed := Followed(members, i, primaries, beat); followed >= 0 {
			followers[followed]++
		}
	}
	best := primaries[0]
	for _, next := range primaries[1:] {
		if better(members, followers, next, best, written) {
			best = next
		}
	}
	return best
}

func better(members []Member, followers map[int]int, next, best, written int) bool {
	if followers[next] != followers[best] {
		return followers[next] > followers[best]
	}
	if a, b := members[next].State.Timeline, members[best].State.Timeline; a != b {
		return a > b
	}
	return leadsTo(members, next, written)
}

// leadsTo says whether a name leads to the server that another one leads to.
func leadsTo(members []Member, i, other int) bool {
	return i == other || members[i].Server.Is(members[other].Server)
}

// Followed returns which of the primaries, given by their indexes, the i-th member
// follows; -1 where that is not known, or it follows none. Of several it is the one
// that nothing speaks against, or that one thing speaks for; and what was last known
// where the node does not answer, or says nothing that tells.
func Followed(members []Member, i int, primaries []int, beat Beat) int {
	m := members[i]
	if m.Foreign || SameServer(members, i) != i || m.TakesWrites() {
		return -1 // A server has one vote.
	}
	possible := primaries
	if m.Answered {
		possible = slices.DeleteFunc(slices.Clone(primaries), func(p int) bool { return m.cannotFollow(members[p], beat) })
		if followed := only(possible, func(p int) bool { return m.agreesWith(members[p], beat) }); followed >= 0 {
			return followed
		}
		if len(possible) == 1 && len(primaries) > 1 {
			return possible[0]
		}
	}
	return only(possible, func(p int) bool { return members[p].Server.Is(m.Followed) })
}

// cannotFollow says that a standby is proved to be on another history than a primary,
// which need not have been written since it was promoted.
func (m Member) cannotFollow(primary Member, beat Beat) bool {
	if Compare(primary.Row, m.Row) == Left {
		return true
	}
	if primary.State.Timeline != 0 && max(m.State.Timeline, m.State.LeastTimeline) > primary.State.Timeline {
		return true
	}
	has, shows := primary.holds(beat), m.holds(beat)
	replayedBeyond := beat.LSN != 0 && m.State.ReplayLSN >= beat.LSN
	return (has == No && shows == Yes) || (has == Yes && shows == No && replayedBeyond)
}

// agreesWith says what speaks for a primary: the standby receives its timeline, or
// shows the beat that it wrote there.
func (m Member) agreesWith(primary Member, beat Beat) bool {
	if primary.State.Timeline != 0 && m.State.Timeline == primary.State.Timeline {
		return true
	}
	return primary.State.Timeline == beat.Timeline && primary.holds(beat) == Yes && m.holds(beat) == Yes
}

// holds says whether a member's row has a beat.
func (m Member) holds(beat Beat) Answer {
	if m.Row.Born != beat.Born {
		return Unproved
	}
	return m.Row.Holds(beat.Era(), beat.Capacity)
}

// only returns the one that fits, -1 where none or several do.
func only(among []int, fits func(int) bool) int {
	found := -1
	for _, i := range among {
		if !fits(i) {
			continue
		}
		if found >= 0 {
			return -1
		}
		found = i
	}
	return found
}

// Writer is who acknowledged a beat.
type Writer struct {
	// Name is the node's name.
	Name   string
	Server Server
	// Row is the section as the beat left it behind.
	Row Row
}

// TookOver says whether another server acknowledges beats now, under whatever name: a
// promotion begins a timeline, be it of the same number from another fork, and a
// plain restart under the same name does not.
func TookOver(before, now Writer) bool {
	switch {
	case before.Name == "" || now.Server.Is(before.Server):
		return false
	case differ(before.Row.Timeline, now.Row.Timeline), differ(before.Row.Fork, now.Row.Fork):
		return true
	case before.Name == now.Name:
		return false
	default:
		// Of one fork it is one that restarted, reached under another name, unless
		// two were promoted at the same position.
		return before.Row.Fork == 0 || now.Row.Fork == 0 || now.Row.apartFrom(before.Row)
	}
}

// apartFrom says that a row's line is proved not to have the other row's era.
func (r Row) apartFrom(other Row) bool {
	kept := slices.ContainsFunc(r.Eras, func(e Era) bool { return e.ID == other.Era() })
	return r.Born == other.Born && !kept && r.Holds(other.Era(), other.Capacity) == No
}

// differ says whether two values are known and not the same.
func differ[T uint32 | LSN](a, b T) bool { return a != 0 && b != 0 && a != b }
