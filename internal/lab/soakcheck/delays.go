package soakcheck

import (
	"math"
	"sort"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
)

// delays are the visibility delays of one node in a run, in the order in which they were counted.
type delays struct {
	places  []int            // of each among those of all nodes
	counted []history.Moment // before which no more than those before it were
	seconds []float64        // of so many in all, from none on
}

func (d *delays) add(place int, delay *history.Delay) {
	counted, seconds := history.Always, 0.0
	if n := len(d.counted); n > 0 {
		counted, seconds = d.counted[n-1], d.seconds[n]
	} else {
		d.seconds = []float64{0}
	}
	d.places = append(d.places, place)
	d.counted = append(d.counted, max(counted, delay.Received))
	d.seconds = append(d.seconds, seconds+float64(delay.Received-delay.Acknowledged)/1e9)
}

// checkHistogram checks that a scrape's histogram of a replica is the delays that were counted by then.
func (j *judge) checkHistogram(d *delays, t published, node string) {
	n := t.Nodes[node]
	if d == nil {
		d = &delays{seconds: []float64{0}}
	}
	least := sort.SearchInts(d.places, t.Delays)
	most := max(least, sort.Search(len(d.counted), func(i int) bool { return d.counted[i] > t.to }))
	j.expect(n.Delays >= int64(least) && n.Delays <= int64(most), checkHistogram, "%s: %d delays of %s, but %d to %d beats were seen",
		t.who, n.Delays, node, least, most)
	if n.Delays <= int64(len(d.places)) {
		want := d.seconds[n.Delays]
		j.expect(math.Abs(n.DelaySeconds-want) <= rounding.Seconds()*float64(n.Delays+1), checkHistogram,
			"%s: the %d delays of %s are %v s in all, not %v s", t.who, n.Delays, node, n.DelaySeconds, want)
	}
}

// sight is that a node shows a beat, which is told apart by its acknowledgement.
type sight struct {
	node         string
	acknowledged history.Moment
}

// checkDelays checks each delay that was counted.
func (j *judge) checkDelays(r *run) {
	seen := map[sight]bool{}
	for _, d := range r.delays {
		of := sight{d.Node, d.Acknowledged}
		j.expect(!seen[of], checkDelays, "%s: %d was counted twice on %s", r.Exporter, d.Capacity, d.Node)
		seen[of] = true
		if b := r.acknowledgedAt(d.Acknowledged); b != nil {
			j.checkDelay(d, b)
		} else { // Only a probe that writes to two primaries has one more.
			j.expect(r.Exporter != "", checkDelays, "a delay of %d, which is no beat", d.Capacity)
		}
	}
	for _, b := range r.acknowledged {
		for node, reads := range b.Reads {
			if reads.LastStale != nil && reads.FirstFresh != nil {
				j.expect(seen[sight{node, *b.Acknowledged}], checkDelays, "%s: that %s shows %d was seen, and not counted", r.Exporter, node, *b.Capacity)
			}
		}
	}
}

// checkDelay checks that a beat was visible when its delay ended, on another server than its own.
func (j *judge) checkDelay(d *history.Delay, b *history.Beat) {
	j.expect(*b.Capacity == d.Capacity && b.Written != d.Node && d.Received >= d.Acknowledged, checkDelays,
		"%s: a delay of %d on %s from %d to %d, but the beat is %d of %s", d.Exporter, d.Capacity, d.Node, d.Acknowledged, d.Received, *b.Capacity, b.Written)
	if own := b.Reads[d.Node].FirstFresh; own != nil {
		j.expect(d.Received <= *own, checkDelays, "%s: %s shows %d at %d, but a read showed it at %d", d.Exporter, d.Node, d.Capacity, d.Received, *own)
	}
	if d.Exporter != "" {
		j.checkDelayOnLine(d, b)
		return
	}
	if l := j.within(d.Acknowledged, d.Received); l != nil {
		lastStale, _ := l.runs.Bounds(d.Capacity)
		j.expect(lastStale <= d.Received, checkVisible, "the observer read an older value than %d %d ns after it was seen", d.Capacity, lastStale-d.Received)
	}
}

// checkDelayOnLine is that check where there are several lines: what a superuser read
// of the server later has the beat.
func (j *judge) checkDelayOnLine(d *history.Delay, b *history.Beat) {
	c, ok := j.graph.commitOf(b)
	p := j.graph.periodOf(d.Node, d.Received, d.Received)
	if !ok || p == nil {
		return
	}
	if run, ok := p.after(d.Received); ok {
		j.expect(j.graph.shows(p.Branch, run.Capacity, c) != no, checkVisible, "%s: %s showed %d, and not %d of branch %d that was seen there %d ns before",
			d.Exporter, d.Node, run.Capacity, c.value, c.branch, run.Last.Sent-d.Received)
	}
}

// acknowledgedAt returns the beat that was acknowledged at a moment, nil for none.
func (r *run) acknowledgedAt(at history.Moment) *history.Beat {
	i := sort.Search(len(r.acknowledged), func(i int) bool { return *r.acknowledged[i].Acknowledged >= at })
	if i == len(r.acknowledged) || *r.acknowledged[i].Acknowledged != at {
		return nil
	}
	return r.acknowledged[i]
}
