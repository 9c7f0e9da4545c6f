package soakcheck

import (
	"maps"
)

// tally is what an exporter has counted by a beat.
type tally struct {
	commits int64
	nodes   map[string]nodeTally
}

// nodeTally are the verdicts on a replica, of all beats, and of those by what reads prove.
type nodeTally struct{ all, synced, late int64 }

// tally adds up what is counted with each beat.
func (j *judge) tally(r *run) {
	sum := tally{nodes: map[string]nodeTally{}}
	r.tallies = []tally{sum}
	for _, b := range r.beats {
		if b.Acknowledged != nil {
			sum.commits++
			nodes := maps.Clone(sum.nodes)
			for node, reads := range b.Reads {
				n := nodes[node]
				n.all++
				if in := proved(b, reads, j.Settings.SyncedWithin); in != nil && *in {
					n.synced++
				} else if in != nil {
					n.late++
				}
				nodes[node] = n
			}
			sum.nodes = nodes
		}
		r.tallies = append(r.tallies, sum)
	}
}

// checkTotals checks that a scrape's totals have each beat once.
func (j *judge) checkTotals(r *run, t published) {
	least, most := r.counted(t)
	low, high := r.tallies[least], r.tallies[most]
	j.expect(t.Commits >= low.commits && t.Commits <= high.commits, checkCommits,
		"%s: %d commits, but %d to %d beats were acknowledged", t.who, t.Commits, low.commits, high.commits)
	for node, n := range t.Nodes {
		low, high := low.nodes[node], high.nodes[node]
		all := n.Synced + n.Late + n.Unknown
		j.expect(all >= low.all && all <= high.all, checkVerdicts,
			"%s: %d verdicts on %s, but %d to %d beats were looked for there", t.who, all, node, low.all, high.all)
		j.expect(n.Synced >= low.synced && n.Synced <= high.synced, checkProved,
			"%s: %d beats synced on %s, but the reads prove %d to %d", t.who, n.Synced, node, low.synced, high.synced)
		// A server that has left the primary's history is late without a stale read.
		j.expect(n.Late >= low.late && (n.Late <= high.late || r.Exporter != ""), checkProved,
			"%s: %d beats late on %s, but the reads prove %d to %d", t.who, n.Late, node, low.late, high.late)
		j.checkHistogram(r.histograms[node], t, node)
	}
}
