package soakcheck

import (
	"sort"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/history"
)

// checkOrder checks what the history has to be in itself.
func (j *judge) checkOrder() {
	j.checkWritten()
	for i := range j.lives {
		j.checkObserved(&j.lives[i])
	}
	j.checkExported()
	for _, run := range j.Seen {
		j.checkCausal(run.Value, run.First.Received, "the observer")
	}
	for _, p := range j.acknowledged {
		if p.FirstFresh != nil {
			j.checkCausal(*p.Capacity, *p.FirstFresh, "the exporter")
		}
	}
}

func (j *judge) checkWritten() {
	var last *history.Probe
	for _, p := range j.acknowledged {
		j.expect(*p.Sent < *p.Acknowledged, checkWritten, "probe %d was acknowledged before it was sent", p.Number)
		if last != nil {
			j.expect(*p.Capacity > *last.Capacity, checkWritten, "probe %d wrote %d after %d", p.Number, *p.Capacity, *last.Capacity)
			j.expect(*p.Sent > *last.Acknowledged, checkWritten, "probe %d was sent before the one before it was acknowledged", p.Number)
			if p.PrimaryLSN != nil && last.PrimaryLSN != nil {
				j.expect(*p.PrimaryLSN > *last.PrimaryLSN, checkWritten, "probe %d is at %d, the one before it at %d",
					p.Number, *p.PrimaryLSN, *last.PrimaryLSN)
			}
		}
		last = p
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
	i := sort.Search(len(j.acknowledged), func(i int) bool { return *j.acknowledged[i].Capacity >= value })
	if i == len(j.acknowledged) || *j.acknowledged[i].Capacity != value {
		return // Its acknowledgement was lost.
	}
	j.expect(*j.acknowledged[i].Sent < received, checkCausal, "%s had %d before it was sent", who, value)
}
