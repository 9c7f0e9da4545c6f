package verdict

// Cluster is which cluster the nodes belong to.
type Cluster struct {
	// System is its system identifier; 0 while no node has told.
	System uint64
	// Provisional is true while too few nodes have answered to be sure.
	Provisional bool
}

// Agree returns which cluster the nodes belong to, by what each answers as its
// system identifier, 0 for no answer, in the order of the configuration.
//
// It is that of most of the nodes that answer, of equals the first-named one's. It
// stays provisional, and voted on again, until more than half of the nodes have
// answered at the same time. From then on it changes only when more than half
// answer, and all of them with the same other one: so does a cluster that was
// re-created on the same addresses, and a single wrong address does not.
func Agree(known Cluster, answers []uint64) Cluster {
	votes, count := map[uint64]int{}, 0
	for _, system := range answers {
		if system != 0 {
			votes[system]++
			count++
		}
	}
	if count == 0 {
		return known
	}
	var winner uint64
	for _, system := range answers {
		if votes[system] > votes[winner] {
			winner = system
		}
	}
	most := 2*count > len(answers)
	switch {
	case known.System == 0 || known.Provisional:
		return Cluster{System: winner, Provisional: !most}
	case most && votes[winner] == count:
		return Cluster{System: winner}
	default:
		return known
	}
}
