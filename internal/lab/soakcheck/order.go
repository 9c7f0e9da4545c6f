package soakcheck

import (
	"sort"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
)

// checkOrder checks what the history has to be in itself.
func (j *judge) checkOrder() {
	j.checkWritten()
	j.checkBeatsWritten()
	for i := range j.lives {
		j.checkObserved(&j.lives[i])
	}
	j.checkExported()
	for _, run := range j.Seen {
		j.checkCausal(run.Value, run.First.Received, "the observer")
	}
	for _, p := range j.acknowledged {
		if p.FirstFresh != nil {
			j.expect(*p.Sent < *p.FirstFresh, checkCausal, "%s: the exporter had %d before it was sent", p.who, *p.Capacity)
		}
	}
	for _, b := range j.beats {
		for _, reads := range b.Reads {
			if reads.FirstFresh != nil {
				j.checkCausal(*b.Capacity, *reads.FirstFresh, "the exporter")
			}
		}
	}
}

func (j *judge) checkWritten() {
	var last claim
	for _, p := range j.acknowledged {
		j.expect(*p.Sent < *p.Acknowledged, checkWritten, "%s was acknowledged before it was sent", p.who)
		if last.Probe != nil {
			j.expect(*p.Capacity > *last.Capacity, checkWritten, "%s wrote %d after %d", p.who, *p.Capacity, *last.Capacity)
			j.expect(*p.Sent > *last.Acknowledged, checkWritten, "%s was sent before the one before it was acknowledged", p.who)
			if p.PrimaryLSN != nil && last.PrimaryLSN != nil {
				j.expect(*p.PrimaryLSN > *last.PrimaryLSN, checkWritten, "%s is at %d, the one before it at %d",
					p.who, *p.PrimaryLSN, *last.PrimaryLSN)
			}
		}
		last = p
	}
}

// checkBeatsWritten does the same with all beats of the pair, of the pulse too.
func (j *judge) checkBeatsWritten() {
	for i, b := range j.beats {
		j.expect(*b.Sent < *b.Acknowledged, checkWritten, "beat %d was acknowledged before it was sent", b.Number)
		if i == 0 {
			continue
		}
		last := j.beats[i-1]
		j.expect(*b.Capacity > *last.Capacity, checkWritten, "beat %d wrote %d after %d", b.Number, *b.Capacity, *last.Capacity)
		j.expect(*b.Sent > *last.Acknowledged, checkWritten, "beat %d was sent before the one before it was acknowledged", b.Number)
		j.expect(b.LSN == nil || last.LSN == nil || *b.LSN > *last.LSN, checkWritten, "beat %d is not at a later position than the one before", b.Number)
	}
}

func (j *judge) checkObserved(l *life) {
	for i := 1; i < len(l.runs); i++ {
		before, run := l.runs[i-1], l.runs[i]
		j.expect(run.Value >= before.Value, checkObserved, "%d after %d, at %d ns", run.Value, before.Value, run.First.Received)
		j.expect(run.First.Sent >= before.Last.Received, checkObserved, "two reads at once at %d ns", run.First.Sent)
	}
}

// checkExported compares the first reads of consecutive probes in one life.
func (j *judge) checkExported() {
	var last *history.Probe
	for i := range j.Probes {
		p := &j.Probes[i]
		if p.ReplicaCapacity == nil || p.FirstSent == nil || p.FirstReceived == nil {
			continue
		}
		if last != nil && lifeOf(j.lives, *last.FirstSent, *p.FirstReceived) != nil {
			j.expect(*p.ReplicaCapacity >= *last.ReplicaCapacity, checkExported, "probe %d read %d after %d",
				p.Number, *p.ReplicaCapacity, *last.ReplicaCapacity)
		}
		last = p
	}
}

// checkCausal checks that a value that somebody had received had been sent.
func (j *judge) checkCausal(value int64, received history.Moment, who string) {
	i := sort.Search(len(j.beats), func(i int) bool { return *j.beats[i].Capacity >= value })
	if i == len(j.beats) || *j.beats[i].Capacity != value {
		return // Its acknowledgement was lost.
	}
	j.expect(*j.beats[i].Sent < received, checkCausal, "%s had %d before it was sent", who, value)
}
