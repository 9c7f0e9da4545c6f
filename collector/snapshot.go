package collector

import "github.com/pg-canary/pg_canary_exporter/collector/probe"

// setResult adds what one probe observed.
func (f families) setResult(r *probe.Result) {
	f.set(up, toFloat(r.Write != nil))
	f.set(probeDuration, r.Duration.Seconds())
	f.set(primaries, float64(r.Primaries()))
	if w := r.Write; w != nil {
		f.set(writeDuration, w.Acknowledged.Sub(w.Sent).Seconds())
		f.set(primaryCapacity, float64(w.Capacity))
		f.setKnown(primaryLSN, uint64(w.LSN))
		f.setKnown(primaryTimeline, uint64(w.Timeline))
	}
	f.expect(replicaState, len(r.Nodes)*len(probe.ReplicaStates()))
	for i := range r.Nodes {
		node := &r.Nodes[i]
		f.set(nodeUp, toFloat(node.Up), node.Name)
		if node.InRecovery != nil {
			f.set(nodeIsPrimary, toFloat(!*node.InRecovery), node.Name)
		}
		if node.Replica != nil {
			f.setReplica(node.Name, node.Replica)
		}
	}
}

func (f families) setReplica(name string, replica *probe.ReplicaResult) {
	if replica.Synced != nil {
		f.set(synced, toFloat(*replica.Synced), name)
	}
	if replica.LagBytes != nil {
		f.set(lagBytes, float64(*replica.LagBytes), name)
	}
	if replica.Lag != nil {
		f.set(lagSeconds, replica.Lag.Seconds(), name)
	}
	if first := replica.First; first != nil {
		f.setFirst(name, first)
	}
	if replica.State != "" {
		for _, state := range probe.ReplicaStates() {
			f.set(replicaState, toFloat(state == replica.State), name, string(state))
		}
	}
}

// setFirst adds what the first read of a replica showed.
func (f families) setFirst(name string, first *probe.Read) {
	f.set(readDuration, first.Received.Sub(first.Sent).Seconds(), name)
	f.setKnown(replayLSN, uint64(first.ReplayLSN), name)
	f.setKnown(receiveLSN, uint64(first.ReceiveLSN), name)
	f.setKnown(replicaTimeline, uint64(first.Timeline), name)
	if first.Found {
		f.set(replicaCapacity, float64(first.Capacity), name)
	}
	if first.ApplyDelay != nil {
		f.set(applyDelay, first.ApplyDelay.Seconds(), name)
	}
}

// setKnown adds a value that PostgreSQL never has at 0.
func (f families) setKnown(m *Metric, value uint64, labels ...string) {
	if value != 0 {
		f.set(m, float64(value), labels...)
	}
}

func toFloat(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
